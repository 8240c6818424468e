"""The README's recording is of its own commands, and shows what the README says that they print."""

import html
import re

import pytest

from tests.e2e.test_documented_commands import fits
from tests.recording.cast import Printed, cast_of, picture_of, read_cast
from tests.recording.session import CAST, LONGEST_LINE, PICTURE, README, SESSION, recorded_steps, shown_output

WIDTH, RECORDED = read_cast(CAST.read_text())


def test_its_commands_are_those_of_the_readme():
    assert [command for command, _ in RECORDED] == [step.text for step in recorded_steps()]


@pytest.mark.parametrize("step", recorded_steps(), ids=lambda step: step.text[:60])
def test_a_command_printed_what_the_readme_shows(step):
    """A test on the control plane holds the README to what they print; what is left out at an end is not compared."""
    printed = dict(RECORDED)[step.text]
    assert fits(printed, step.printed) or fits(printed.rpartition("\n…")[0], _beginning(step.printed, printed))


def _beginning(text: str, printed: str) -> str:
    """As many lines of a text as are shown of what was printed, where that ends with `…`."""
    assert printed.endswith("…\n")
    return "".join(text.splitlines(keepends=True)[: len(printed.splitlines()) - 1])


def test_an_engine_has_answered():
    [answer] = [output for command, output in RECORDED if command.startswith("curl")]
    assert '"role":"assistant"' in answer.replace(" ", "")


def test_the_picture_is_drawn_from_it_and_loads_nothing():
    drawn = PICTURE.read_text()
    assert drawn == picture_of(CAST.read_text())
    assert re.findall(r"(?:href|src|url)\W+https?:", drawn) == []
    texts = html.unescape(" ".join(re.findall(r">([^<]*)</text>", drawn))).replace("\xa0", " ")
    assert "kubectl apply -f endpoint.yaml" in texts


def test_the_readme_shows_it():
    assert f"]({PICTURE.relative_to(README.parent)})" in README.read_text()


def test_what_is_too_long_is_left_out_with_a_mark():
    assert shown_output("a\n" * SESSION["most_lines"]) == "a\n" * SESSION["most_lines"]
    assert shown_output("a\n" * 9) == "a\n" * (SESSION["most_lines"] - 1) + "…\n"
    assert shown_output("a" * 999) == "a" * LONGEST_LINE + "…\n"


def test_a_cast_is_read_as_it_was_written():
    text = cast_of([Printed("one", "1\n2\n", 0, 0.51), Printed("two", "", 2, 3)], 10)
    assert read_cast(text) == (10, [("one", "1\n2\n"), ("two", "")])
    assert text.splitlines()[0] == '{"version": 2, "width": 10, "height": 4, "title": "AIM Engine operator"}'
    assert text.splitlines()[2] == '[0.5, "o", "1\\r\\n2\\r\\n"]'
