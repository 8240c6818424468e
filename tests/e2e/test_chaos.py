"""Everything is killed at random under endpoints in churn, and nothing is lost; `make chaos` does it for longer."""

import secrets

import pytest

from tests.chaos.run import run

pytestmark = pytest.mark.e2e

ENDPOINTS = 30
SECONDS = 40
"""Every part is killed once, however long that takes."""


def test_whatever_is_killed_nothing_is_lost_and_all_is_as_it_was_asked_for():
    report = run(SECONDS, ENDPOINTS, secrets.randbelow(2**32))
    print(report)
    assert report.lost == []
    assert report.wrong == []
    assert min(report.did[one] for one in ("created", "changed", "deleted")) > 10
