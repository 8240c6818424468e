"""What becomes of scaling elsewhere: the bounds, the target that is known, and what nothing scales by."""

from typing import Any

from aimlib.data import load_data
from aimlib.migration.draft import Draft

TO_ZERO = "scaling.minReplicas; it needs KEDA and an AIMGateway that routes here, else one replica stays"
SCALE_METRIC, SCALE_TARGET = ("scaleMetric", "autoscaling.knative.dev/metric"), "autoscaling.knative.dev/target"
"""Keys of KServe: what is measured, and Knative's target, which is one on concurrency where nothing else is stated."""

ON_RESOURCES = frozenset({"targetCPUUtilization", "targetMemoryUtilization"})


def set_autoscaled(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """Whether bounds and targets beside it count."""
    draft.spec["autoscaled"] = bool(value)
    draft.add(".".join(path), "kept", "scaling" if value else "without scaling")


def set_least(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """The fewest replicas: none of them is more than a number."""
    draft.put("scaling.minReplicas", value, ".".join(path))
    if value == 0:
        text, _, _ = draft.parts.pop()
        draft.add(text, "needs you", TO_ZERO)


def set_scale(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """One half of a target of KServe: the metric, or the value."""
    if path[-1] in SCALE_METRIC:
        draft.scale["metric"] = (".".join(path), str(value))
        return
    draft.scale["target"] = (".".join(path), int(value))
    if path[-1] == SCALE_TARGET:
        draft.scale.setdefault("metric", ("", "concurrency"))


def finish_scaling(draft: Draft) -> None:
    """Puts the halves of a target together, and leaves no scaling that scales nothing.

    Replicas follow the load where no target on CPU or memory is stated, and load is measured where pods are scraped.
    """
    requested = draft.spec.pop("autoscaled", None)
    if requested is False:
        draft.spec.pop("scaling", None)
        return
    _finish_target(draft)
    scaling = draft.spec.get("scaling", {})
    if "maxReplicas" in scaling or scaling.get("minReplicas") == 0:
        if not scaling.keys() & ON_RESOURCES:
            draft.spec.setdefault("monitoring", {"enabled": True})
        return
    draft.spec.pop("scaling", None)
    if "minReplicas" in scaling:
        draft.spec["replicas"] = scaling["minReplicas"]
    if requested or scaling.keys() - {"minReplicas"}:
        draft.add("scaling.maxReplicas", "needs you", "without it nothing scales")


def _finish_target(draft: Draft) -> None:
    metrics = load_data("migration")["metrics"]
    text, metric = draft.scale.get("metric", ("", None))
    where, target = draft.scale.get("target", ("", None))
    if target is not None and metric in metrics:
        draft.put(f"scaling.{metrics[metric]}", target, where)
        if text:
            draft.add(text, "kept", f"scaling.{metrics[metric]}")
        return
    for half in filter(None, (text, where)):
        draft.add(half, "needs you", "scaling.targetRequests is for concurrency, targetCPUUtilization for cpu")
