"""Objects that somebody sent, read as what they should be."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aimlib.protocol.metacontroller import BadRequestError
from aimlib.schema.error_messages import sentences

M = TypeVar("M", bound=BaseModel)


def parsed(model: type[M], raw: object, about: str = "") -> M:
    """`raw` as `model`; BadRequestError where it is none, in words that begin with what they are about."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise BadRequestError(": ".join(filter(None, (about, "; ".join(sentences(error)))))) from error
