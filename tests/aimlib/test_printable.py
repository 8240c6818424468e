"""Text of other programs cannot control a terminal, whatever it is."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from aimlib.printable import printable

BIDIRECTIONAL = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
LINES = {"\u2028", "\u2029"}


@given(st.text(st.characters()), st.integers(0, 50), st.booleans())
def test_no_control_character_is_left(text, limit, newlines):
    made = printable(text, limit, newlines=newlines)
    assert len(made) <= limit
    kept = made.replace("\n", "") if newlines else made
    assert not [one for one in kept if unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not {unicodedata.bidirectional(one) for one in made} & BIDIRECTIONAL
    made.encode()


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_other_text_stays_as_it_is(text):
    assert printable(text) == text


def test_words_stay_apart():
    assert printable("\x1b[31mone\r\ntwo\u2028three\x07\x9b4") == "[31mone  two three4"
    assert printable("one\ntwo\t3", newlines=True) == "one\ntwo 3"
    assert printable("\x1b" * 100 + "text", 4) == ""
