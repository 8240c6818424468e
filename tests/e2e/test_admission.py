"""What the admission policies warn of, refuse and let through, on a real API server, with their exact sentences."""

import json

import pytest
import yaml

from aimlib.api.gateway import GatewaySpec
from aimlib.api.node import InventoryStatus
from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.hardware.inventory import inventory_status
from hooks.gateway.warnings import gateway_warnings
from tests.aimlib.make import amd, inventory, node
from tests.cluster.plane import ROOT
from tests.e2e.admission_cases import (
    HARDWARE,
    IN_ENV,
    MODEL,
    NO_FP8,
    SECURITY,
    SHIPPED,
    TOO_MANY,
    service,
    user,
    variable,
)
from tests.e2e.gate import ENFORCE, LET_IN, STRICT, USUAL, Answer, Gate, ask, created, gate
from tests.e2e.reach_cases import caching
from tests.e2e.space import SECONDS, endpoint, recipe

pytestmark = pytest.mark.e2e

OLD = inventory(amd("740f", 4), amd("740f", 4, "32G"), node())
"""Two classes of MI210, which serve no fp8, and processors."""
NEW = inventory(amd("74a1", 8), amd("74a5", 8), amd("740f", 4))


@pytest.fixture(scope="module")
def rules():
    with gate() as made:
        yield made


@pytest.fixture(scope="module")
def old(rules: Gate):
    rules.allows(**SHIPPED)
    rules.has(OLD)
    return rules


@pytest.mark.parametrize("case", HARDWARE)
def test_what_no_node_can_give_is_a_warning_and_where_it_is_enforced_a_refusal(old, case):
    spec, sentence = HARDWARE[case]
    said = (sentence,) if sentence else ()
    raw = endpoint("asked", **MODEL, **spec)
    assert created(old.plane, raw, USUAL) == Answer(accepted=True, said=said)
    assert created(old.plane, raw, STRICT) == Answer(accepted=not said, said=said)


@pytest.mark.parametrize("spelling", PRECISION_SPELLINGS)
def test_every_spelling_of_a_precision_is_understood(old, spelling):
    said = created(old.plane, endpoint("spelled", **MODEL, precision=spelling)).said
    assert said == ((NO_FP8,) if PRECISION_SPELLINGS[spelling] == "fp8" else ())


def test_the_message_names_every_product_that_has_the_most_and_says_what_each_serves(rules):
    rules.has(NEW)
    assert created(rules.plane, endpoint("asked", **MODEL, gpuCount=9)).said == (
        "gpuCount 9 is more than any node has: 8 (MI300X, MI325X)",
    )
    rules.has(inventory(amd("740f"), node()).model_copy(update={"classes": _serving({"MI210": ("bf16",)})}))
    both = created(rules.plane, endpoint("asked", **MODEL, gpuCount=9, precision="int4")).said
    assert both == (
        "gpuCount 9 is more than any node has: 8 (MI210)",
        "precision int4 is served by no GPU of the cluster: MI210 serves bf16",
    )


def _serving(precisions):
    classes = inventory(amd("740f")).classes
    return tuple(one.model_copy(update={"precisions": precisions.get(one.product, ())}) for one in classes)


NOTHING_KNOWN = {
    "no inventory": None,
    "an inventory without a status": InventoryStatus(),
    "an inventory of no nodes": inventory_status([]),
}


@pytest.mark.parametrize("case", NOTHING_KNOWN)
def test_while_the_inventory_is_not_filled_nothing_is_said(rules, case):
    rules.has(NOTHING_KNOWN[case])
    raw = endpoint("early", **MODEL, gpuCount=64, precision="fp8")
    assert [created(rules.plane, raw, space) for space in (USUAL, STRICT)] == [LET_IN, LET_IN]


def test_a_cluster_without_gpus_says_so_once_and_asks_nothing_of_precisions(rules):
    rules.has(inventory(node()))
    said = created(rules.plane, endpoint("early", **MODEL, gpuCount=1, precision="fp8")).said
    assert said == ("gpuCount 1 is more than any node has: the cluster has no GPUs",)
    assert created(rules.plane, endpoint("free", **MODEL, precision="fp8"), STRICT) == LET_IN


def test_an_inventory_of_an_earlier_release_knows_no_precisions_and_refuses_none(rules):
    rules.has(OLD.model_copy(update={"classes": _serving({})}))
    assert created(rules.plane, endpoint("old", **MODEL, precision="fp8"), STRICT) == LET_IN


def test_what_was_let_in_before_can_still_be_changed_scaled_and_deleted(rules):
    """Endpoints that came before the nodes, in a namespace that enforces."""
    rules.has(None)
    strict, target = f"--namespace={STRICT}", "aimendpoint/before"
    raw = endpoint("before", **MODEL, gpuCount=16) | {
        "metadata": {"name": "before", "finalizers": ["example.com/wait"]},
    }
    rules.plane.kubectl(strict, "create", "--filename=-", input=json.dumps(raw))
    rules.has(OLD)
    assert not created(rules.plane, endpoint("after", **MODEL, gpuCount=16), STRICT).accepted

    def patched(change, *more):
        return ask(rules.plane, strict, "patch", target, "--type=merge", f"--patch={json.dumps(change)}", *more)

    assert ask(rules.plane, strict, "label", target, "team=a") == LET_IN
    assert ask(rules.plane, strict, "scale", target, "--replicas=2") == LET_IN
    assert patched({"status": {"phase": "Pending"}}, "--subresource=status") == LET_IN
    assert patched({"spec": {"service": {"port": 9000}}}) == LET_IN
    # The other spelling of what stands there already is no change either.
    assert patched({"spec": {"recipe": {"gpuCount": 16}}}) == LET_IN
    more = {"spec": {"gpuCount": 17, "recipe": {"gpuCount": 17}}}
    assert patched(more).said == ("gpuCount 17 is more than any node has: 4 (MI210)",)
    assert patched({"spec": {"precision": "fp8"}}) == Answer(accepted=False, said=(NO_FP8,))
    assert ask(rules.plane, strict, "delete", target, "--wait=false") == LET_IN
    assert patched({"metadata": {"finalizers": None}}) == LET_IN


def test_a_hundred_kinds_of_gpus_are_within_the_budget(rules):
    rules.has(inventory(*(amd("740f", 4, f"{memory}G") for memory in range(1, 101))))
    assert created(rules.plane, endpoint("asked", **MODEL, gpuCount=16, precision="fp8")).said == (TOO_MANY, NO_FP8)


@pytest.mark.parametrize("case", SECURITY)
def test_what_is_not_allowed_is_refused_in_every_namespace(rules, case):
    parameters, raw, sentence = SECURITY[case]
    rules.allows(**parameters)
    expected = Answer(accepted=False, said=(sentence,)) if sentence else LET_IN
    assert created(rules.plane, raw, USUAL) == expected


def test_a_namespace_narrows_the_types_of_services_by_its_label(rules):
    rules.allows(**SHIPPED)
    label = "aim.engine.amd.com/service-types"
    said = (f"service.type NodePort is not allowed in namespace narrow, which allows {{}} (label {label})",)
    for allowed, words in (("ClusterIP", "ClusterIP"), ("ClusterIP.LoadBalancer", "ClusterIP, LoadBalancer")):
        rules.namespace("narrow", {label: allowed})
        expected = Answer(accepted=False, said=(said[0].format(words),))
        rules.plane.wait_for(
            f"the label {allowed} to be seen",
            lambda expected=expected: created(rules.plane, service(type="NodePort"), "narrow") == expected,
        )
        assert created(rules.plane, endpoint("asked", **MODEL), "narrow") == LET_IN
    assert created(rules.plane, service(type="LoadBalancer"), "narrow") == LET_IN


def test_a_namespace_narrows_the_models_by_its_annotation(rules):
    rules.allows(**{**SHIPPED, "modelPrefixes": "Qwen\nacme"})
    key = "aim.engine.amd.com/model-prefixes"
    rules.namespace("models", {}, {key: "Qwen/Qwen3-*  acme/a"})
    where = f"namespace models, which allows Qwen/Qwen3-*, acme/a (annotation {key})"

    def answered(raw):
        return created(rules.plane, raw, "models")

    refused = Answer(accepted=False, said=(f"model acme/b is not allowed in {where}",))
    rules.plane.wait_for("it to be seen", lambda: answered(endpoint("asked", modelId="acme/b")) == refused)
    assert answered(caching("acme/b", "acme/a")) == refused
    for raw in (endpoint("asked", modelId="Qwen/Qwen3-32B"), endpoint("asked", modelId="acme/a"), caching("acme/a")):
        assert answered(raw) == LET_IN
    both = answered(endpoint("asked", modelId="evil/x"))
    assert [one.partition(" (")[0] for one in both.said] == [
        "model evil/x is below none of the allowed prefixes Qwen, acme"
    ]


def test_a_model_from_before_the_list_stays_and_no_other_files_of_it_come(rules):
    rules.allows(**SHIPPED)
    before = (endpoint("earlier-model", modelId="evil/x"), {**caching("evil/x"), "metadata": {"name": "earlier-model"}})
    for raw in before:
        rules.plane.kubectl(f"--namespace={USUAL}", "create", "--filename=-", input=json.dumps(raw))
    rules.allows(**{**SHIPPED, "modelPrefixes": "Qwen"})
    allowed = {"aimendpoint": {"replicas": 2}, "aimcache": {"download": {"maxWorkers": 2}}}
    others = {
        "aimendpoint": {"model": {"id": "evil/x", "revision": "b" * 40}},
        "aimcache": {"models": [{"id": "evil/x", "revision": "b" * 40}]},
    }
    for kind, change in allowed.items():
        patch = (f"--namespace={USUAL}", "patch", f"{kind}/earlier-model", "--type=merge")
        assert ask(rules.plane, *patch, f"--patch={json.dumps({'spec': change})}") == LET_IN
        refused = ask(rules.plane, *patch, f"--patch={json.dumps({'spec': others[kind]})}")
        assert [one.partition(" (")[0] for one in refused.said] == [
            "model evil/x is below none of the allowed prefixes Qwen"
        ]
        rules.plane.kubectl(f"--namespace={USUAL}", "delete", f"{kind}/earlier-model")


def test_what_stood_there_before_the_policies_can_still_be_changed(rules):
    rules.allows(rootUser="Allow", literalSecrets="Allow")
    secret = variable("HF_TOKEN", value="hf_1") | {"metadata": {"name": "earlier"}}
    root = user(0) | {"metadata": {"name": "earlier", "namespace": USUAL}}
    for raw in (secret, root):
        rules.plane.kubectl("create", "--filename=-", input=json.dumps(raw))
    rules.allows(**SHIPPED)
    assert ask(rules.plane, "label", "aimrecipe/earlier", "team=a") == LET_IN
    usual = ("--namespace=usual", "patch", "aimendpoint/earlier", "--type=merge")
    assert ask(rules.plane, *usual, '--patch={"spec": {"service": {"port": 9000}}}') == LET_IN
    change = json.dumps([{"op": "add", "path": "/spec/configurations/0/env/0/value", "value": "hf_2"}])
    again = ask(rules.plane, "patch", "aimrecipe/earlier", "--type=json", f"--patch={change}")
    assert again == Answer(accepted=False, said=(IN_ENV.format("HF_TOKEN"),))
    for target in ("aimrecipe/earlier", "aimendpoint/earlier"):
        assert ask(rules.plane, "--namespace=usual", "delete", target) == LET_IN


def test_the_largest_recipe_is_within_the_budget(rules):
    """As many configurations and variables, with as long names, as the API allows, and a megabyte of arguments."""
    rules.allows(**SHIPPED)
    env = [{"name": f"{'N' * 250}{number:02d}", "value": "v" * 100} for number in range(64)]
    args = [f"--{'x' * 800}={number}" for number in range(64)]
    configurations = [{"gpuCount": count, "env": env, "args": args} for count in range(16)]
    raw = recipe("largest", **MODEL, configurations=configurations)
    assert len(json.dumps(raw)) > 1_000_000
    assert created(rules.plane, raw) == LET_IN


OF_GATEWAYS = {
    "as most are": {},
    "few tokens": {"clients": {"limits": [{"client": "red", "reservedTokensPerMinute": 2047}]}},
    "enough tokens": {"clients": {"limits": [{"client": "red", "reservedTokensPerMinute": 2048}]}},
    "few requests at once": {
        "replicas": 3,
        "clients": {"limits": [{"client": "red", "concurrentRequests": 2}, {"client": "*", "concurrentRequests": 1}]},
    },
    "as many as replicas": {"replicas": 3, "clients": {"limits": [{"client": "red", "concurrentRequests": 3}]}},
    "many clients": {"clients": {"limits": [{"client": f"c{at}", "concurrentRequests": 1} for at in range(9)]}},
    "requests that wait longer than they may": {"timeouts": {"seconds": 60, "idleSeconds": 30}},
    "requests that do not wait": {"timeouts": {"seconds": 60, "idleSeconds": 30}, "holding": {"requests": 0}},
    "requests that wait shortly": {"timeouts": {"seconds": 60, "idleSeconds": 60}, "holding": {"seconds": 60}},
}


def a_gateway(spec, **metadata):
    """A gateway with keys."""
    clients = {"secretName": "model-keys", **spec.get("clients", {})}
    kind = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMGateway"}
    return {**kind, "metadata": {"name": "models", **metadata}, "spec": {**spec, "clients": clients}}


@pytest.mark.parametrize("case", OF_GATEWAYS)
def test_what_of_a_gateway_cannot_work_is_said_in_the_words_of_its_status(rules, case):
    rules.allows(**SHIPPED)
    raw = a_gateway(OF_GATEWAYS[case])
    words = gateway_warnings(GatewaySpec.model_validate(raw["spec"]), lambda _: True)
    assert created(rules.plane, raw, USUAL) == Answer(accepted=True, said=words)


def test_what_was_so_before_is_not_said_again(rules):
    rules.allows(**SHIPPED)
    usual = f"--namespace={USUAL}"
    raw = a_gateway({**OF_GATEWAYS["few requests at once"], "timeouts": {"idleSeconds": 30}})
    rules.plane.kubectl(usual, "create", "--filename=-", input=json.dumps(raw))
    try:
        for change, count in (({"maxRequestBytes": "1Mi"}, 0), ({"replicas": 4}, 1), ({"holding": {"seconds": 99}}, 1)):
            patch = f"--patch={json.dumps({'spec': change})}"
            said = ask(rules.plane, usual, "patch", "aimgateway/models", "--type=merge", patch).said
            assert len(said) == count, change
    finally:
        rules.plane.kubectl(usual, "delete", "aimgateway/models")


def test_every_shipped_recipe_and_every_example_is_let_in_without_a_word(rules):
    rules.allows(**SHIPPED)
    rules.has(inventory(amd("74a1", 8), amd("74a5", 8), node()))
    recipes = [path for path in (ROOT / "recipes").glob("*.yaml") if path.stem != "kustomization"]
    examples = [*(ROOT / "manifests" / "examples").glob("*.yaml")]
    read = [one for path in [*recipes, *examples] for one in yaml.safe_load_all(path.read_text())]
    ours = [one for one in read if one["apiVersion"].startswith("aim.engine.amd.com/")]
    assert len(ours) > len(recipes) > 100
    for namespace in (USUAL, STRICT):
        create = (f"--namespace={namespace}", "create", "--dry-run=server", "--filename=-")
        assert ask(rules.plane, *create, raw={"apiVersion": "v1", "kind": "List", "items": ours}) == LET_IN


def test_the_policies_know_the_fields_of_our_kinds(rules):
    """The API server's own check of their types, against the schemas."""
    names = [one["metadata"]["name"] for one in rules.plane.get("validatingadmissionpolicies")["items"]]
    assert names == [
        "aim-gateways",
        "aim-hardware",
        "aim-security-caches",
        "aim-security-endpoints",
        "aim-security-gateways",
        "aim-security-models",
        "aim-security-pods",
        "aim-security-recipes",
    ]

    def checked(name):
        return rules.plane.get("validatingadmissionpolicy", name).get("status", {}).get("typeChecking")

    for name in names:
        rules.plane.wait_for(f"{name} to be checked", lambda name=name: checked(name) is not None)
        assert checked(name) == {}


def test_installed_beside_the_operator_they_warn_of_what_the_status_then_says(space, installation):  # noqa: ARG001 - must be there
    raw = endpoint("too-many", **MODEL, gpuCount=64)
    found = ask(space.plane, f"--namespace={space.namespace}", "create", "--filename=-", raw=raw)
    assert found.accepted
    assert [one.partition(": ")[0] for one in found.said] == ["gpuCount 64 is more than any node has"]
    space.becomes("too-many", "NothingFits")
    space.kubectl("label", "namespace", space.namespace, *(f"{key}={value}" for key, value in ENFORCE.items()))
    again = endpoint("too-many-again", **MODEL, gpuCount=64)
    space.wait(
        "the label to be seen", lambda: not created(space.plane, again, space.namespace).accepted, seconds=SECONDS
    )
    assert created(space.plane, again, space.namespace).said == found.said
    space.apply(endpoint("served", **MODEL, gpuCount=1))
    space.ready("served")
    assert ask(space.plane, f"--namespace={space.namespace}", "label", "aimendpoint/too-many", "team=a") == LET_IN
