"""Pytest fixtures: the programs of the real engine."""

from pathlib import Path

import pytest

from tests.engines import installation


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the engine's programs."""
    return installation.ensure()
