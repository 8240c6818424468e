"""Every spelling of a number format means one word of one vocabulary."""

import pytest
from pydantic import TypeAdapter, ValidationError

from aimlib.api.precision import AUTO, PRECISION_SPELLINGS, Precision, RequestedPrecision

STATED, ASKED = TypeAdapter(Precision), TypeAdapter(RequestedPrecision)


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        ("bf16", "bf16"),
        ("bfloat16", "bf16"),
        ("BF16", "bf16"),
        ("fp16", "fp16"),
        ("float16", "fp16"),
        ("half", "fp16"),
        ("fp8", "fp8"),
        ("float8", "fp8"),
        ("float8_e4m3", "fp8"),
        ("float8_e5m2", "fp8"),
        ("fp4", "fp4"),
        ("float4", "fp4"),
        ("mxfp4", "fp4"),
        ("nvfp4", "fp4"),
        ("int8", "int8"),
        ("int4", "int4"),
    ],
)
def test_a_spelling_means_its_format(spelt, meant):
    assert STATED.validate_python(spelt) == ASKED.validate_python(spelt) == meant


def test_the_meanings_are_six_and_each_means_itself():
    assert set(PRECISION_SPELLINGS.values()) == {"bf16", "fp16", "fp8", "fp4", "int8", "int4"}
    assert all(PRECISION_SPELLINGS[meant] == meant for meant in PRECISION_SPELLINGS.values())


@pytest.mark.parametrize("wrong", ["invalid", "", "fp32", "bf 16", "int"])
def test_a_word_that_nobody_knows_is_refused_with_those_that_are_known(wrong):
    for adapter in (STATED, ASKED):
        with pytest.raises(ValidationError, match="is unknown; use one of auto, bf16, bfloat16, ") as error:
            adapter.validate_python(wrong)
        assert repr(wrong) in str(error.value)


@pytest.mark.parametrize("wrong", [16, None, ["bf16"], {}])
def test_what_is_no_text_is_refused_as_such(wrong):
    with pytest.raises(ValidationError, match="valid string"):
        STATED.validate_python(wrong)


def test_auto_leaves_it_free_and_is_in_the_schema_only_where_one_asks():
    assert ASKED.validate_python("Auto") == AUTO
    assert ASKED.json_schema()["enum"] == [AUTO, *PRECISION_SPELLINGS]
    assert STATED.json_schema()["enum"] == [*PRECISION_SPELLINGS]
