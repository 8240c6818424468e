"""`aim doctor`: a whole installation, what is wrong with others, and what the user may not read."""

import json
from types import SimpleNamespace

import pytest
import yaml
from kubernetes.client import ApiException

from hooks.cli import cluster
from hooks.cli.doctor import CHECKS, OPTIONAL_GROUPS, examine_installation
from hooks.cli.errors import CommandError
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import StandInCluster, stored
from tests.hooks.cli.test_cluster import of
from tests.kustomize import ROOT

GROUP = "/apis/aim.engine.amd.com/v1alpha1"
KINDS = ("endpoint", "gateway", "recipe", "cache", "node", "model")
HOOKS = "/apis/apps/v1/namespaces/aim-system/deployments/aim-hooks"
VALIDATING, MUTATING = (
    f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations/aim-endpoints"
    for kind in ("validating", "mutating")
)
META = "/apis/apps/v1/namespaces/metacontroller/statefulsets/metacontroller"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
COMPOSITE, DECORATOR = (
    f"/apis/metacontroller.k8s.io/v1alpha1/{kind}controllers" for kind in ("composite", "decorator")
)


def named(*names):
    return {"items": [{"metadata": {"name": name}} for name in names]}


WHOLE = {
    "/version": {"major": "1", "minor": "31+", "gitVersion": "v1.31.0"},
    GROUP: {"resources": [{"name": f"aim{kind}s"} for kind in KINDS] + [{"name": "aiminventories"}]},
    COMPOSITE: named("aimendpoint", "aimcache", "aimgateway", "aiminventory"),
    DECORATOR: named("aimnode", "aimrecipe", "aimmodel"),
    HOOKS: {"spec": {"replicas": 2}, "status": {"readyReplicas": 2}},
    VALIDATING: {"webhooks": [{"name": "a", "clientConfig": {"caBundle": "x"}}]},
    f"{GROUP}/aiminventories/cluster": {"status": {"gpus": 8, "summary": "8 MI300X"}},
    CLASSES: {
        "items": [
            {"metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
        ]
    },
}


class Installation(StandInCluster):
    """An installation, with what is different about it."""

    def __init__(self, *endpoints, may=True, **changes):
        super().__init__(*endpoints)
        self.paths, self.allowed = {**WHOLE, **changes}, may

    def read(self, path):
        found = self.paths.get(path, {})
        if isinstance(found, Exception):
            raise found
        return found

    def may(self, verb, resource, _group, subresource):
        return self.allowed or (verb, resource, subresource) == ("get", "pods", "log")


def results(installation):
    return {one.check: (one.result, one.details) for one in examine_installation(installation)}


def test_a_whole_installation_has_no_problem(monkeypatch):
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: Installation(stored()))
    done = aim("doctor")
    assert done.exit_code == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:3]] == [["Kubernetes", "ok"], ["CRDs", "ok"]]
    listed = json.loads(aim("doctor", "-o", "json").stdout)["items"]
    assert [one["result"] for one in listed] == ["ok"] * len(CHECKS)
    assert yaml.safe_load(aim("doctor", "-o", "yaml").stdout)["items"] == listed


@pytest.mark.parametrize(
    ("check", "path", "found", "details"),
    [
        ("Kubernetes", "/version", {"major": "1", "minor": "29", "gitVersion": "v1.29.1"}, "need Kubernetes 1.30"),
        ("CRDs", GROUP, {"resources": []}, "there is no aimcaches, aimendpoints"),
        ("controllers", DECORATOR, {}, "there is no controller aimmodel, aimnode, aimrecipe"),
        ("hook server", HOOKS, {}, "there is none"),
        ("hook server", HOOKS, {"spec": {}}, "none of 1 replicas is ready"),
        ("Metacontroller", META, {"spec": {}}, "none of 1 replicas is ready: kubectl -n metacontroller describe pods"),
        ("webhooks", MUTATING, {"webhooks": [{"name": "m", "clientConfig": {}}]}, "m has no certificate"),
        ("GPUs", f"{GROUP}/aiminventories/cluster", {}, "no GPU counts; install the vendor's device plugin"),
        (
            "GPUs",
            f"{GROUP}/aiminventories/cluster",
            {"status": {"leftOut": [{"reason": "tainted"}]}},
            "no GPU counts: left out: tainted",
        ),
        ("storage", CLASSES, named("slow"), "no class is the default"),
    ],
)
def test_what_is_wrong_has_what_to_do(check, path, found, details):
    result, text = results(Installation(**{path: found}))[check]
    assert result == "problem"
    assert details in text


def declaring(*children):
    spec = {"childResources": [{"apiVersion": version, "resource": plural} for version, plural in children]}
    controllers = named("aimcache", "aimgateway", "aiminventory")["items"]
    return {"items": [*controllers, {"metadata": {"name": "aimendpoint"}, "spec": spec}]}


def test_a_child_kind_that_the_cluster_has_not_is_a_problem_with_what_to_do():
    children = (
        ("v1", "services"),
        ("autoscaling.k8s.io/v1", "verticalpodautoscalers"),
        ("example.com/v1", "odds"),
        ("gateway.networking.k8s.io/v1", "httproutes"),
        ("keda.sh/v1alpha1", "scaledobjects"),
        ("resource.k8s.io/v1", "resourceclaimtemplates"),
    )
    core = {"/api/v1": {"resources": [{"name": "services"}, {"name": "pods"}]}}
    remedies = {
        "verticalpodautoscalers of autoscaling.k8s.io/v1": "install the VerticalPodAutoscaler, or leave out {}/vpa",
        "odds of example.com/v1": "install what has them, or remove them from the controller",
        "httproutes of gateway.networking.k8s.io/v1": "install the Gateway API, or leave out {}/gateway-api",
        "scaledobjects of keda.sh/v1alpha1": "install KEDA, or leave out {}/keda",
        "resourceclaimtemplates of resource.k8s.io/v1": "install Kubernetes 1.34 or newer, or leave out {}/dra",
    }
    stops = "without which Metacontroller stops the controller aimendpoint"
    told = [
        f"the cluster has no {kind}, {stops}: {remedy.format('manifests/components')}"
        for kind, remedy in remedies.items()
    ]
    found = results(Installation(**core, **{COMPOSITE: declaring(*children)}))
    assert found["child kinds"] == ("problem", "; ".join(told))
    known = {"/apis/keda.sh/v1alpha1": {"resources": [{"name": "scaledobjects"}, {"name": "scaledjobs"}]}}
    declared = {COMPOSITE: declaring(children[0], ("keda.sh/v1alpha1", "scaledobjects"))}
    assert results(Installation(**core, **known, **declared))["child kinds"] == (
        "ok",
        "the cluster has all 2 that are declared",
    )


def test_each_component_with_a_child_kind_is_known_to_the_doctor():
    for path in sorted((ROOT / "manifests/components").glob("*/kustomization.yaml")):
        for patch in yaml.safe_load(path.read_text()).get("patches") or ():
            for change in yaml.safe_load(patch["patch"]) if "childResources" in patch.get("patch", "") else ():
                group = change["value"]["apiVersion"].partition("/")[0]
                assert OPTIONAL_GROUPS[group][1] == path.parent.name


def test_metacontroller_may_be_elsewhere():
    assert results(Installation())["Metacontroller"][0] == "ok"
    running = {"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}
    assert results(Installation(**{META: running}))["Metacontroller"] == ("ok", "1 of 2 replicas are ready")


def test_metrics_are_queried_or_not_or_missing():
    assert "queries no Prometheus" in results(Installation())["metrics"][1]
    url = {"name": "AIM_PROMETHEUS_URL", "value": "http://prometheus:9090"}
    template = {"spec": {"containers": [{}, {"env": [{"name": "OTHER"}, url]}]}}
    queried = Installation(**{HOOKS: {"spec": {"template": template}, "status": {"readyReplicas": 1}}})
    assert results(queried)["metrics"] == ("ok", "the hook server queries http://prometheus:9090")
    missing = stored(status={"metrics": {"reason": "NotScraped", "message": "no metrics of these Pods"}})
    assert results(Installation(stored(), missing))["metrics"] == (
        "problem",
        "it: no metrics of these Pods: docs/operate/monitoring.md",
    )


def test_without_webhooks_nothing_is_wrong():
    assert results(Installation(**{VALIDATING: {}}))["webhooks"] == ("ok", "none are installed")


def test_rights_endpoints_and_recipes(monkeypatch):
    installation = Installation(stored("bad", status={"phase": "Failed"}), may=False)
    found = results(installation)
    assert found["your rights"][1].startswith(
        "you may not create aimendpoints, patch aimendpoints, list pods, get pods/portforward"
    )
    assert found["endpoints"] == ("problem", "bad failed: aim status bad")
    monkeypatch.setattr(installation, "all", lambda _: [])
    assert results(installation)["recipes"][1].startswith("there are none")
    broken = {"metadata": {"name": "x"}, "status": {"phase": "Invalid"}}
    monkeypatch.setattr(installation, "all", lambda _: [broken])
    assert results(installation)["recipes"][1].startswith("1 of 1 are invalid, such as x")
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: installation)
    assert aim("doctor").exit_code == 3


def test_what_may_not_be_read_is_unknown():
    found = results(Installation(**{HOOKS: CommandError("deployments is forbidden", 1)}))
    assert found["hook server"] == ("unknown", "deployments is forbidden")


def test_what_the_api_server_does_not_have_is_nothing():
    def call_api(method, path, body, **_options):
        if method == "POST":
            allowed = body["spec"]["resourceAttributes"]["verb"] == "get"
            return SimpleNamespace(read=lambda: None, data={"status": {"allowed": allowed}})
        raise ApiException(status=404 if path == "/none" else 403, reason="because")

    api = SimpleNamespace(
        param_serialize=lambda method, path, **options: (method, path, options["body"]),
        call_api=call_api,
        response_deserialize=lambda response, _types: response,
    )
    live = of(api_client=api)
    assert live.read("/none") == {}
    with pytest.raises(CommandError, match="403 because"):
        live.read("/other")
    assert live.may("get", "pods")
    assert not live.may("list", "pods")
