"""The base of every API type: camelCase in JSON, immutable, with rules that CEL and Python both check."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aimlib.api import formats
from aimlib.kube.quantity import parse_quantity


class Model(BaseModel):
    """An immutable value; its attribute docstrings are the descriptions that `kubectl explain` prints."""

    # Input stays out of tracebacks, since it may be a secret; `aimlib.schema.error_messages` shows the rest.
    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore", hide_input_in_errors=True
    )

    def wire(self) -> dict[str, Any]:
        """This value as JSON-ready data, camelCase, without absent fields."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class FieldRule(NamedTuple):
    """One rule for one object: the API server evaluates `cel`, and this process `holds`, on the same raw data."""

    cel: str
    message: str
    holds: Callable[[Mapping[str, Any]], bool]

    def broken(self, raw: Mapping[str, Any]) -> bool:
        """Whether `raw` breaks the rule. A value of the wrong type or form is reported by its own field instead."""
        try:
            return not self.holds(raw)
        except (TypeError, AttributeError, ValueError, LookupError):
            return False


def not_above(lower: str, upper: str) -> FieldRule:
    """The rule that one quantity does not exceed another, where both are stated."""
    return FieldRule(
        f"!has(self.{lower}) || !has(self.{upper}) || quantity(self.{lower}).compareTo(quantity(self.{upper})) <= 0",
        f"{lower} must not exceed {upper}",
        lambda raw: lower not in raw or upper not in raw or parse_quantity(raw[lower]) <= parse_quantity(raw[upper]),
    )


def above_zero(field: str, example: str) -> FieldRule:
    """The rule that a quantity, where it is stated, is not 0."""
    return FieldRule(
        f"!has(self.{field}) || quantity(self.{field}).isGreaterThan(quantity('0'))",
        f"{field} must be above 0, such as {example}",
        lambda raw: field not in raw or parse_quantity(raw[field]) > 0,
    )


class TransitionRule(NamedTuple):
    """A rule for the change of an object, which only the API server can check: it has both versions."""

    cel: str
    message: str
    on_creation: bool = False
    """Whether it is for new objects, too; `oldSelf` is an optional value then. Kubernetes 1.30."""

    @property
    def validation(self) -> dict[str, Any]:
        """The rule in a CRD."""
        optional = {"optionalOldSelf": True} if self.on_creation else {}
        return {"rule": self.cel, "message": self.message, **optional}


def without_nulls(raw: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` without fields that are null, which means the same as leaving them out."""
    return {
        key: without_nulls(value) if isinstance(value, Mapping) else value
        for key, value in raw.items()
        if value is not None
    }


class Ruled(Model):
    """A value with rules between its fields: CEL in the CRD, and the same rules when it is parsed here."""

    rules: ClassVar[tuple[FieldRule, ...]] = ()
    transitions: ClassVar[tuple[TransitionRule, ...]] = ()

    @classmethod
    def normalised(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """`raw`, which passes the rules, with every value at the path that this process reads."""
        return raw

    @model_validator(mode="before")
    @classmethod
    def _keep_rules(cls, raw: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was parsed
        if not isinstance(raw, Mapping):
            return raw
        given = without_nulls(raw)
        if broken := [rule.message for rule in cls.rules if rule.broken(given)]:
            raise ValueError("; ".join(broken))
        return cls.normalised(given)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core))
        validations = [{"rule": rule.cel, "message": rule.message} for rule in cls.rules]
        validations += [rule.validation for rule in cls.transitions]
        if validations:
            schema["x-kubernetes-validations"] = validations
        return schema


Name = Annotated[str, Field(min_length=1, max_length=253)]
"""The name of a Kubernetes object."""

ObjectName = Annotated[str, formats.OBJECT_NAME.field]
"""The name of a Kubernetes object that the API server would accept: a DNS subdomain."""

Key = Annotated[str, formats.OBJECT_KEY.field]
"""A key of a Secret or ConfigMap."""

Text = Annotated[str, Field(max_length=1024)]

FilledText = Annotated[str, Field(min_length=1, max_length=1024)]
"""A text that says something: an empty one is left out of a response, so that a field that needs one is missing."""

MessageText = Annotated[str, Field(max_length=4096)]
"""A message of a status, which may consist of several sentences."""

ModelId = Annotated[str, formats.MODEL_ID.field]
"""A model's id on the Hugging Face Hub, `organisation/name`."""

Revision = Annotated[str, formats.REVISION.field]
"""A branch, tag or commit of a repository on the hub."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Quantity = Annotated[str, formats.QUANTITY.field]
"""A Kubernetes quantity that is not negative, such as `500m`, `16`, `64Gi`."""

StoredQuantity = Annotated[str, formats.STORED_QUANTITY.field]
"""A quantity in a status."""

MountPath = Annotated[str, formats.CONTAINER_PATH.field]
"""A path in a container."""

HttpPath = Annotated[str, formats.HTTP_PATH.field]
"""The path of a URL."""

GpuCount = Annotated[int, Field(ge=0, le=64)]

Port = Annotated[int, Field(ge=1, le=65535)]
