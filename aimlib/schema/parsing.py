"""Validates parts of requests as API types."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.error_messages import validation_messages

_M = TypeVar("_M", bound=BaseModel)


def parse_as(model: type[_M], raw: object, about: str = "") -> _M:
    """`raw` as `model`; BadRequestError where it is invalid, with a message that begins with `about`."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise BadRequestError(": ".join(filter(None, (about, "; ".join(validation_messages(error)))))) from error
