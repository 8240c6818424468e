"""What becomes of scaling elsewhere: the bounds, the target that is known, and what nothing scales by."""

import re
from datetime import timedelta
from itertools import islice
from typing import Any

from aimlib.api.schedule import ScalingSchedule
from aimlib.data import load_data
from aimlib.kube.cron import TRIED_FROM, TRIED_TIMES, ScheduleError, next_time, times
from aimlib.migration.draft import Draft

TO_ZERO = "scaling.minReplicas; it needs KEDA and an AIMGateway that routes here, else one replica stays"
SCALE_METRIC, SCALE_TARGET = ("scaleMetric", "autoscaling.knative.dev/metric"), "autoscaling.knative.dev/target"
"""Keys of KServe: what is measured, and Knative's target, which is one on concurrency where nothing else is stated."""

ON_LOAD = (
    "targets on load are scaling.targetRequests, targetKVCacheUtilization and targetTimeToFirstToken; for a query of "
    "your own, point your autoscaler at the AIMEndpoint, without scaling"
)
BY_THE_CLOCK = (
    "scaling.schedule has times with more replicas than scaling.minReplicas: each by cron, with a duration of seven "
    "days at most"
)
SELECTED = re.compile(r"\{[^{}]*\}|\s")
"""In a query, and of no account: which series are selected, and blanks."""
ON_RESOURCES = frozenset({"targetCPUUtilization", "targetMemoryUtilization"})


def set_autoscaled(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """Whether bounds and targets beside it count; in an annotation it is a text."""
    draft.spec["autoscaled"] = str(value).lower() == "true"
    draft.add(".".join(path), "kept", "scaling" if draft.spec["autoscaled"] else "without scaling")


def set_least(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """The fewest replicas: none of them is more than a number."""
    draft.put("scaling.minReplicas", int(value), ".".join(path))
    if int(value) == 0:
        text, _, _ = draft.parts.pop()
        draft.add(text, "needs you", TO_ZERO)


def set_trigger(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """A trigger of a ScaledObject: on CPU or memory, or by a query of Prometheus."""
    text, data, kind = ".".join(path), value.get("metadata") or {}, value.get("type")
    averaged = value.get("metricType") in {None, "AverageValue"}
    if kind in {"cpu", "memory"} and value.get("metricType", data.get("type")) == "Utilization":
        _put_target(draft, load_data("migration")["metrics"][kind], data["value"], text)
    elif kind == "prometheus":
        _set_query(draft, text, str(data.get("query")), data.get("threshold"), averaged=averaged)
    elif kind == "cron":
        _set_times(draft, f"{text} cron", data)
    else:
        draft.add(f"{text} {kind}", "needs you", ON_LOAD)


def _set_times(draft: Draft, text: str, data: Any) -> None:  # noqa: ANN401 - JSON
    """Times by cron, from one to another: a schedule, where all of them last as long.

    KEDA bounds what a trigger wants by the ScaledObject, whose bounds stand before its triggers.
    """
    scaling = draft.spec.setdefault("scaling", {})
    begin, end, replicas = str(data["start"]).strip(), str(data["end"]).strip(), int(data["desiredReplicas"])
    try:
        stated = {
            "cron": begin,
            "timeZone": str(data["timezone"]),
            "duration": _length(begin, end),
            "minReplicas": min(replicas, scaling.get("maxReplicas", replicas)),
        }
        ScalingSchedule.model_validate(stated)
    except ValueError:
        draft.add(text, "needs you", BY_THE_CLOCK)
        return
    scaling.setdefault("schedule", []).append(stated)
    draft.add(text, "kept", "scaling.schedule")


def _length(begin: str, end: str) -> str:
    """How long it is from each time of a schedule to the next of another; ScheduleError where they differ."""
    zone = "Etc/UTC"  # the clock on the wall, which no summer time changes
    starts = islice(times(begin, zone, TRIED_FROM), TRIED_TIMES)
    lengths = {next_time(end, zone, start) - start for start in starts}
    if begin == end or len(lengths) != 1:
        raise ScheduleError(f"not each time from {begin} to {end} lasts as long")
    minutes = lengths.pop() // timedelta(minutes=1)
    return f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"


def set_metric(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """A metric of a HorizontalPodAutoscaler: on CPU or memory, or the average over pods of one of the engine's."""
    text, metrics = ".".join(path), load_data("migration")["metrics"]
    match value:
        case {"type": "Resource", "resource": {"name": name, "target": {"averageUtilization": target}}}:
            _put_target(draft, metrics[name], target, text)
        case {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"averageValue": target}}}:
            _set_query(draft, text, f"sum({re.sub('^vllm_', 'vllm:', name)})", target, averaged=True)
        case _:
            draft.add(f"{text} {value.get('type')}", "needs you", ON_LOAD)


def _set_query(draft: Draft, text: str, query: str, threshold: Any, *, averaged: bool) -> None:  # noqa: ANN401 - JSON
    """A query whose sum is shared among replicas, where a target of ours means the same."""
    plain = SELECTED.sub("", query)
    row = next((row for row in load_data("migration")["queries"] if re.search(row["found"], plain)), None)
    if row and "to" in row and averaged and str(threshold).isdecimal():
        _put_target(draft, row["to"], threshold, text)
        if "why" in row:
            draft.parts.pop()
            draft.add(text, "changed", row["why"])
    else:
        draft.add(text, "needs you", row["why"] if row and "to" not in row else ON_LOAD)


def _put_target(draft: Draft, field: str, target: Any, text: str) -> None:  # noqa: ANN401 - JSON
    draft.put(f"scaling.{field}", int(target), text)


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
    if "idleSeconds" in scaling and scaling.get("minReplicas") != 0:
        del scaling["idleSeconds"]
        draft.replace("scaling.idleSeconds", "changed", "nothing stops the endpoint unless scaling.minReplicas is 0")
    if "maxReplicas" in scaling or scaling.get("minReplicas") == 0:
        if draft.spec.pop("replicas", None) is not None:
            draft.replace("replicas", "changed", "what scales the endpoint sets it")
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
