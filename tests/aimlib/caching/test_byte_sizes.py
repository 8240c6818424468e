"""Bytes in words: never more than there is, never less than is asked for, and 100 % only when all is there."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.caching.byte_sizes import UNITS, format_bytes, format_progress, short_quantity
from aimlib.kube.quantity import GIB, parse_quantity

BYTES = st.integers(0, 2**63) | st.sampled_from(
    [2**power + off for power in (10, 20, 30, 40, 50) for off in (-1, 0, 1)]
)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (GIB - 1, "1023.9 MiB"),
        (61 * GIB, "61 GiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_amounts_are_said_in_the_largest_unit_that_they_fill(amount, said):
    assert format_bytes(amount) == said


def test_what_is_asked_for_is_rounded_up():
    assert format_bytes(61 * GIB + 1, at_least=True) == "61.1 GiB"
    assert format_bytes(61 * GIB, at_least=True) == "61 GiB"


def meant(said: str) -> Fraction:
    number, unit = said.split()
    return Fraction(number) * 1024 ** UNITS.index(unit)


@given(amount=BYTES)
def test_words_lie_within_a_tenth_of_the_amount_and_on_the_right_side_of_it(amount):
    below, above = meant(format_bytes(amount)), meant(format_bytes(amount, at_least=True))
    assert below <= amount <= above
    assert above - below <= Fraction(1024 ** UNITS.index(format_bytes(amount).split()[1]), 10)


@given(amount=BYTES)
def test_the_short_quantity_is_one_and_says_the_same(amount):
    assert parse_quantity(short_quantity(amount)) == meant(format_bytes(amount))


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (GIB, 4 * GIB, "1 of 4 GiB (25 %)"),
        (2**20, 4 * GIB, "1 MiB of 4 GiB (0 %)"),
        (4 * GIB - 1, 4 * GIB, "3.9 of 4 GiB (99 %)"),
        (4 * GIB, 4 * GIB, "4 of 4 GiB (100 %)"),
        (0, 1, "0 of 1 bytes (0 %)"),
    ],
)
def test_progress_is_so_much_of_so_much(done, total, said):
    assert format_progress(done, total) == said


@given(done=BYTES, total=BYTES.filter(bool))
def test_progress_says_100_percent_when_all_is_there_and_not_before(done, total):
    assert ("(100 %)" in format_progress(done, total)) == (done >= total)
