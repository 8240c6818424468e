"""What scales an endpoint: one thing at most, within the bounds, and never by what a tenant wrote into a query."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.resolved import Resolved
from aimlib.api.scaling import MOST_REQUESTS, Scaling
from aimlib.config import Config
from aimlib.telemetry.load_targets import LOAD_TARGETS, quoted, stated_targets
from hooks.endpoint.children.hpa import autoscaler
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.scaled_object import PAUSED, keda_autoscaler, scaled_by_keda, scaled_object
from hooks.endpoint.children.scalers import RoutingGateway, Scalers
from hooks.endpoint.children.triggers import MOST_GATEWAYS, triggers, usual_requests
from hooks.endpoint.scaling import (
    LONGEST_MESSAGE,
    MOST_WANTED,
    AutoscalerTarget,
    _measured,
    _objection,
    _trigger,
    scaling_warnings,
)
from hooks.endpoint.warnings import warnings

RESOLVED = Resolved(
    decided_for="x",
    recipe="one",
    model_id="Qwen/Qwen3-32B",
    checkpoint="Qwen/Qwen3-32B",
    backend="vllm",
    precision="bf16",
    gpu_count=2,
    image="vllm:1",
    product="MI300X",
    vendor="amd",
)
EDGE = RoutingGateway("team-a", "edge")
SCALINGS = st.fixed_dictionaries(
    {"minReplicas": st.integers(0, 3), "maxReplicas": st.integers(3, 6)},
    optional={
        "targetRequests": st.integers(1, 100),
        "targetKVCacheUtilization": st.integers(1, 100),
        "targetTimeToFirstToken": st.sampled_from(["2s", "500ms"]),
        "targetCPUUtilization": st.integers(1, 100),
        "targetMemoryUtilization": st.integers(1, 100),
        "targetGPUUtilization": st.integers(1, 100),
        "scaleUpDelay": st.integers(0, 3600),
        "scaleDownDelay": st.integers(0, 3600),
    },
)
SCALERS = st.builds(
    Scalers,
    keda=st.booleans(),
    gateways=st.sampled_from([(), (EDGE,)]),
    observed=st.sampled_from([frozenset(), frozenset({"ScaledObject"}), frozenset({"HorizontalPodAutoscaler"})]),
    loading=st.booleans(),
    scheduled=st.integers(0, 3),
)
OWNERS = st.builds(
    lambda scaling, scalers, replicas, suspend, scraped, external: owner(
        scaling, scalers, Config(external_load_metrics=external), replicas=replicas, suspend=suspend, scraped=scraped
    ),
    SCALINGS,
    SCALERS,
    st.integers(0, 8),
    *(st.booleans() for _ in range(3)),
)


def owner(scaling, scalers=Scalers(), config=Config(), *, scraped=True, name="chat", **spec):  # noqa: B008 - never changed
    monitoring = {"enabled": scraped}
    stated = {"model": {"id": "Qwen/Qwen3-32B"}, "monitoring": monitoring, "scaling": scaling, **spec}
    return Owner(name, "team-a", EndpointSpec.model_validate(stated), RESOLVED, config, scalers=scalers)


@given(OWNERS)
def test_one_autoscaler_at_most_and_none_beside_one_of_another_kind_that_is_still_there(made):
    keda, own = scaled_object(made), autoscaler(made)
    assert not (keda and own)
    assert not (keda and "HorizontalPodAutoscaler" in made.scalers.observed)
    assert not (own and "ScaledObject" in made.scalers.observed)


@given(OWNERS)
def test_replicas_are_within_the_bounds_of_the_autoscaler(made):
    least, most = made.scalers.least(made.spec.scaling), made.spec.scaling.most
    keda = scaled_object(made)
    if keda:
        assert (keda["spec"]["minReplicaCount"], keda["spec"]["maxReplicaCount"]) == (least, most)
        assert keda["spec"]["fallback"]["replicas"] >= 1
    if made.spec.suspend:
        assert made.replicas == 0
    elif scaled_by_keda(made) or autoscaler(made):
        assert least <= made.replicas <= most
    assert (made.replicas == 0) <= (made.spec.suspend or made.rest[0] in {"Idle", "Stopped"})


@given(OWNERS)
def test_zero_by_the_autoscaler_needs_keda_and_a_gateway_that_would_wake_it(made):
    if made.scalers.least(made.spec.scaling) == 0:
        assert made.scalers.keda
        assert made.scalers.gateways
        assert "demand" in [one["name"] for one in triggers(made)]


@given(OWNERS)
def test_triggers_have_distinct_names_and_metadata_of_texts(made):
    found = triggers(made)
    assert len({one["name"] for one in found}) == len(found)
    assert all(isinstance(value, str) for one in found for value in one["metadata"].values())


@given(OWNERS)
def test_whoever_states_a_target_on_load_is_scaled_by_it_or_told_why_not(made):
    if not any(stated_targets(made.spec.scaling)):
        return
    own = autoscaler(made) or {"spec": {"metrics": []}}
    external = [one for one in own["spec"]["metrics"] if one["type"] == "External"]
    if not (scaled_by_keda(made) or external or made.scalers.observed or made.spec.suspend or not made.autoscaled):
        told = [*warnings(made.spec, made.resolved, made.config), *scaling_warnings(made)]
        assert any("no effect" in one for one in told)


@given(st.text(max_size=40))
def test_a_text_of_a_query_ends_where_it_should(text):
    made = quoted(text)
    inner = re.sub(r"\\(.)", "", made[1:-1], flags=re.DOTALL)
    assert made[0] == made[-1] == '"'
    assert '"' not in inner
    assert "\n" not in made
    back = re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), made[1:-1], flags=re.DOTALL)
    assert back == text


def test_a_name_that_is_no_label_selects_the_series_by_what_its_pods_have():
    [requests, *_] = triggers(owner({"maxReplicas": 3}, Scalers(keda=True), name="a" * 80))
    assert re.search(r'aimendpoint="[a-z0-9-]{1,63}"\}', requests["metadata"]["query"])


@pytest.mark.parametrize("name", ["chat", "a" * 63, "9-starts-with-a-digit", "a.b" * 60])
def test_the_autoscaler_of_keda_has_a_name_that_its_webhook_takes(name):
    assert len(keda_autoscaler(name)) <= 63
    assert keda_autoscaler("chat") == "keda-hpa-chat"


@pytest.mark.parametrize(("replicas", "ignored"), [(0, {"true"}), (1, {"true", "false"})])
def test_a_series_that_is_missing_is_no_load_where_there_is_no_replica(replicas, ignored):
    """KEDA writes the fall-back's replicas where a query fails and nothing is asked for: none would ever stay idle."""
    scaling = {"minReplicas": 0, "maxReplicas": 3, "targetKVCacheUtilization": 80, "targetTimeToFirstToken": "2s"}
    found = triggers(owner(scaling, Scalers(keda=True, gateways=(EDGE,)), replicas=replicas))
    assert {one["metadata"]["ignoreNullValues"] for one in found if one["type"] == "prometheus"} == ignored


def test_no_more_gateways_are_asked_than_a_few():
    gateways = tuple(RoutingGateway("team-a", f"edge-{number}") for number in range(9))
    found = triggers(owner({"minReplicas": 0}, Scalers(keda=True, gateways=gateways), scraped=False))
    assert len(found) == MOST_GATEWAYS


@pytest.mark.parametrize(("stated", "target"), [(1, 1), (64, 48), (2**64, MOST_REQUESTS), (-5, 1)])
def test_the_usual_target_is_one_that_could_be_stated(stated, target):
    made = owner({"maxReplicas": 3}, Scalers(keda=True))
    configured = RESOLVED.model_copy(update={"args": (f"--max-num-seqs={stated}",)})
    assert usual_requests(made._replace(resolved=configured)) == target


def test_triggers_are_none_without_scaling():
    assert triggers(owner(None, Scalers(keda=True))) == []
    assert scaled_object(owner(None)) is None
    assert list(scaling_warnings(owner(None))) == []
    assert not Scalers().reaches_zero(None)


def test_an_endpoint_that_is_not_suspended_any_more_has_its_least_replicas():
    """A zero that KEDA wrote meanwhile would be a stop by hand."""
    scaling = {"minReplicas": 2, "maxReplicas": 4}
    suspended = scaled_object(owner(scaling, Scalers(keda=True), replicas=3, suspend=True))
    assert suspended["metadata"]["annotations"] == {PAUSED: "2"}
    after = owner(scaling, Scalers(keda=True), replicas=2)
    assert after.replicas == 2
    assert scaled_object(after)["metadata"]["annotations"] == {}


def test_every_target_is_a_field():
    assert {one.attribute for one in LOAD_TARGETS} <= set(Scaling.model_fields)
    assert [Scaling.model_fields[one.attribute].alias or one.spelled for one in LOAD_TARGETS] == [
        one.spelled for one in LOAD_TARGETS
    ]


TARGET = AutoscalerTarget("requests", "External", "s0-", 24)


@pytest.mark.parametrize(
    "metric",
    [
        {},
        {"type": "External"},
        {"type": "External", "external": {"metric": {"name": "s1-prometheus"}, "current": {"value": "3"}}},
        {"type": "External", "external": {"metric": {"name": "s0-prometheus"}, "current": {"value": "much"}}},
        {"type": "External", "external": {"metric": {"name": "s0-prometheus"}, "current": {}}},
        {"type": "External", "external": {"metric": {"name": "s0-prometheus"}}},
        {
            "type": "External",
            "external": {"metric": {"name": "s0-prometheus"}, "current": {"value": "9223372036854775"}},
        },
        {"type": "External", "external": {"metric": {"name": "s0-prometheus"}, "current": {"value": "9e999"}}},
    ],
)
def test_what_an_autoscaler_does_not_say_is_not_known(metric):
    assert _measured(TARGET, metric) is None


def test_no_target_wants_more_replicas_than_a_status_takes():
    metric = {"metric": {"name": "s0-prometheus"}, "current": {"value": "1e12"}}
    status = {"currentReplicas": 1000, "currentMetrics": [{"type": "External", "external": metric}]}
    assert _trigger(TARGET._replace(value=0.001), status).replicas == MOST_WANTED


def test_what_others_write_into_conditions_is_text():
    forged = {"type": "Ready", "status": "False", "reason": "\x1b[2J", "message": f"{'x' * 600}\x1b]0;\x07"}
    reason, message = _objection({}, {"conditions": [forged]})
    assert "\x1b" not in reason + message
    assert len(message) <= LONGEST_MESSAGE
    assert _objection({}, {"conditions": [{"type": "Ready", "status": "False"}]}) == ("Unknown", "")


def test_warnings_of_the_rest():
    told = [
        list(warnings(owner({"minReplicas": 2}).spec, None, Config())),
        list(scaling_warnings(owner({"minReplicas": 0}, Scalers(keda=True)))),
        list(scaling_warnings(owner({"maxReplicas": 3, "targetRequests": 2, "targetCPUUtilization": 50}))),
    ]
    assert [[one.split(":")[0] for one in some] for some in told] == [
        ["scaling makes no autoscaler while maxReplicas is not above 1; spec.replicas decides"],
        ["scaling.minReplicas 0 has no effect"],
        [
            "scaling.targetRequests has no effect",
            "scaling.targetCPUUtilization says little of the load of a server on GPUs; targetRequests states it",
        ],
    ]
