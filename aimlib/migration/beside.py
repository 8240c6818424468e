"""What stands beside workloads that people wrote: their Services, what scales them, exposes them, and bounds drains."""

from collections.abc import Iterable, Iterator
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.kube.server_kinds import GROUP_SET_LABEL, LEADER
from aimlib.migration.draft import Part
from aimlib.migration.kinds import FOREIGN_KINDS
from aimlib.printable import printable

BESIDE = "beside"
"""The key of a workload below which its neighbours are, until it is translated."""
DEPLOYED_KINDS = frozenset(FOREIGN_KINDS["deployment"])
SCALERS = ("ScaledObject", "HorizontalPodAutoscaler")
LEADING = ("HTTPRoute", "Ingress")
RANKS = {kind: place for place, kind in enumerate((*SCALERS, "Service", "PodDisruptionBudget", *LEADING))}
SELECTORS = {"Service": ("selector",), "PodDisruptionBudget": ("selector", "matchLabels")}
"""Below `spec`, the labels by which a kind selects pods."""
TEMPLATES = {
    "LeaderWorkerSet": (("leaderWorkerTemplate", "leaderTemplate"), ("leaderWorkerTemplate", "workerTemplate"))
}
"""Below `spec`, where the template of the pods is that answer requests: in the first of these places that has one."""


def with_neighbours(found: Iterable[Raw]) -> tuple[list[Raw], list[Raw]]:
    """The workloads among objects, each with what stands beside it, and the objects that belong to none."""
    found = list(found)
    workloads = [{BESIDE: [], **one} for one in found if one.get("kind") in DEPLOYED_KINDS]
    rest = []
    for one in sorted((one for one in found if one.get("kind") not in DEPLOYED_KINDS), key=_is_route):
        owner = next((workload for workload in workloads if _is_beside(one, workload)), None)
        if owner is None:
            rest.append(one)
        else:
            owner[BESIDE] = [*owner[BESIDE], one]
    return workloads, rest


def parts_of_others(others: Iterable[Raw]) -> Iterator[Part]:
    """What becomes of objects that stand beside workloads in a file, by their kind; their contents are not shown."""
    rows = load_data("migration")["neighbours"]
    for one in others:
        kind = str(one.get("kind"))
        row = rows.get(kind, {"outcome": "dropped", "why": "it has no counterpart"})
        title = f"{kind} {at(one, 'metadata', 'name') or ''}".strip()
        yield Part(hide_secrets(printable(title)), row["outcome"], row["why"])


def neighbours(workload: Raw) -> Iterator[tuple[str, Raw]]:
    """What stands beside a workload, with the key that tells each, what scales it first.

    A second one of a kind has its name in its key: an endpoint has one of each.
    """
    kept: set[str] = set()
    for one in sorted(workload.get(BESIDE) or (), key=lambda one: _rank(one, workload)):
        kind = one["kind"]
        again = kind in kept or (kind in SCALERS and not kept.isdisjoint(SCALERS))
        key = f"{kind} {one['metadata']['name']}" if again else kind
        kept.add(key)
        yield key, one


def template_place(workload: Raw) -> tuple[str, ...]:
    """The keys of the pod template of a workload; of a group, that of its leader."""
    places = TEMPLATES.get(str(workload.get("kind")), (("template",),))
    return ("spec", *next((place for place in places if at(workload, "spec", *place)), places[-1]))


def selected_by(workload: Raw) -> frozenset[str]:
    """The labels of the pods that only select them, for the workload itself and for what stands beside it."""
    stated = [at(workload, "spec", "selector", "matchLabels")]
    stated += [
        at(one, "spec", *SELECTORS[one["kind"]]) for one in workload.get(BESIDE) or () if one["kind"] in SELECTORS
    ]
    return frozenset(key for labels in stated if isinstance(labels, dict) for key in labels)


def backends(route: Raw) -> set[str]:
    """The names of the Services of its own namespace to which an Ingress or an HTTPRoute leads."""
    spec = route.get("spec")
    rules = [one for one in _listed(at(spec, "rules")) if isinstance(one, dict)]
    paths = [one for rule in rules for one in _listed(at(rule, "http", "paths"))]
    names = [at(one, "backend", "service", "name") for one in paths]
    names.append(at(spec, "defaultBackend", "service", "name"))
    own = {None, at(route, "metadata", "namespace")}
    referred = [one for rule in rules for one in _listed(rule.get("backendRefs"))]
    names += [at(one, "name") for one in referred if at(one, "namespace") in own]
    return {str(name) for name in names if name}


def at(found: Any, *keys: str) -> Any:  # noqa: ANN401 - JSON
    """What is below these keys; None where there is nothing."""
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else []


def _is_route(one: Raw) -> bool:
    """Whether it leads to a Service, and so comes after all Services have their place."""
    return one.get("kind") in LEADING


def _rank(one: Raw, workload: Raw) -> tuple[int, bool, bool, str]:
    """The place among neighbours: what scales first, and of several Services one with an address, of the own name."""
    name = str(one["metadata"]["name"])
    headless = at(one, "spec", "clusterIP") == "None"
    return RANKS[one["kind"]], headless, name != at(workload, "metadata", "name"), name


def _is_beside(one: Raw, workload: Raw) -> bool:
    spec, kind = one.get("spec"), str(one.get("kind"))
    name = at(workload, "metadata", "name")
    if not isinstance(spec, dict) or not name or not at(one, "metadata", "name") or _place(one) != _place(workload):
        return False
    if kind in SELECTORS:
        selector, labels = at(spec, *SELECTORS[kind]), _labels(workload)
        return isinstance(selector, dict) and bool(selector) and selector.items() <= labels.items()
    if kind in LEADING:
        return not backends(one).isdisjoint(
            beside["metadata"]["name"] for beside in workload[BESIDE] if beside["kind"] == "Service"
        )
    scaled = at(spec, "scaleTargetRef", "name") == name and kind in SCALERS
    return scaled and (at(spec, "scaleTargetRef", "kind") or "Deployment") == workload["kind"]


def _labels(workload: Raw) -> Raw:
    """The labels of the pods that answer requests, with those that their controller adds."""
    stated = at(workload, *template_place(workload), "metadata", "labels")
    added = {GROUP_SET_LABEL: at(workload, "metadata", "name"), **LEADER}
    return {
        **(stated if isinstance(stated, dict) else {}),
        **(added if workload["kind"] == "LeaderWorkerSet" else {}),
    }


def _place(one: Raw) -> str:
    return str(at(one, "metadata", "namespace") or "")
