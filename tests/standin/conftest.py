"""The recorded requests, and the fixtures of the contract tests."""

import json
from pathlib import Path

import pytest

from .stage import Stage, theatre

RECORDINGS = Path(__file__).parents[1] / "testdata" / "recordings"


@pytest.fixture(scope="session")
def recording():
    """`recording(name)`: one request that the real Metacontroller v4.17.2 sent."""
    return lambda name: json.loads((RECORDINGS / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def house():
    """The control plane of the contract tests. Not the shared one: two Metacontrollers there would fight."""
    with theatre() as made:
        yield made


@pytest.fixture
def stage(house):
    """One test's stage, with the program running; a program that the test before killed is started again."""
    house.play()
    made = Stage(house)
    try:
        yield made
    finally:
        made.close()
        print(house.program.tail(60))  # shown where the test fails
