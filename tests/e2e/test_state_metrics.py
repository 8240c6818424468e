"""The state of live objects as metrics, by kube-state-metrics where there is one and by its stand-in where not."""

import os
import sys
import urllib.request

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.plane import ROOT
from tests.e2e import caches
from tests.e2e.caches import LARGE, cache
from tests.e2e.space import endpoint
from tests.e2e.test_gateways import becomes as gateway_becomes
from tests.e2e.test_gateways import gateway
from tests.state_metrics import page

pytestmark = pytest.mark.e2e


def samples(url):
    """The series of a page by name: labels, without those of the kind, and value."""
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a page on loopback
        text = answer.read().decode()
    return {
        family.name: [
            ({key: value for key, value in one.labels.items() if not key.startswith("customresource_")}, one.value)
            for one in family.samples
        ]
        for family in text_string_to_metric_families(text)
    }


def told(url, name, **labels):
    """The series of a metric that have these labels, each as what else it is labelled with, and its value."""
    found = samples(url).get(name, [])
    return [
        ({key: value for key, value in has.items() if key not in labels}, value)
        for has, value in found
        if labels.items() <= has.items()
    ]


MEASURED = "aim_endpoint_scaling_measured"
"""What an autoscaler measures takes a metrics server, which is not here; tests/state_metrics has it of others."""


@pytest.fixture
def served(space, hub):
    """A namespace with a cache, an endpoint on it that is Ready, one that no recipe is for, a gateway; and the page."""
    space.apply(cache("models", hub, LARGE, storage={"accessMode": "ReadWriteMany"}))
    odd = endpoint("odd", modelId="example/nobody-knows", recipe={"validatedOnly": True})
    scaling = {"maxReplicas": 3, "targetCPUUtilization": 70}
    grows = endpoint("grows", modelId=LARGE, routing={"enabled": False}, scaling=scaling)
    space.apply(endpoint("chat", modelId=LARGE), odd, grows, gateway("front"))
    space.kubectl("annotate", "aimendpoint/chat", "aim.engine.amd.com/target-time-to-first-token=2.5")
    caches.cached(space, "models", LARGE)
    space.ready("chat", "grows")
    space.becomes("odd", "NoRecipe")
    gateway_becomes(space, "front", "Ready")
    with page.serving(space.plane) as url:
        yield space, url


def test_every_metric_has_series_of_live_objects_and_they_say_what_the_status_says(served):
    space, url = served
    configuration = yaml.safe_load(page.CONFIGURATION.read_text())["spec"]["resources"]
    names = {f"{one['metricNamePrefix']}_{metric['name']}" for one in configuration for metric in one["metrics"]} - {
        MEASURED
    }
    space.wait("every metric to have series", lambda: names == {name for name, had in samples(url).items() if had})
    chat = {"namespace": space.namespace, "aimendpoint": "chat"}
    status = space.get("aimendpoint", "chat")["status"]
    chosen = {
        "model": LARGE,
        "recipe": status["resolved"]["recipe"],
        "hardware": status["resolved"]["product"],
        "precision": status["resolved"]["precision"],
        "engine": status["resolved"]["backend"],
        "gpu_count": str(status["resolved"]["gpuCount"]),
    }
    assert told(url, "aim_endpoint_info", **chat) == [(chosen, 1)]
    assert told(url, "aim_endpoint_status_phase", **chat, phase="Ready") == [({}, 1)]
    assert told(url, "aim_endpoint_replicas_ready", **chat) == [({}, 1)]
    assert told(url, "aim_endpoint_target_time_to_first_token_seconds", **chat) == [({}, 2.5)]
    grows = {"namespace": space.namespace, "aimendpoint": "grows"}
    assert told(url, "aim_endpoint_scaling_max_replicas", **grows) == [({}, 3)]
    assert told(url, "aim_endpoint_scaling_target", **grows, trigger="cpu") == [({}, 70)]
    odd = {"namespace": space.namespace, "aimendpoint": "odd"}
    assert told(url, "aim_endpoint_info", **odd) == []
    assert told(url, "aim_endpoint_status_condition", **odd, type="Ready") == [
        ({"reason": "NoRecipe", "status": "False"}, 0)
    ]
    models = {"namespace": space.namespace, "aimcache": "models"}
    assert told(url, "aim_cache_model_state", **models, state="Ready") == [({"model": LARGE, "revision": "main"}, 1)]
    assert told(url, "aim_cache_models_in_use", **models) == [({}, 1)]
    front = {"namespace": space.namespace, "aimgateway": "front"}
    assert told(url, "aim_gateway_status_phase", **front, phase="Ready") == [({}, 1)]
    assert told(url, "aim_gateway_routes", **front) == [({}, space.get("aimgateway", "front")["status"]["routes"])]
    nodes = space.plane.get("aimnodes")["items"]
    assert {labels["aimnode"] for labels, _ in told(url, "aim_node_usable")} == {
        one["metadata"]["name"] for one in nodes
    }
    space.kubectl("scale", "aimendpoint/chat", "--replicas=0")
    space.wait(
        "the page to say Stopped", lambda: told(url, "aim_endpoint_status_phase", **chat, phase="Stopped") == [({}, 1)]
    )
    assert told(url, "aim_endpoint_replicas_desired", **chat) == [({}, 0)]


def test_its_account_may_list_and_watch_these_kinds_and_nothing_else(cluster):
    kubeconfig = page.account(cluster)
    said = cluster.kubectl("auth", "can-i", "--list", f"--kubeconfig={kubeconfig}", "--no-headers")
    may = {line.split()[0]: set(line[line.rindex("[") + 1 :].strip("]").split()) for line in said.splitlines()}
    own, catalogue = {"list", "watch"}, {"get", "list", "watch"}  # the catalogue is for everybody who can log in
    assert {name: verbs for name, verbs in may.items() if name.endswith("aim.engine.amd.com")} == {
        "aimendpoints.aim.engine.amd.com": own,
        "aimcaches.aim.engine.amd.com": own,
        "aimgateways.aim.engine.amd.com": own,
        "aimnodes.aim.engine.amd.com": own,
        "aimrecipes.aim.engine.amd.com": catalogue,
        "aimmodels.aim.engine.amd.com": catalogue,
        "aiminventories.aim.engine.amd.com": catalogue,
    }
    assert may["customresourcedefinitions.apiextensions.k8s.io"] == own
    assert "secrets" not in may


def test_what_runs_it_is_let_into_a_restricted_namespace_without_a_warning(cluster):
    overlay = str(ROOT / "manifests" / "overlays" / "state-metrics")
    said = cluster.kubectl("apply", "--dry-run=server", "--warnings-as-errors", f"--kustomize={overlay}")
    assert "deployment.apps/aim-state-metrics created (server dry run)" in said


def same(one, other):
    """Whether two pages have the same series."""
    return {name: sorted(map(repr, found)) for name, found in one.items()} == {
        name: sorted(map(repr, found)) for name, found in other.items()
    }


def test_a_program_that_the_environment_names_is_started_with_its_flags_and_stopped(cluster, tmp_path, monkeypatch):
    program = tmp_path / "kube-state-metrics"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.state_metrics.page "$@"\n')
    program.chmod(0o755)
    monkeypatch.delenv("KUBE_STATE_METRICS", raising=False)
    with page.serving(cluster) as url:
        expected = samples(url).keys()  # objects of other tests may be going meanwhile
    monkeypatch.setenv("KUBE_STATE_METRICS", str(program))
    with page.serving(cluster) as url:
        assert samples(url).keys() == expected
        process = cluster.processes["kube-state-metrics"]
    assert process.popen.poll() is not None


@pytest.mark.skipif(
    "KUBE_STATE_METRICS" not in os.environ,
    reason="KUBE_STATE_METRICS names no kube-state-metrics: what it makes of the configuration is read by a stand-in",
)
def test_the_real_program_says_what_its_stand_in_says(served, monkeypatch):
    space, url = served
    monkeypatch.delenv("KUBE_STATE_METRICS")
    with page.serving(space.plane) as other:
        space.wait("both pages to be the same", lambda: same(samples(url), samples(other)))
