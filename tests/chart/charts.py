"""The three Helm charts, one for each step of an installation, from what kustomize renders."""

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from aimlib.config import Config
from aimlib.image_registry import REGISTRY_FORM
from tests.chart.tree import ABSENT, Choice, Expression, substituted, template, with_variant
from tests.kustomize import OVERLAYS, ROOT, Objects, build, of_kind, only

HERE = Path(__file__).parent
OPERATOR, CRDS, METACONTROLLER = "aim-engine", "aim-engine-crds", "aim-engine-metacontroller"
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NAMESPACE = "aim-system"
KEEP = {"helm.sh/resource-policy": "keep"}
"""What Helm's uninstall leaves."""
ADMISSION = "aim-admission"
SETTINGS = "aim-config"
STATE_METRICS = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.17.0"
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"


class Component(NamedTuple):
    """A value of `components`, and the overlay that has it: on top of the default one, or beside it."""

    value: str
    overlay: str
    beside: bool = False

    @property
    def condition(self) -> str:
        return f".Values.components.{self.value}"


COMPONENTS = (
    Component("certManager", "cert-manager"),
    Component("gatewayApi", "gateway-api"),
    Component("keda", "keda"),
    Component("vpa", "vpa"),
    Component("multiNode", "multi-node"),
    Component("liveFigures", "live-figures"),
    Component("podLogs", "pod-logs"),
    Component("queues", "queues"),
    Component("freeCapacity", "free-capacity"),
    Component("dra", "dra"),
    Component("webPage", "web-page"),
    Component("monitoring", "monitoring", beside=True),
    Component("stateMetrics", "state-metrics", beside=True),
    Component("dashboards", "dashboards", beside=True),
)

Files = dict[str, str]
"""Texts by path in a chart."""


def identity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells objects apart."""
    return one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]


def operator_tree() -> list[object]:
    """The objects of the default overlay, with those parts as Choices that components change or add."""
    base = {identity(one): one for one in build(OVERLAYS / "default")}
    found: dict[tuple[str, str, str], object] = dict(base)
    for component in COMPONENTS:
        other = {identity(one): one for one in build(OVERLAYS / component.overlay)}
        for which in other.keys() | (set() if component.beside else base.keys()):
            if which not in base:
                found[which] = Choice(component.condition, other[which], ABSENT)
            elif which not in other:
                found[which] = Choice(component.condition, ABSENT, found[which])
            else:
                found[which] = with_variant(found[which], other[which], component.condition, "/".join(which))
    leaves = _leaves(_settings([*base.values()]))
    return [_parametrized(which, found[which], leaves) for which in sorted(found)]


def operator_chart(digests: Mapping[str, str] | None = None) -> Files:
    """The operator's chart; `digests` of its own images by value, `hooks` and `downloader`, where they are known."""
    settings = _settings(build(OVERLAYS / "default"))
    by_kind: dict[str, list[str]] = defaultdict(list)
    for node in operator_tree():
        conditions, one = _unwrapped(node)
        lines = template(one)
        for condition in reversed(conditions):
            lines = f"{{{{- if {condition} }}}}\n{lines}{{{{- end }}}}\n"
        by_kind[_kind(one)].append(lines)
    files = {f"templates/{kind.lower()}.yaml": "---\n".join(texts) for kind, texts in by_kind.items()}
    values = yaml.safe_load((HERE / "values.yaml").read_text())
    text = (HERE / "values.yaml").read_text()
    for name, digest in (digests or {}).items():
        text = text.replace(f'{name}: {{digest: ""}}', f"{name}: {{digest: {digest}}}")
    return {
        "Chart.yaml": _about(OPERATOR, "Serves models by name on the GPUs of the cluster."),
        "values.yaml": text,
        "values.schema.json": json.dumps(schema(values), indent=1) + "\n",
        "templates/NOTES.txt": (HERE / "files" / "NOTES.txt").read_text(),
        "templates/_helpers.tpl": _helpers(settings),
        **files,
    }


def crds_chart() -> Files:
    """The kinds and the namespace, which stay when the release goes."""
    objects = [_kept(one) for one in build(ROOT / "manifests" / "crds")]
    return _plain_chart(CRDS, "The kinds of AIM Engine and its namespace; uninstalling it keeps them.", objects)


def metacontroller_chart(objects: Objects) -> Files:
    """Metacontroller with what this operator needs, from its rendered objects. Its kinds and namespace stay, too."""
    kept = [_kept(one) if one["kind"] in {"Namespace", "CustomResourceDefinition"} else one for one in objects]
    return _plain_chart(METACONTROLLER, "Metacontroller, tuned and narrowed to AIM Engine.", kept)


def _plain_chart(name: str, description: str, objects: Iterable[Mapping[str, Any]]) -> Files:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for one in objects:
        by_kind[one["kind"]].append(template(one))
    empty = {
        "$schema": DRAFT,
        "type": "object",
        "additionalProperties": False,
        "properties": {"global": {"type": "object"}},
    }
    return {
        "Chart.yaml": _about(name, description),
        "values.yaml": "# This chart has no values.\n{}\n",
        "values.schema.json": json.dumps(empty, indent=1) + "\n",
        **{f"templates/{kind.lower()}.yaml": "---\n".join(texts) for kind, texts in by_kind.items()},
    }


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {**one["metadata"].get("annotations", {}), **KEEP}
    return {**one, "metadata": {**one["metadata"], "annotations": annotations}}


def _unwrapped(node: object) -> tuple[list[str], Mapping[str, Any]]:
    """The conditions under which an object is there, and the object."""
    conditions = []
    while isinstance(node, Choice):
        there = node.otherwise if node.then is ABSENT else node.then
        conditions.append(f"not {node.condition}" if node.then is ABSENT else node.condition)
        node = there
    assert isinstance(node, Mapping)
    return conditions, node


def _kind(one: Mapping[str, Any]) -> str:
    return str(one["kind"])


def _about(name: str, description: str) -> str:
    about = {
        "apiVersion": "v2",
        "name": name,
        "description": description,
        "type": "application",
        "version": VERSION,
        "appVersion": VERSION,
        "kubeVersion": ">=1.30.0-0",
        "home": "https://github.com/aim-engine/aim-engine-operator",
        "sources": ["https://github.com/aim-engine/aim-engine-operator"],
    }
    return "# Written from the kustomizations by `make chart`.\n" + yaml.safe_dump(about, sort_keys=False, width=1000)


def _settings(objects: Objects) -> dict[str, Any]:
    [found] = [one for one in of_kind(objects, "ConfigMap") if one["metadata"]["name"].startswith(f"{SETTINGS}-")]
    return found


def _leaves(settings: Mapping[str, Any]) -> dict[object, Expression]:
    """What values stand for."""
    return {
        settings["metadata"]["name"]: Expression('{{ include "aim.settingsName" . }}'),
        f"ghcr.io/aim-engine/aim-hooks:{VERSION}": Expression('{{ include "aim.hooks" . }}'),
        f"ghcr.io/aim-engine/aim-downloader:{VERSION}": Expression('{{ include "aim.downloader" . }}'),
        STATE_METRICS: Expression(f'{{{{ include "aim.mirrored" (list . "{STATE_METRICS}") }}}}'),
        f"aim-certificates-{VERSION}": Expression('{{ include "aim.certificatesJob" . }}'),
        PROMETHEUS: Expression("{{ .Values.prometheusUrl | quote }}"),
    }


def _parametrized(which: tuple[str, str, str], node: object, leaves: Mapping[object, Expression]) -> object:
    """An object of the tree, with expressions where values count."""
    found = substituted(node, leaves)
    if which[0] == "ConfigMap" and isinstance(found, Mapping):
        if which[2] == ADMISSION:
            return {**found, "data": {key: _admission(key, text) for key, text in found["data"].items()}}
        if which[2].startswith(f"{SETTINGS}-"):
            return {**found, "data": {"config.yaml": Expression('{{ include "aim.settings" . | toJson }}')}}
    if which == ("Deployment", NAMESPACE, "aim-hooks") and isinstance(found, Mapping):
        return {**found, "spec": {**found["spec"], "replicas": Expression("{{ .Values.replicas }}")}}
    return found


def _admission(key: str, shipped: str) -> Choice:
    stated = Expression(f"{{{{ .Values.admission.{key} | toJson }}}}")
    return Choice(f'hasKey .Values.admission "{key}"', stated, shipped)


def _helpers(settings: Mapping[str, Any]) -> str:
    text = (HERE / "files" / "_helpers.tpl").read_text()
    return text.replace("@SETTINGS@", json.dumps(settings["data"]["config.yaml"])).replace("@VERSION@", VERSION)


DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(values: Mapping[str, Any]) -> dict[str, Any]:
    """What values may be: those of values.yaml and no others, and settings as the operator itself reads them."""
    settings = Config.model_json_schema(by_alias=True)
    definitions = settings.pop("$defs", {})
    allowed = only([one for one in build(OVERLAYS / "default") if one["metadata"]["name"] == ADMISSION], "ConfigMap")[
        "data"
    ]
    digest = _object({"digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}})
    registry = {"type": "string", "pattern": f"^$|{REGISTRY_FORM}"}
    return {
        "$schema": DRAFT,
        **_object(
            {
                "global": {"type": "object"},
                "components": _object({name: {"type": "boolean"} for name in values["components"]}),
                "imageRegistry": registry,
                "images": _object(dict.fromkeys(values["images"], digest)),
                "config": settings,
                "admission": _object({key: {"type": "string"} for key in sorted(allowed)}),
                "replicas": {"type": "integer", "minimum": 1, "maximum": 10},
                "prometheusUrl": {"type": "string", "pattern": "^https?://"},
            }
        ),
        "$defs": definitions,
    }


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}
