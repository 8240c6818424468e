"""The docstring under a field is its description in the schema."""

from typing import Annotated

from pydantic import Field

from aimlib.api.base import Model
from aimlib.schema.descriptions import DescribedSchema


class Base(Model):
    first_size: int = 0
    """Declared
    by the parent."""


class Box(Base):
    side: int = 1
    """Its side,
    in metres."""
    plain: int = 2
    worded: Annotated[int, Field(description="Said beside it.")] = 3
    """Not this."""
    inner: "Box | None" = None
    """A box in the box."""


PROPERTIES = Box.model_json_schema(schema_generator=DescribedSchema)["$defs"]["Box"]["properties"]


def test_the_docstring_describes_the_field():
    assert PROPERTIES["side"]["description"] == "Its side, in metres."


def test_an_inherited_field_keeps_its_docstring_under_its_name_on_the_wire():
    assert PROPERTIES["firstSize"]["description"] == "Declared by the parent."


def test_a_field_without_one_has_no_description():
    assert "description" not in PROPERTIES["plain"]


def test_a_description_beside_the_type_wins():
    assert PROPERTIES["worded"]["description"] == "Said beside it."


def test_a_field_of_another_type_is_described_where_it_stands():
    assert PROPERTIES["inner"]["description"] == "A box in the box."
