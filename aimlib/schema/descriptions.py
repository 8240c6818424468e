"""JSON schemas in which the docstring under a field is its description.

pydantic can read those docstrings itself, but does so on every import, which takes a fifth of the time of a short
command; only the generator of the CRDs needs them.
"""

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


def unwrapped(text: str) -> str:
    """A docstring with each paragraph on one line: `kubectl explain` breaks lines by itself, as wide as it prints."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


@cache
def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The text under each field that a class itself declares."""
    found = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    body = found.body if isinstance(found, ast.ClassDef) else []
    return {
        field.target.id: unwrapped(text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


class DescribedSchema(GenerateJsonSchema):
    """The generator that reads the docstrings."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - pydantic's own core schema
        written = super().model_schema(schema)
        if "description" in written:
            written["description"] = unwrapped(written["description"])
        model: type[BaseModel] = schema["cls"]
        texts = {
            name: text
            for parent in reversed(model.__mro__)
            if issubclass(parent, BaseModel) and parent is not BaseModel
            for name, text in _docstrings(parent).items()
        }
        for name, field in model.model_fields.items():
            if name in texts:
                written["properties"][field.alias or name].setdefault("description", texts[name])
        return written
