"""A stand-in for kube-state-metrics: what its custom-resource-state configuration makes of objects.

It follows the documentation (`values` names it) and what is known of its peculiarities where ours would meet them: an
object at the path of a gauge or an info gives a series for each of its fields. It does not watch, it knows no wildcards
of versions and kinds, and it prints nothing but the text format, in which a stateset and an info are gauges.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.state_metrics.values import NotANumberError, at, number, text

Raw = dict[str, Any]
ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Series(NamedTuple):
    """One series: its labels and its value."""

    labels: dict[str, str]
    value: float


class Family(NamedTuple):
    """One metric: its series, and what would be logged as an error."""

    name: str
    help: str
    series: tuple[Series, ...]
    problems: tuple[str, ...]


class ConfigurationError(Exception):
    """What kube-state-metrics would not start with."""


def families(configuration: Raw, objects: Iterable[Raw]) -> list[Family]:
    """Every metric of a configuration for these objects, also those that have no series."""
    kept = list(objects)
    return [
        _family(resource, metric, kept)
        for resource in configuration["spec"]["resources"]
        for metric in resource["metrics"]
    ]


def exposition(found: Iterable[Family]) -> str:
    """The text of a page."""
    return "".join(
        f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
        + "".join(f"{family.name}{{{_labels(one.labels)}}} {one.value!r}\n" for one in family.series)
        for family in found
    )


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{key}="{value.translate(ESCAPED)}"' for key, value in sorted(labels.items()))


def _family(resource: Raw, metric: Raw, objects: list[Raw]) -> Family:
    kind = metric["each"]["type"].lower()
    if kind not in VALUES:
        raise ConfigurationError(f"unknown metric type {metric['each']['type']}")
    said: Raw = next((value for key, value in metric["each"].items() if key.lower() == kind), {})
    if not said:
        raise ConfigurationError(f"expected each.{kind} to not be nil")
    gvk = resource["groupVersionKind"]
    fixed = {**resource.get("commonLabels", {}), **metric.get("commonLabels", {})}
    fixed |= {f"customresource_{key}": gvk[key] for key in ("group", "version", "kind")}
    paths = {**resource.get("labelsFromPath", {}), **metric.get("labelsFromPath", {})}
    series: list[Series] = []
    problems: list[str] = []
    for one in objects:
        if (one["apiVersion"], one["kind"]) == (f"{gvk['group']}/{gvk['version']}", gvk["kind"]):
            base = {**fixed, **_from_paths(one, paths)}
            values = VALUES[kind](said, at(one, said.get("path", [])), problems)
            series += [Series({**base, **found.labels}, found.value) for found in values]
    prefix = resource.get("metricNamePrefix", "kube_customresource")
    return Family("_".join(filter(None, (prefix, metric["name"]))), metric["help"], tuple(series), tuple(problems))


def _from_paths(found: Any, paths: dict[str, list[str]]) -> dict[str, str]:
    if any("*" in label for label in paths):
        raise ConfigurationError("labels by `*` are not read here: what they bring is not bounded")
    values = {label: at(found, path) for label, path in paths.items()}
    return {label: text(value) for label, value in values.items() if value is not None}


def _gauge(said: Raw, found: Any, problems: list[str]) -> Iterator[Series]:
    wanted, labels, zero = said.get("valueFrom", []), said.get("labelsFromPath", {}), said.get("nilIsZero", False)
    if isinstance(found, list):
        places = [(at(one, wanted), one, _from_paths(one, labels)) for one in found]
    elif isinstance(found, dict):
        of_all = _from_paths(found, labels)  # these win over those of the field
        places = [
            (one if [key] == wanted else at(one, wanted), one, {**_of_field(said, key, one), **of_all})
            for key, one in found.items()
        ]
    else:
        places = [(at(found, wanted), found, _from_paths(found, labels))]
    for value, place, its in places:
        try:
            if value is not None or zero:
                yield Series(its, number(0 if value is None else value))
            elif place is None:
                problems.append("got nil while resolving path")
        except NotANumberError as error:
            problems.append(str(error))


def _of_field(said: Raw, key: str, value: Any) -> dict[str, str]:
    """The labels of one field of an object at the path."""
    named = {said["labelFromKey"]: key} if "labelFromKey" in said else {}
    return {**named, **_from_paths(value, said.get("labelsFromPath", {}))}


def _info(said: Raw, found: Any, _: list[str]) -> Iterator[Series]:
    labels = said.get("labelsFromPath", {})
    for one in found if isinstance(found, list) else [found]:
        if its := _from_paths(one, labels):
            yield Series(its, 1.0)
    for key, one in found.items() if isinstance(found, dict) else ():
        if its := _of_field(said, key, one):
            yield Series(its, 1.0)


def _stateset(said: Raw, found: Any, problems: list[str]) -> Iterator[Series]:
    for one in found if isinstance(found, list) else [found]:
        state = at(one, said.get("valueFrom", []))
        if isinstance(state, str):
            its = _from_paths(one, said.get("labelsFromPath", {}))
            for entry in said["list"]:
                yield Series({said["labelName"]: entry, **its}, float(state == entry))
        elif said["path"][:1] != ["status"]:
            problems.append(f"expected value for path to be string, got {text(state)}")


VALUES = {"gauge": _gauge, "info": _info, "stateset": _stateset}
