"""AIMCaches of the earlier API: every field of theirs does something, and what it never read is refused in words."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from aimlib.api import API_VERSION
from aimlib.kube.quantity import GIB
from aimlib.schema.validation import validate_object
from tests.cases import merged
from tests.outcome import Outcome
from tests.playing import play
from tests.schema import crd, objections

QWEN, OTHER = "Qwen/Qwen3-32B", "example/other"
BASE = {"models": [{"id": QWEN}]}
"""A cache whose size follows from its model, which a recipe knows."""
CLEANED = {"cleanup": {"enabled": True}}
AGED = {"cleanup": {"enabled": True, "maxAge": "30d"}}
SHORT_OF_SPACE = {"cleanup": {"enabled": True, "minFreeSpace": "150Gi"}}
FULL = {
    "models": [
        {
            "id": QWEN,
            "state": "Ready",
            "done": 61 * GIB,
            "total": 61 * GIB,
            "cachedAt": "2026-09-01T00:00:00Z",
            "lastUsed": "2026-10-01T00:00:00Z",
        }
    ],
    "volume": {"total": 200 * GIB, "used": 61 * GIB, "available": 139 * GIB},
}
"""Reports of a volume that has the model since the first of September; it was last used a month later."""


def kept(spec: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> Outcome:
    """What the hook says to a cache, whose Jobs may have reported something."""
    world = {"cache": {"spec": dict(spec)}, "recipes": ["qwen3-32b-mi300x-bf16"]}
    return Outcome(play("cache", "/cache/sync", world | ({"state": dict(state)} if state else {})).answer.said)


def downloads(outcome: Outcome) -> list[str]:
    """The command line of the Job; nothing where there is none."""
    return [word for one in outcome.said["children"] if one["kind"] == "Job" for word in _container(one)["args"]]


def _container(job: Mapping[str, Any]) -> dict[str, Any]:
    return job["spec"]["template"]["spec"]["containers"][0]


def mounted(outcome: Outcome) -> str:
    return _container(outcome.child("Job"))["volumeMounts"][0]["mountPath"]


def requested(outcome: Outcome) -> str:
    return outcome.claim["resources"]["requests"]["storage"]


def planned(outcome: Outcome) -> str:
    """Why the next clean-up removes the model; empty where it does not."""
    return "".join(one["why"] for one in outcome.status.get("cleanup", {}).get("planned", ()))


class Field(NamedTuple):
    """One field of the earlier API with a value, and the effect that the value has and its absence has not."""

    path: str
    value: Any
    effect: Callable[[Outcome], object]
    given: Mapping[str, Any] = {}
    """What else stands in the object, with the field and without."""
    state: Mapping[str, Any] | None = None
    """What the Jobs have reported."""


FIELDS = (
    Field("modelId", OTHER, lambda one: f"--model={OTHER}" in downloads(one), {"size": "200Gi"}),
    Field("cachePath", "/models", lambda one: mounted(one) == "/models"),
    Field("size", "500Gi", lambda one: requested(one) == "500Gi"),
    Field("storage.size", "500Gi", lambda one: requested(one) == "500Gi"),
    Field("storage.storageClass", "standard", lambda one: one.claim.get("storageClassName") == "standard"),
    Field("storage.accessMode", "ReadWriteMany", lambda one: one.claim["accessModes"] == ["ReadWriteMany"]),
    Field("storage.mountPath", "/models", lambda one: mounted(one) == "/models"),
    Field("models[].id", OTHER, lambda one: f"--model={OTHER}" in downloads(one), {"size": "200Gi"}),
    Field("models[].maxSize", "70Gi", lambda one: "--max-size=70Gi" in downloads(one)),
    Field(
        "models[].maxSize",
        "60Gi",
        lambda one: "it has 61 GiB, and its maxSize is 60 GiB" in str(one.status["cachedModels"]),
    ),
    Field("models[].preload", False, lambda one: not downloads(one)),
    Field("models[].priority", "low", lambda one: "of low priority" in planned(one), SHORT_OF_SPACE, FULL),
    Field("models[].retention", "90d", lambda one: not planned(one), SHORT_OF_SPACE, FULL),
    Field("cleanup.enabled", True, lambda one: one.child("CronJob")),
    Field(
        "cleanup.schedule",
        "30 3 * * sun",
        lambda one: (
            (one.child("CronJob")["spec"]["schedule"], one.status["usage"]["nextCleanup"])
            == ("30 3 * * sun", "2026-11-29T03:30:00Z")
        ),
        CLEANED,
    ),
    Field("cleanup.strategy", "age", lambda one: planned(one).startswith("downloaded 84d"), AGED, FULL),
    Field("cleanup.maxAge", "30d", lambda one: planned(one).endswith("maxAge is 30d"), CLEANED, FULL),
    Field("cleanup.minFreeSpace", "150Gi", lambda one: "139 GiB are free" in planned(one), CLEANED, FULL),
    Field("cleanup.maxAge", "30d", lambda one: "cleanup.enabled is not true: nothing is" in one.warnings),
)


def having(field: Field) -> dict[str, Any]:
    """A cache with the field."""
    steps = field.path.split(".")
    if steps[0] == "models[]":
        return {"models": [{"id": QWEN, steps[1]: field.value}]}
    found = field.value
    for step in reversed(steps):
        found = {step: found}
    return found


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.path} {field.value}")
def test_every_field_of_a_cache_has_its_effect(field):
    without = merged(BASE, dict(field.given))
    asked = merged(without, having(field))
    assert list(objections(asked, crd("aimcaches")["properties"]["spec"])) == []
    assert field.effect(kept(asked, field.state))
    assert not field.effect(kept(without, field.state))


def test_every_field_of_the_earlier_spec_is_among_them():
    earlier = (
        "cleanup.enabled cleanup.maxAge cleanup.minFreeSpace cleanup.schedule cleanup.strategy models[].id "
        "models[].maxSize models[].preload models[].priority models[].retention storage.accessMode storage.mountPath "
        "storage.size storage.storageClass"
    )
    short = "modelId cachePath size"
    assert {field.path for field in FIELDS} == {*earlier.split(), *short.split()}


STATUS = (
    "cachedModels[].accessCount cachedModels[].cachedAt cachedModels[].id cachedModels[].lastAccessed "
    "cachedModels[].size cachedModels[].status conditions observedGeneration phase storage.availableSize "
    "storage.pvcName storage.pvcPhase storage.totalSize storage.usagePercentage storage.usedSize usage.activeModels "
    "usage.lastCleanup usage.nextCleanup usage.totalModels"
)


@pytest.mark.parametrize("path", STATUS.split())
def test_every_field_of_the_earlier_status_has_its_place(path):
    schema = crd("aimcaches")["properties"]["status"]
    for step in path.split("."):
        schema = schema["properties"][step.removesuffix("[]")]
        schema = schema["items"] if step.endswith("[]") else schema
    assert schema["description"]


def test_every_field_of_the_earlier_status_is_filled():
    world = {
        "cache": {"spec": merged(BASE, AGED)},
        "recipes": ["qwen3-32b-mi300x-bf16"],
        "state": {**FULL, "cleanup": {"ended": "2026-11-23T02:00:05Z"}},
        "users": {"chat": [QWEN]},
    }
    said = Outcome(play("cache", "/cache/sync", world).answer.said).status
    [model] = said["cachedModels"]
    usual = {"size": "61Gi", "status": "Ready", "cachedAt": "2026-09-01T00:00:00Z", "accessCount": 1}
    assert usual.items() <= model.items()
    assert model["lastAccessed"] == "2026-11-23T11:00:00Z"
    measured = {"pvcName": "models-storage", "pvcPhase": "Bound", "totalSize": "200Gi", "usedSize": "61Gi"}
    assert (measured | {"availableSize": "139Gi", "usagePercentage": 30.5}).items() <= said["storage"].items()
    assert said["usage"] == {
        "totalModels": 1,
        "activeModels": 1,
        "lastCleanup": "2026-11-23T02:00:05Z",
        "nextCleanup": "2026-11-24T02:00:00Z",
    }
    assert (said["phase"], {one["type"] for one in said["conditions"]}) == (
        "Ready",
        {"Ready", "StorageReady", "ModelsReady"},
    )


def cache(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "models"}, "spec": spec}


LONG = {
    "storage": {
        "size": "1Ti",
        "storageClass": "standard",
        "accessMode": "ReadWriteMany",
        "mountPath": "/workspace/model-cache",
    },
    "models": [
        {"id": QWEN, "preload": True, "maxSize": "100Gi", "priority": "high", "retention": "30d"},
        {"id": OTHER, "preload": True, "maxSize": "200Gi", "priority": "medium", "retention": "7d"},
        {"id": "example/third", "preload": False, "maxSize": "50Gi", "priority": "low", "retention": "3d"},
    ],
    "cleanup": {"schedule": "0 2 * * *", "maxAge": "30d", "minFreeSpace": "100Gi", "strategy": "lru"},
}
"""Every value that the earlier examples use, clean-up without `enabled` included."""


@pytest.mark.parametrize(
    "spec", [{"modelId": QWEN, "cachePath": "/workspace/model-cache", "size": "100Gi"}, LONG], ids=["short", "long"]
)
def test_the_earlier_examples_are_accepted(spec):
    _, findings = validate_object(cache(**spec), "AIMCache")
    assert findings == ()
    assert list(objections(spec, crd("aimcaches")["properties"]["spec"])) == []


def test_the_earlier_long_example_downloads_what_it_preloads_and_says_that_nothing_is_removed():
    outcome = kept(LONG)
    models = [word for word in downloads(outcome) if word.startswith("--model=")]
    assert models == [f"--model={QWEN}", f"--model={OTHER}"]
    assert not outcome.child("CronJob")
    assert "cleanup.enabled is not true: nothing is removed" in outcome.warnings


@pytest.mark.parametrize("name", ["policies", "monitoring"])
def test_what_earlier_examples_had_and_no_release_ever_read_is_refused_by_name(name):
    # kubectl validates strictly: the API server refuses unknown fields rather than prune them in silence.
    spec = {**LONG, name: {"enabled": True}}
    _, findings = validate_object(cache(**spec), "AIMCache")
    assert [str(one) for one in findings] == [f"spec.{name}: unknown field"]
    assert list(objections(spec, crd("aimcaches")["properties"]["spec"])) == [f".{name} is unknown"]


REFUSED = {
    "cleanup.strategy": ("fifo", "spec.cleanup.strategy: must be one of lru, age, none, found 'fifo'"),
    "cleanup.maxAge": ("a month", "spec.cleanup.maxAge: must match ^[0-9]{1,8}[smhdw]$, found 'a month'"),
    "cleanup.schedule": ("at night", "spec.cleanup: schedule is not in cron format"),
    "cleanup.minFreeSpace": ("-1Gi", "spec.cleanup.minFreeSpace: must match"),
    "storage.size": ("much", "spec.storage.size: must match"),
    "storage.accessMode": ("Shared", "spec.storage.accessMode: must be one of ReadWriteOnce"),
    "storage.mountPath": ("models", "spec.storage.mountPath: must match ^/[ -9;-~]*$, found 'models'"),
    "models[].priority": ("urgent", "spec.models[0].priority: must be one of high, medium, low, found 'urgent'"),
    "models[].retention": ("-3d", "spec.models[0].retention: must match"),
    "models[].maxSize": ("10 GB", "spec.models[0].maxSize: must match"),
    "models[].preload": ("yes", "spec.models[0].preload: must be true or false, found 'yes'"),
}
"""Values that the earlier API stored and then ignored or stumbled over, and what is said of them now."""


@pytest.mark.parametrize("path", REFUSED)
def test_values_that_mean_nothing_are_refused_in_words(path):
    value, said = REFUSED[path]
    _, findings = validate_object(cache(**merged(BASE, having(Field(path, value, bool)))), "AIMCache")
    assert [text for text in map(str, findings) if said in text], findings
