"""Objects that somebody sent, read as what they should be."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.error_messages import validation_messages

_M = TypeVar("_M", bound=BaseModel)


def parse_as(model: type[_M], raw: object, about: str = "") -> _M:
    """`raw` as `model`; BadRequestError where it is none, in words that begin with what they are about."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise BadRequestError(": ".join(filter(None, (about, "; ".join(validation_messages(error)))))) from error
