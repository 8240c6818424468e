"""The settings of gunicorn that are shipped."""

import runpy

import pytest

from tests.hooks.server.gunicorn import SETTINGS


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """The variables of the file of settings."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return runpy.run_path(str(SETTINGS))
