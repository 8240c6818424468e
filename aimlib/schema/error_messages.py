"""Messages for the validation errors of pydantic."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from aimlib.api.formats import FORMATS

MESSAGES_BY_TYPE: Mapping[str, str] = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
}
"""Message by pydantic's type of error; pydantic's own message for other types."""

MESSAGES_BY_PATTERN: Mapping[str, str] = {one.pattern: one.message for one in FORMATS}
"""Message by the regular expression that a text does not match."""


def validation_messages(error: ValidationError, whole: str = "spec") -> tuple[str, ...]:
    """One message per error: the field, what is wrong, and the value, unless it may be a secret.

    `whole` names what was checked, for errors that are of no field; empty where the words before the message do.
    """
    return tuple(_message(details, whole) for details in error.errors(include_url=False))


ValuePath = tuple[str | int, ...]


def dotted_path(path: ValuePath) -> str:
    """`spec.recipe.fallback[0].gpuCount`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _field(steps: ValuePath) -> str:
    """The path of what an error is about; what pydantic adds for a key of a mapping is left out."""
    return dotted_path(steps[:-1] if steps and steps[-1] == "[key]" else steps)


def _message(details: ErrorDetails, whole: str) -> str:
    where = _field(details["loc"]) or whole
    context: dict[str, Any] = details.get("ctx", {})
    own = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    form = MESSAGES_BY_PATTERN.get(context.get("pattern", ""), own)
    text = MESSAGES_BY_TYPE[details["type"]].format_map(context) if details["type"] in MESSAGES_BY_TYPE else form
    found = "nothing" if details["input"] is None else repr(str(details["input"])[:80])
    secret = "env" in details["loc"] and details["loc"][-1] == "value"
    omitted = secret or isinstance(details["input"], dict | list) or found in text
    about = f"{where}: {text}" if where else text
    return about if omitted else f"{about}, found {found}"
