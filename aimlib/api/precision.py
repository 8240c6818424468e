"""The names of number formats, and their accepted synonyms."""

from typing import Annotated

from pydantic import BeforeValidator, Field

PRECISION_SPELLINGS = {
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp16": "fp16",
    "float16": "fp16",
    "half": "fp16",
    "fp8": "fp8",
    "float8": "fp8",
    "float8_e4m3": "fp8",
    "float8_e5m2": "fp8",
    "fp4": "fp4",
    "float4": "fp4",
    "mxfp4": "fp4",
    "nvfp4": "fp4",
    "int8": "int8",
    "int4": "int4",
}
AUTO = "auto"


def canonical_precision(spelling: object) -> object:
    """`bfloat16` as `bf16` and so on; ValueError for an unknown spelling."""
    if not isinstance(spelling, str):
        return spelling
    found = PRECISION_SPELLINGS.get(spelling.lower(), AUTO if spelling.lower() == AUTO else None)
    if found is None:
        raise ValueError(f"precision {spelling!r} is unknown; use one of {', '.join([AUTO, *PRECISION_SPELLINGS])}")
    return found


Precision = Annotated[
    str, BeforeValidator(canonical_precision), Field(json_schema_extra={"enum": list(PRECISION_SPELLINGS)})
]
"""The format of the weights: bf16, fp16, fp8, fp4, int8 or int4; synonyms are accepted."""

RequestedPrecision = Annotated[
    str, BeforeValidator(canonical_precision), Field(json_schema_extra={"enum": [AUTO, *PRECISION_SPELLINGS]})
]
"""A precision, or `auto` for any."""
