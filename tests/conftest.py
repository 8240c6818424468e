"""What every test may use: the control plane, what is installed, the option for goldens, how properties are searched.

Properties are searched the same way on every run. HYPOTHESIS_PROFILE=quick, as in `make quick`, ends after the first
examples; explore searches wider and anew.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.kustomize import OVERLAYS, ROOT, Objects, build, build_metacontroller

pytest_plugins = ["tests.cluster.fixtures", "tests.monitoring.fixtures"]

PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "print_blob": True}

settings.register_profile("steady", derandomize=True, max_examples=60, **PATIENT)
settings.register_profile("quick", settings.get_profile("steady"), max_examples=15)
settings.register_profile("explore", max_examples=1000, **PATIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(scope="session")
def kept() -> Objects:
    """What `manifests/crds` installs, and uninstalling the others keeps; to be read only."""
    return build(ROOT / "manifests" / "crds")


@pytest.fixture(scope="session")
def installed() -> Objects:
    """What the default overlay installs; to be read only."""
    return build(OVERLAYS / "default")


@pytest.fixture(scope="session")
def metacontroller(tmp_path_factory) -> Objects:
    """What `manifests/metacontroller` installs; to be read only."""
    return build_metacontroller(tmp_path_factory.mktemp("metacontroller"))


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the hooks' answers as the expected ones")


def pytest_sessionstart():
    """SIGTERM ends a run as Ctrl-C does: the fixtures stop the servers that they started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Whatever uses the control plane is end to end, and whatever uses Prometheus is slow, wherever it stands."""
    for item in items:
        for fixture, mark in (("plane", pytest.mark.e2e), ("monitoring_programs", pytest.mark.slow)):
            if fixture in item.fixturenames:
                item.add_marker(mark)
