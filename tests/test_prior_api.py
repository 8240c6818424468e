"""Resources of the earlier API: every field of theirs does something, or is refused or commented on in words."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from aimlib.api import API_VERSION
from tests.schema import crd, objections
from tests.world import call, merged, play, shared

RECIPES = ("qwen3-32b-mi300x-bf16", "qwen3-32b-mi300x-fp8", "qwen3-32b-mi300x-bf16-sglang", "qwen3-0-6b-mi300x-bf16")


class Outcome(NamedTuple):
    """What came of an object: the endpoint hook's answer."""

    said: Mapping[str, Any]

    def child(self, kind: str) -> dict[str, Any]:
        return next((child for child in self.said.get("children", ()) if child["kind"] == kind), {})

    @property
    def status(self) -> dict[str, Any]:
        return self.said.get("status", {})

    @property
    def selected(self) -> dict[str, Any]:
        return self.status.get("selectedRecipe", {})

    @property
    def refusal(self) -> str:
        return self.said.get("error", "")

    @property
    def warnings(self) -> str:
        return " ".join(self.status.get("warnings", ()))

    @property
    def template(self) -> dict[str, Any]:
        return self.child("Deployment").get("spec", {}).get("template", {})

    @property
    def pod(self) -> dict[str, Any]:
        return self.template.get("spec", {})

    @property
    def engine(self) -> dict[str, Any]:
        return self.pod.get("containers", [{}])[0]

    @property
    def strategy(self) -> dict[str, Any]:
        return self.child("Deployment").get("spec", {}).get("strategy", {})

    @property
    def service(self) -> dict[str, Any]:
        return self.child("Service").get("spec", {})

    @property
    def claim(self) -> dict[str, Any]:
        return self.child("PersistentVolumeClaim").get("spec", {})

    @property
    def scaler(self) -> dict[str, Any]:
        return self.child("HorizontalPodAutoscaler").get("spec", {})

    @property
    def scraping(self) -> dict[str, str]:
        return self.template.get("metadata", {}).get("annotations", {})

    @property
    def dashboard(self) -> str:
        return "".join(self.child("ConfigMap").get("data", {}).values())

    def runs_with(self, *words: str) -> bool:
        """Whether these words stand side by side on the engine's command line."""
        line = [*self.engine.get("command", ()), *self.engine.get("args", ())]
        return any(tuple(line[start : start + len(words)]) == words for start in range(len(line)))

    def metric(self, name: str) -> int | None:
        """The autoscaler's target for one resource."""
        found = (one["resource"] for one in self.scaler.get("metrics", ()) if one["type"] == "Resource")
        return next((one["target"]["averageUtilization"] for one in found if one["name"] == name), None)


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


def requests(outcome: Outcome, name: str) -> str | None:
    return outcome.engine.get("resources", {}).get("requests", {}).get(name)


def limits(outcome: Outcome, name: str) -> str | None:
    return outcome.engine.get("resources", {}).get("limits", {}).get(name)


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
    Field("recipe.autoSelect", False, lambda one: "autoSelect: false leaves nothing to choose" in one.refusal),
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
    Field("deployment.canary.enabled", True, lambda one: "deployment.canary is not supported yet" in one.refusal),
    Field("deployment.canary.trafficSplit", 10, lambda one: "deployment.canary is not" in one.refusal, more=CANARY),
    Field("deployment.canary.duration", 600, lambda one: "deployment.canary is not" in one.refusal, more=CANARY),
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


CONFIGURATION = {"gpuCount": 1, "enabled": True, "args": ["--max-model-len", "8192"]}
RECIPE = {
    "modelId": "Qwen/Qwen3-32B",
    "hardware": "MI300X",
    "precision": "bfloat16",
    "backend": "vllm",
    "configurations": [CONFIGURATION],
}


def serve_with(spec: Mapping[str, Any]) -> Outcome:
    """The answer to an endpoint that leaves everything to this one recipe, and the recipe hook's own status."""
    recipe = {"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": "earlier"}, "spec": dict(spec)}
    asked = {"model": {"id": "Qwen/Qwen3-32B"}, "recipe": {"customRecipe": {"name": "earlier"}}}
    world = {"endpoint": {"spec": asked}, "recipes": [recipe], "inventory": "mi300x-and-mi325x"}
    said = play("endpoint", "/endpoint/sync", world).answer.said
    examined = call("recipe", "/recipe/sync", {"object": recipe}).said
    return Outcome({**said, "examined": examined})


def configured(**changes: Any) -> dict[str, Any]:
    return {"configurations": [{**CONFIGURATION, **changes}]}


def sourced(source: Mapping[str, Any]) -> dict[str, Any]:
    return configured(env=[{"name": "X", "valueFrom": dict(source)}])


def environment(outcome: Outcome) -> dict[str, Any]:
    return next((one for one in outcome.engine.get("env", ()) if one["name"] == "X"), {})


def source(outcome: Outcome, kind: str) -> dict[str, Any]:
    return environment(outcome).get("valueFrom", {}).get(kind, {})


ELSEWHERE = {"secretKeyRef": {"name": "other", "key": "other"}}
NAMED = {"name": "n", "key": "k"}

AIMRECIPE = (
    ("modelId", {"modelId": "Qwen/Qwen3-0.6B"}, lambda one: "found Qwen/Qwen3-0.6B" in one.status["message"]),
    ("hardware", {"hardware": "MI325X"}, lambda one: one.selected["hardware"] == "MI325X"),
    ("precision", {"precision": "float16"}, lambda one: one.selected["precision"] == "fp16"),
    ("backend", {"backend": "sglang", **configured(args=[])}, lambda one: one.selected["backend"] == "sglang"),
    ("configurations[].gpuCount", configured(gpuCount=2), lambda one: limits(one, "amd.com/gpu") == "2"),
    ("configurations[].enabled", configured(enabled=False), lambda one: "enabled: false" in one.status["message"]),
    ("configurations[].args[]", configured(args=["--seed", "7"]), lambda one: one.runs_with("--seed", "7")),
    (
        "configurations[].args[] with true as a word",
        configured(args=["--trust-remote-code", "true", "--seed", "7"]),
        lambda one: one.runs_with("--trust-remote-code", "--seed", "7"),
    ),
    ("configurations[].env[].name", configured(env=[{"name": "X", "value": "1"}]), environment),
    (
        "configurations[].env[].value",
        configured(env=[{"name": "X", "value": "1"}]),
        lambda one: environment(one).get("value") == "1",
    ),
    (
        "configurations[].env[] that would hide GPUs",
        configured(env=[{"name": "HIP_VISIBLE_DEVICES", "value": "0"}]),
        lambda one: "HIP_VISIBLE_DEVICES is left out" in one.said["examined"]["status"].get("message", ""),
    ),
    *(
        (
            f"configurations[].env[].valueFrom.{kind}.{field}",
            sourced({kind: {**required, field: value}}),
            lambda one, kind=kind, field=field, value=value: source(one, kind).get(field) == value,
        )
        for kind, required, field, value in (
            ("configMapKeyRef", NAMED, "key", "k"),
            ("configMapKeyRef", NAMED, "name", "n"),
            ("configMapKeyRef", NAMED, "optional", True),
            ("secretKeyRef", NAMED, "key", "k"),
            ("secretKeyRef", NAMED, "name", "n"),
            ("secretKeyRef", NAMED, "optional", True),
            ("fieldRef", {"fieldPath": "metadata.name"}, "fieldPath", "metadata.name"),
            ("fieldRef", {"fieldPath": "metadata.name"}, "apiVersion", "v1"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "resource", "limits.cpu"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "containerName", "engine"),
            ("resourceFieldRef", {"resource": "limits.cpu"}, "divisor", "1m"),
        )
    ),
    (
        "configurations[].resources.requests",
        configured(resources={"requests": {"cpu": "5", "memory": "40Gi", "ephemeral-storage": "9Gi"}}),
        lambda one: [requests(one, name) for name in ("cpu", "memory", "ephemeral-storage")] == ["5", "40Gi", "9Gi"],
    ),
    (
        "configurations[].resources.limits",
        configured(resources={"limits": {"cpu": "6", "memory": "50Gi"}}),
        lambda one: (limits(one, "cpu"), limits(one, "memory")) == ("6", "50Gi"),
    ),
)


@pytest.mark.parametrize(("path", "changes", "effect"), AIMRECIPE, ids=[path for path, _, _ in AIMRECIPE])
def test_every_field_of_a_recipe_is_honoured_or_answered_with_a_message(path, changes, effect):
    spec = RECIPE | changes
    assert list(objections(spec, crd("aimrecipes")["properties"]["spec"])) == [], path
    assert effect(serve_with(spec))
    plain = serve_with(RECIPE)
    assert plain.child("Deployment")
    assert not effect(Outcome({**plain.said, "status": {"message": "", **plain.status}}))


@pytest.mark.parametrize(
    "told",
    [
        {"description": "Qwen3 32B"},
        {"performance": {"expectedTokensPerSecond": 900}},
        {"performance": {"expectedLatencyMs": 120}},
        {"performance": {"maxBatchSize": 64}},
    ],
    ids=str,
)
def test_what_a_recipe_tells_people_is_kept_and_decides_nothing(told):
    assert list(objections(RECIPE | told, crd("aimrecipes")["properties"]["spec"])) == []
    assert serve_with(RECIPE | told).said == serve_with(RECIPE).said


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
