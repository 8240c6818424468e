"""Resources of the earlier API: every field of theirs does something, or is refused or commented on in words."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from tests.cases import merged, shared
from tests.outcome import Outcome, limits, requests
from tests.playing import call, play
from tests.schema import crd, objections

RECIPES = ("qwen3-32b-mi300x-bf16", "qwen3-32b-mi300x-fp8", "qwen3-32b-mi300x-bf16-sglang", "qwen3-0-6b-mi300x-bf16")


class Field(NamedTuple):
    """One field of the earlier API with a value, and the effect that the value has and its absence has not."""

    path: str
    value: Any
    effect: Callable[[Outcome], object]
    given: Mapping[str, Any] = {}
    """What else stands in the object, with the field and without."""
    more: Mapping[str, Any] = {}
    """What else comes with the field."""


def placed(path: str, value: object) -> dict[str, Any]:
    """`value` in the objects and lists that a dotted path names; `[]` is a list of one."""
    head, _, rest = path.partition(".")
    inner = placed(rest, value) if rest else value
    return {head.removesuffix("[]"): [inner] if head.endswith("[]") else inner}


SCALED = {"scaling": {"maxReplicas": 5}}
BALANCED = {"service": {"type": "LoadBalancer"}}
MONITORED = {"monitoring": {"enabled": True}}
PAINTED = {"monitoring": {"enabled": True, "grafana": {"enabled": True}}}
CACHED = {"cache": {"enabled": True}}
CANARY = {"deployment": {"canary": {"enabled": True}}}

ENDPOINT = (
    Field("model.id", "Qwen/Qwen3-0.6B", lambda one: one.runs_with("vllm", "serve", "Qwen/Qwen3-0.6B")),
    Field("model.revision", "main", lambda one: one.runs_with("--revision", "main")),
    Field("model.version", "1.0", lambda one: one.template["metadata"]["labels"].get("app.kubernetes.io/version")),
    Field("recipe.autoSelect", False, lambda one: "autoSelect: false selects nothing by itself" in one.refusal),
    Field("recipe.backend", "sglang", lambda one: one.selected["backend"] == "sglang"),
    Field("recipe.precision", "float8", lambda one: one.selected["precision"] == "fp8"),
    Field("recipe.gpuCount", 2, lambda one: limits(one, "amd.com/gpu") == "2"),
    Field(
        "recipe.customRecipe.name",
        "qwen3-32b-mi300x-fp8",
        lambda one: one.selected["name"] == "qwen3-32b-mi300x-fp8",
    ),
    Field(
        "recipe.customRecipe.namespace",
        "default",
        lambda one: "customRecipe.namespace has no effect" in one.warnings,
        given={"recipe": {"customRecipe": {"name": "qwen3-32b-mi300x-fp8"}}},
    ),
    Field("resources.gpuCount", 2, lambda one: limits(one, "amd.com/gpu") == "2"),
    Field("resources.cpu", "3", lambda one: requests(one, "cpu") == "3"),
    Field("resources.cpuLimit", "12", lambda one: limits(one, "cpu") == "12"),
    Field("resources.memory", "48Gi", lambda one: requests(one, "memory") == "48Gi"),
    Field("resources.memoryLimit", "96Gi", lambda one: limits(one, "memory") == "96Gi"),
    Field("scaling.minReplicas", 2, lambda one: one.scaler["minReplicas"] == 2, given=SCALED),
    Field("scaling.maxReplicas", 4, lambda one: one.scaler.get("maxReplicas") == 4),
    Field("scaling.targetCPUUtilization", 70, lambda one: one.metric("cpu") == 70, given=SCALED),
    Field("scaling.targetMemoryUtilization", 75, lambda one: one.metric("memory") == 75, given=SCALED),
    Field("scaling.targetGPUUtilization", 60, lambda one: "gpu_gfx_activity" in str(one.scaler), given=SCALED),
    Field(
        "scaling.scaleUpDelay",
        30,
        lambda one: one.scaler.get("behavior", {}).get("scaleUp") == {"stabilizationWindowSeconds": 30},
        given=SCALED,
    ),
    Field(
        "scaling.scaleDownDelay",
        300,
        lambda one: one.scaler.get("behavior", {}).get("scaleDown") == {"stabilizationWindowSeconds": 300},
        given=SCALED,
    ),
    Field("service.type", "NodePort", lambda one: one.service["type"] == "NodePort"),
    Field("service.port", 80, lambda one: one.service["ports"][0]["port"] == 80),
    Field("service.targetPort", 9000, lambda one: one.runs_with("--port", "9000")),
    Field(
        "service.annotations",
        {"example.com/pool": "public"},
        lambda one: one.child("Service")["metadata"].get("annotations") == {"example.com/pool": "public"},
    ),
    Field(
        "service.loadBalancerIP",
        "10.0.0.9",
        lambda one: one.service.get("loadBalancerIP") == "10.0.0.9",
        given=BALANCED,
    ),
    Field("service.loadBalancerIP", "10.0.0.9", lambda one: "service.loadBalancerIP has no effect" in one.warnings),
    Field(
        "monitoring.enabled",
        True,
        lambda one: one.scraping.get("prometheus.io/scrape") == "true" and one.dashboard,
        given={"monitoring": {"prometheus": {"enabled": True}, "grafana": {"enabled": True}}},
    ),
    Field("monitoring.prometheus.enabled", False, lambda one: not one.scraping, given=MONITORED),
    Field(
        "monitoring.prometheus.interval",
        "30s",
        lambda one: one.scraping.get("prometheus.io/interval") == "30s",
        given=MONITORED,
    ),
    Field(
        "monitoring.prometheus.path",
        "/prometheus",
        lambda one: one.scraping["prometheus.io/path"] == "/prometheus",
        given=MONITORED,
    ),
    Field("monitoring.grafana.enabled", True, lambda one: one.dashboard, given=MONITORED),
    Field("monitoring.grafana.dashboard", "Our models", lambda one: "Our models" in one.dashboard, given=PAINTED),
    Field("cache.enabled", True, lambda one: one.claim),
    Field("cache.storageClass", "fast", lambda one: one.claim.get("storageClassName") == "fast", given=CACHED),
    Field(
        "cache.size",
        "500Gi",
        lambda one: one.claim["resources"]["requests"]["storage"] == "500Gi",
        given=CACHED,
    ),
    Field("cache.accessMode", "ReadWriteMany", lambda one: one.claim["accessModes"] == ["ReadWriteMany"], given=CACHED),
    Field(
        "security.podSecurityContext.runAsUser", 1000, lambda one: one.pod["securityContext"].get("runAsUser") == 1000
    ),
    Field(
        "security.podSecurityContext.runAsGroup", 3000, lambda one: one.pod["securityContext"].get("runAsGroup") == 3000
    ),
    Field("security.podSecurityContext.fsGroup", 2000, lambda one: one.pod["securityContext"].get("fsGroup") == 2000),
    Field("security.serviceAccount.create", True, lambda one: one.child("ServiceAccount")),
    Field("security.serviceAccount.name", "servers", lambda one: one.pod.get("serviceAccountName") == "servers"),
    Field("deployment.strategy.type", "Recreate", lambda one: one.strategy == {"type": "Recreate"}),
    Field("deployment.strategy.rollingUpdate.maxSurge", 1, lambda one: one.strategy["rollingUpdate"]["maxSurge"] == 1),
    Field(
        "deployment.strategy.rollingUpdate.maxUnavailable",
        2,
        lambda one: one.strategy["rollingUpdate"]["maxUnavailable"] == 2,
    ),
    Field("deployment.canary.enabled", True, lambda one: "deployment.canary: a new version needs" in one.warnings),
    Field("deployment.canary.trafficSplit", 10, lambda one: "trafficSplit" in one.warnings, more=CANARY),
    Field("deployment.canary.duration", 600, lambda one: "duration" in one.warnings, more=CANARY),
    Field("image.repository", "registry/vllm", lambda one: one.engine["image"] == "registry/vllm:latest"),
    Field("image.tag", "v1", lambda one: one.engine["image"].endswith(":v1")),
    Field("image.pullPolicy", "Always", lambda one: one.engine["imagePullPolicy"] == "Always"),
    Field("image.pullSecrets", ["mirror"], lambda one: one.pod.get("imagePullSecrets") == [{"name": "mirror"}]),
)


def serve(spec: Mapping[str, Any]) -> Outcome:
    world = {"endpoint": {"spec": dict(spec)}, "recipes": list(RECIPES), "inventory": "mi300x"}
    return Outcome(play("endpoint", "/endpoint/sync", world).answer.said)


@pytest.mark.parametrize("field", ENDPOINT, ids=lambda field: field.path)
def test_every_field_of_an_endpoint_is_honoured_or_refused_with_a_message(field):
    without = merged({"model": {"id": "Qwen/Qwen3-32B"}}, dict(field.given))
    having = merged(merged(without, dict(field.more)), placed(field.path, field.value))
    assert list(objections(having, crd("aimendpoints")["properties"]["spec"])) == []
    assert field.effect(serve(having))
    assert not field.effect(serve(without))


EARLIER_EXAMPLES = {
    "bfloat16 and one GPU": {"recipe": {"autoSelect": True, "precision": "bfloat16"}, "resources": {"gpuCount": 1}},
    "the cache's storage": {"cache": {"enabled": True, "storage": {"size": "100Gi", "storageClass": "standard"}}},
    "memory with a unit": {"resources": {"cpu": "4", "memory": "64Gi", "memoryLimit": "128Gi"}},
}


@pytest.mark.parametrize("name", EARLIER_EXAMPLES)
def test_the_spellings_of_the_earlier_examples_are_served(name):
    spec = {"model": {"id": "Qwen/Qwen3-32B"}, **EARLIER_EXAMPLES[name]}
    assert list(objections(spec, crd("aimendpoints")["properties"]["spec"])) == []
    assert serve(spec).child("Deployment")


def test_an_earlier_cpu_endpoint_is_served_without_gpus():
    world = {
        "endpoint": {"spec": {"model": {"id": "Qwen/Qwen3-0.6B"}, "resources": {"gpuCount": 0}}},
        "recipes": ["qwen3-0-6b-cpu-bf16"],
        "inventory": "cpu",
    }
    outcome = Outcome(play("endpoint", "/endpoint/sync", world).answer.said)
    assert limits(outcome, "amd.com/gpu") is None
    assert outcome.selected["gpuCount"] == 0


STATUS = {
    "aimendpoints": (
        "conditions endpoints.external endpoints.internal endpoints.loadBalancer metrics.cpuUtilization "
        "metrics.gpuUtilization metrics.latency metrics.memoryUtilization metrics.throughput observedGeneration phase "
        "replicas.available replicas.current replicas.desired replicas.ready selectedRecipe.backend "
        "selectedRecipe.gpuCount selectedRecipe.name selectedRecipe.precision"
    ),
    "aimrecipes": "conditions observedGeneration phase",
}
"""The fields of the earlier status. A recipe's usage is gone: counting it would re-sync recipes on every pod event."""


@pytest.mark.parametrize(("plural", "path"), [(plural, path) for plural in STATUS for path in STATUS[plural].split()])
def test_every_field_of_the_earlier_status_has_its_place(plural, path):
    schema = crd(plural)["properties"]["status"]
    for step in path.split("."):
        schema = schema["properties"][step]
    assert schema["description"]


def test_the_shared_recipes_of_these_tests_are_sound():
    for name in RECIPES:
        said = call("recipe", "/recipe/sync", {"object": shared("recipes", name)}).said
        assert said["status"]["phase"] == "Ready"
