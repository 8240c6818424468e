"""Validates parts of requests as API types."""

from typing import TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from aimlib.api.base import Model
from aimlib.memo import Memo, memoized
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.error_messages import validation_messages

_M = TypeVar("_M", bound=BaseModel)
_V = TypeVar("_V", bound=Model)
_Parsed = tuple[int, Model]

PARSED: Memo[_Parsed] = Memo(4096, weigh=lambda parsed: parsed[0], room=4 << 20)
"""Values by type and text, with the length of the text: the syncs of an endpoint bring the same ones again."""


def parse_as(model: type[_M], raw: object, about: str = "") -> _M:
    """`raw` as `model`; BadRequestError where it is invalid, with a message that begins with `about`."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        found = "; ".join(validation_messages(error, "" if about else "spec"))
        raise BadRequestError(f"{about}: {found}" if about else found) from error


def text_of(raw: object) -> bytes | None:
    """Parsed JSON as text, by which what is made of it is remembered; None where it cannot be written.

    Half of a surrogate pair cannot, nor what is nested too deeply; either may be a value nevertheless.
    """
    try:
        return to_json(raw, inf_nan_mode="constants")
    except ValueError:
        return None


def parse_again(model: type[_V], raw: object, about: str = "") -> _V:
    """As `parse_as`, for parsed JSON that is likely to come again: an equal text has been read before.

    The value is shared between requests, as its type is immutable.
    """
    text = text_of(raw)
    if text is None:
        return parse_as(model, raw, about)
    _, parsed = memoized(PARSED, (model, text), lambda: (len(text), parse_as(model, raw, about)))
    return cast("_V", parsed)
