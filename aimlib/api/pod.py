"""What an AIMEndpoint states for its pods: where they run, their metadata, a CA, and additions to the engine."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Key, Model, ObjectName, Ruled
from aimlib.api.compile_cache import CompileCache

LabelValue = Annotated[str, formats.LABEL_VALUE.field]


def _label_key(text: str) -> str:
    if not formats.LABEL_KEY.matches(text):
        raise ValueError(formats.LABEL_KEY.message)
    return text


def _annotation_key(text: str) -> str:
    """Kubernetes takes capitals in the domain of an annotation, and none in that of a label."""
    _label_key(text.lower())
    return text


AnnotationKey = Annotated[str, AfterValidator(_annotation_key)]
LabelKey = Annotated[str, AfterValidator(_label_key)]
"""A key of labels. A CRD has no patterns for keys, so the API server checks them by a policy."""
Labels = Annotated[dict[LabelKey, LabelValue], Field(max_length=16)]


class Toleration(Ruled):
    """A taint of nodes on which the pods may run."""

    rules = (
        FieldRule(
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
            "a toleration with operator Exists has no value",
            lambda raw: raw.get("operator") != "Exists" or "value" not in raw,
        ),
        FieldRule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds goes with the effect NoExecute",
            lambda raw: "tolerationSeconds" not in raw or raw.get("effect") == "NoExecute",
        ),
    )

    key: Annotated[str, formats.LABEL_KEY.field]
    """Key of the taint. There is no toleration of every taint: nodes that are broken have some."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Exists tolerates any value of the taint."""
    value: LabelValue | None = None
    """Value of the taint, with Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """Effect of the taint; any when left out."""
    toleration_seconds: Annotated[int, Field(ge=0, le=86400)] | None = None
    """With the effect NoExecute: seconds until pods have to leave."""

    def covers(self, key: str, value: str | None, effect: str) -> bool:
        """Whether it lets pods onto a node with that taint, for good."""
        same = self.key == key and self.effect in (None, effect) and self.toleration_seconds is None
        return same and (self.operator == "Exists" or (self.value or "") == (value or ""))


class CaBundle(Model):
    """A ConfigMap with certificates of the authorities that the engine trusts, instead of the image's."""

    config_map: ObjectName
    """Name of the ConfigMap, in the endpoint's namespace."""
    key: Key = "ca.crt"
    """Key of the PEM file in it. Public authorities that are still needed are in it, too."""


class EngineKeySelector(Model):
    """One key of a Secret or ConfigMap of the endpoint's namespace."""

    name: ObjectName
    """Name of the Secret or ConfigMap."""
    key: Key
    """Key in the object."""
    optional: bool | None = None
    """Whether the container starts without the value when the object or key is missing."""


class EngineVariableSource(Ruled):
    """The source of a value; the operator never reads the value."""

    rules = (
        FieldRule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "valueFrom is either secretKeyRef or configMapKeyRef",
            lambda raw: ("secretKeyRef" in raw) != ("configMapKeyRef" in raw),
        ),
    )

    secret_key_ref: EngineKeySelector | None = None
    """A key of a Secret; an administrator's list bounds the names."""
    config_map_key_ref: EngineKeySelector | None = None
    """A key of a ConfigMap."""


class EngineVariable(Ruled):
    """An environment variable of the engine."""

    rules = (
        FieldRule(
            "!has(self.value) || !has(self.valueFrom)",
            "a variable has either value or valueFrom",
            lambda raw: not {"value", "valueFrom"} <= raw.keys(),
        ),
    )

    name: Annotated[str, formats.VARIABLE.field]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Value of the variable, in which nothing is expanded."""
    value_from: EngineVariableSource | None = None
    """Source of the value, instead of value."""


def _named_once(raw: Mapping[str, Any]) -> bool:
    names = [one.get("name") for one in raw.get("env") or ()]
    return len(set(names)) == len(names)


class EngineSettings(Ruled):
    """Arguments and variables of the engine, in addition to the recipe's or instead of them."""

    rules = (
        FieldRule(
            "!has(self.env) || self.env.all(one, self.env.exists_one(other, other.name == one.name))",
            "engine.env may not have a variable twice",
            _named_once,
        ),
    )

    args: Annotated[tuple[Annotated[str, Field(max_length=2048)], ...], Field(max_length=32)] = ()
    """Command-line arguments, checked as a recipe's are: memory and context are judged with them. A flag replaces the
    recipe's. Those that run code, read files or load other models are for recipes, which administrators write."""
    env: Annotated[
        tuple[EngineVariable, ...],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Environment variables. One replaces the recipe's of that name."""
    compile_cache: CompileCache | None = None
    """Keep what the engine compiles while it starts on a volume; it is compiled at each start when this is left out."""


RESERVED_LABELS = (
    *(f"app.kubernetes.io/{name}" for name in ("name", "instance", "managed-by", "version")),
    "pod-template-hash",
)
RESERVED_PREFIXES = (
    *("aim.engine.amd.com/", "cache.aim.engine.amd.com/", "metacontroller.k8s.io/"),
    "leaderworkerset.sigs.k8s.io/",
)
"""Labels and domains by which pods are found, here, by NetworkPolicies or by LeaderWorkerSet's webhooks."""
SECURITY_PREFIXES = ("container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/")
"""Annotations by which old kubelets loosened a container."""


def free_of(field: str, names: tuple[str, ...], prefixes: tuple[str, ...]) -> FieldRule:
    """The rule that no key of a field is one of these names or begins with one of these prefixes."""
    taken = [*(f"key == '{name}'" for name in names), *(f"key.startsWith('{prefix}')" for prefix in prefixes)]
    return FieldRule(
        f"!has(self.{field}) || self.{field}.all(key, !({' || '.join(taken)}))",
        f"{field} may not have a key of the operator's or the cluster's: {', '.join((*names, *prefixes))}",
        lambda raw: not any(key in names or key.startswith(prefixes) for key in raw.get(field) or ()),
    )


POD_RULES = (
    free_of("labels", RESERVED_LABELS, RESERVED_PREFIXES),
    free_of("annotations", (), (*RESERVED_PREFIXES, *SECURITY_PREFIXES)),
)
