"""The recorded requests, and the fixtures of the contract tests."""

import json
from pathlib import Path

import pytest

RECORDINGS = Path(__file__).parents[1] / "testdata" / "recordings"


@pytest.fixture(scope="session")
def recording():
    """`recording(name)`: one request that the real Metacontroller v4.17.2 sent."""
    return lambda name: json.loads((RECORDINGS / f"{name}.json").read_text())
