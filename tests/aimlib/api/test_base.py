"""What API types share: camelCase on the wire, frozen in memory, rules that are held when parsed."""

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from aimlib.api.base import FieldRule, GpuCount, Model, ModelId, Port, Ruled, without_nulls


class Box(Model):
    """A box."""

    side_length: int = 1
    """Its side."""
    label: str | None = None
    """What stands on it."""
    inner_box: "Box | None" = None
    """What is in it."""


class Span(Ruled):
    """From one number to another."""

    rules = (
        FieldRule("self.low <= self.high", "low must not exceed high", lambda raw: raw.get("low", 0) <= raw["high"]),
        FieldRule("self.high != 13", "high must not be 13", lambda raw: raw["high"] != 13),
    )

    low: int = 0
    high: int

    @classmethod
    def normalised(cls, raw):
        return {**raw, "high": raw["high"] * 2}


class Drawer(Model):
    span: Span


def test_the_wire_is_camel_case_without_what_is_absent():
    assert Box(side_length=2, inner_box=Box()).wire() == {"sideLength": 2, "innerBox": {"sideLength": 1}}


def test_wire_and_memory_are_inverse():
    box = Box(side_length=2, label="x", inner_box=Box(label=""))
    assert Box.model_validate(box.wire()) == box


def test_a_value_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Box().side_length = 3


def test_unknown_fields_are_dropped_as_the_api_server_prunes_them():
    assert Box.model_validate({"sideLength": 2, "colour": "red"}) == Box(side_length=2)


def test_a_rule_stands_in_the_schema_and_types_without_rules_have_none():
    assert Span.model_json_schema()["x-kubernetes-validations"] == [
        {"rule": "self.low <= self.high", "message": "low must not exceed high"},
        {"rule": "self.high != 13", "message": "high must not be 13"},
    ]
    assert "x-kubernetes-validations" not in TypeAdapter(Ruled).json_schema()


def test_a_broken_rule_is_refused_in_its_own_words_at_its_own_place():
    with pytest.raises(ValidationError) as error:
        Drawer.model_validate({"span": {"low": 14, "high": 13}})
    (found,) = error.value.errors()
    assert found["loc"] == ("span",)
    assert found["msg"] == "Value error, low must not exceed high; high must not be 13"


def test_what_keeps_the_rules_is_normalised_and_what_is_parsed_already_is_left_alone():
    span = Span.model_validate({"low": 1, "high": 2})
    assert span.high == 4
    assert Drawer(span=span).span.high == 4


@pytest.mark.parametrize("raw", [{"low": "x", "high": 2}, {"low": [], "high": 2}, 3, "x", None, [1]])
def test_a_value_of_the_wrong_type_is_refused_by_its_field_and_not_by_a_crash_of_a_rule(raw):
    with pytest.raises(ValidationError, match="Input should be"):
        Drawer.model_validate({"span": raw})


def test_null_says_the_same_as_nothing():
    assert Drawer.model_validate({"span": {"low": None, "high": 2}}).span.low == 0
    raw = {"a": None, "b": {"c": None, "d": {"e": None}}, "f": 0, "g": [None]}
    assert without_nulls(raw) == {"b": {"d": {}}, "f": 0, "g": [None]}


@pytest.mark.parametrize("model", ["Qwen/Qwen3-32B", "gpt2", "a/b_c.d-e", "0/0", "x" * 256])
def test_legal_model_ids(model):
    assert TypeAdapter(ModelId).validate_python(model) == model


@pytest.mark.parametrize("model", ["", "/a", "-a", ".a", "a b", "a\n", "ä/b", "a@b", "a:b", "x" * 257])
def test_illegal_model_ids(model):
    with pytest.raises(ValidationError):
        TypeAdapter(ModelId).validate_python(model)


@pytest.mark.parametrize(("kind", "least", "most"), [(GpuCount, 0, 64), (Port, 1, 65535)], ids=["GPU count", "port"])
def test_bounds(kind, least, most):
    numbers = TypeAdapter(kind)
    assert (numbers.validate_python(least), numbers.validate_python(most)) == (least, most)
    for outside in (least - 1, most + 1):
        with pytest.raises(ValidationError):
            numbers.validate_python(outside)


def test_a_bound_of_a_field_is_part_of_its_type():
    class Small(Model):
        size: int = Field(ge=1)

    with pytest.raises(ValidationError):
        Small(size=0)
