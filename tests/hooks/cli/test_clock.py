"""The clock of the command line."""

import re

from hooks.cli import clock


def test_a_day_and_a_part_of_a_files_name():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", clock.day())
    assert re.fullmatch(r"\d{8}-\d{6}", clock.time_name())


def test_a_pause_may_be_none():
    before = clock.seconds()
    clock.pause(0)
    assert clock.seconds() >= before
