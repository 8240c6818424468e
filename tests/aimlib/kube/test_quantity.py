"""Quantities are read and written as the API server does, so that a child never looks changed by its spelling alone."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aimlib.api.base import Quantity
from aimlib.api.formats import QUANTITY
from aimlib.kube.quantity import (
    BINARY_UNITS,
    DECIMAL_UNITS,
    GIB,
    LARGEST_GIB,
    InvalidQuantityError,
    canonical_quantity,
    from_gib,
    parse_quantity,
    to_gib,
)

EXPONENTS = ("e3", "E6", "e-3", "e+2", "e1", "E-1", "e9")
LARGEST = 2**63 - 1
"""The API server caps quantities here; nobody has so much memory."""

quantities = st.builds(
    "{}{}{}".format,
    st.integers(0, 10**6),
    st.sampled_from(["", ".0", ".5", ".25", ".125", ".001", ".953125", ".0001"]),
    st.sampled_from([*BINARY_UNITS, *DECIMAL_UNITS, *EXPONENTS]),
).filter(lambda text: parse_quantity(text) <= LARGEST)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("0", "0"),
        ("0Gi", "0"),
        ("0e3", "0"),
        ("512", "512"),
        ("1000", "1k"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("2.50", "2500m"),
        ("10.25k", "10250"),
        ("1.5G", "1500M"),
        ("1n", "1m"),
        ("0.1n", "1m"),
        ("1.0001", "1001m"),
        ("1.0001Mi", "1048680858m"),
        ("64Gi", "64Gi"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1536Ki", "1536Ki"),
        ("1.5Ki", "1536"),
        ("0.1Gi", "107374182400m"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("1000e3", "1e6"),
        ("12e1", "120"),
        ("5e-1", "500e-3"),
    ],
)
def test_it_is_written_as_the_api_server_stores_it(text, stored):
    """Expected values are what k8s.io/apimachinery 0.37 answers, after the rounding of SetDefaults_ResourceList."""
    assert canonical_quantity(text) == stored


@given(quantities)
def test_writing_keeps_the_value_up_to_a_thousandth_and_is_settled_the_first_time(text):
    written = canonical_quantity(text)
    assert 0 <= parse_quantity(written) - parse_quantity(text) < Fraction(1, 1000)
    assert canonical_quantity(written) == written


@given(st.integers(1, 2**60).map(lambda number: f"{number}Ki"))
def test_a_binary_quantity_keeps_its_family_unless_a_decimal_says_the_same(text):
    assert canonical_quantity(text)[-1] == "i"


@given(st.integers(0, 10**7), st.sampled_from([*BINARY_UNITS]))
def test_memory_sizes_are_exact(number, suffix):
    assert parse_quantity(f"{number}{suffix}") == number * BINARY_UNITS[suffix]


def test_bytes_that_are_no_multiple_of_1024_are_written_as_the_decimal_they_would_be_stored_as():
    assert canonical_quantity("1.953125Ki") == "2k"


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1gi", "1KB", "0x10", "1e", "1e1000", "one", "-1", "1Gi1", "1,5"])
def test_what_is_none_is_refused_with_what_was_found(text):
    for function in (parse_quantity, canonical_quantity):
        with pytest.raises(InvalidQuantityError, match="is not a quantity such as 500m, 16 or 64Gi") as error:
            function(text)
        assert repr(text) in str(error.value)


@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_refused_as_none(text):
    with suppress(InvalidQuantityError):
        assert parse_quantity(text) >= 0


@given(
    st.from_regex(QUANTITY.pattern, fullmatch=True).map(str.strip).filter(lambda text: len(text) <= QUANTITY.longest)
)
def test_whatever_the_schema_accepts_can_be_read_and_is_a_number_that_the_api_server_keeps(text):
    assert TypeAdapter(Quantity).validate_python(text) == text
    assert parse_quantity(text) <= parse_quantity(canonical_quantity(text)) <= LARGEST


@pytest.mark.parametrize(
    "text", ["1e30", "1e999999", "8Ei", "10E", "1000000000000000000000", "9999Pi", "1e13", "1000000e12"]
)
def test_the_schema_refuses_numbers_that_the_api_server_would_store_otherwise(text):
    """Of 1e30 it keeps the spelling, of 1000E it forgets the suffix, and binary ones end at 2**63 - 1."""
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(text)


@pytest.mark.parametrize("text", ["-1", "1Kib", "", " 1", "1\n", "+1", "1" * 33, "1e"])
def test_the_schema_refuses_what_is_none(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Quantity).validate_python(text)


@pytest.mark.parametrize(("text", "value"), [("5.", 5), (".5", Fraction(1, 2)), (" 5 ", 5), ("5.Gi", 5 * GIB)])
def test_what_the_api_server_reads_besides_can_be_read(text, value):
    assert parse_quantity(text) == value


@pytest.mark.parametrize(("text", "size"), [("64Gi", 64.0), ("512Mi", 0.5), ("1Ti", 1024.0), ("1073741824", 1.0)])
def test_bytes_in_gib(text, size):
    assert to_gib(text) == size


@pytest.mark.parametrize("text", ["1e999", "9" * 128, "9e999", "8Ei"])
def test_bytes_in_gib_are_never_more_than_there_can_be(text):
    assert to_gib(text) == LARGEST_GIB


@given(st.floats(0, 10**6))
def test_a_size_from_gib_is_a_whole_number_of_gi_that_is_enough_and_not_more(amount):
    written = from_gib(amount)
    assert 0 <= parse_quantity(written) / GIB - Fraction(amount) < 1
    assert canonical_quantity(written) == written


def test_a_size_from_gib_is_never_more_than_there_can_be():
    assert parse_quantity(from_gib(1e300)) <= LARGEST


def test_a_size_from_gib_is_written_in_the_largest_unit():
    assert (from_gib(0), from_gib(67.1), from_gib(2048)) == ("0", "68Gi", "2Ti")
