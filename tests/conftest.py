"""What every test may use: the control plane, what is installed, the option for goldens, how properties are searched.

Properties are searched the same way on every run. HYPOTHESIS_PROFILE=quick, as in `make quick`, ends after the first
examples; explore searches wider and anew.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests import parts
from tests.dataplane import network
from tests.kustomize import OVERLAYS, ROOT, Objects, build, build_metacontroller

pytest_plugins = ["tests.cluster.fixtures", "tests.dataplane.fixtures", "tests.monitoring.fixtures"]

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

    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one from `timeout` and one from make are one
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


ASKED_FOR = ("engines", "sources", "browser", "queues")
"""Marks of tests that run where they are asked for alone."""


def astray(items):
    """The tests that no part of all tests would run (tests/parts.py): on a control plane, and not where those stand."""
    apart, folders = (*ASKED_FOR, "network"), tuple(f"{folder}/" for folder in parts.ON_PLANE)
    planes = [item for item in items if item.get_closest_marker("e2e") and not item.nodeid.startswith(folders)]
    return [item.nodeid for item in planes if not any(map(item.get_closest_marker, apart))]


def fixtures_of(item):
    """The fixtures of a test, without its values, of which one may be called as a fixture is."""
    return {*item.fixturenames} - {*(item.callspec.params if hasattr(item, "callspec") else ())}


def pytest_collection_modifyitems(config, items):
    """Whatever uses the control plane is end to end, and whatever uses Prometheus is slow, wherever it stands.

    A real engine, servers of other makers, a browser and Kueue run where they are asked for alone: `make engines`,
    `make sources`, `make browser`, `make queues`. What needs a network of its own is run there, by
    `make dataplane`. Properties cover no line that examples leave out, and take half the time where
    nobody counts lines.
    """
    marks = {"plane": pytest.mark.e2e, "names": pytest.mark.network, "monitoring_programs": pytest.mark.slow}
    for item in items:
        for fixture in marks.keys() & fixtures_of(item):
            item.add_marker(marks[fixture])
        if getattr(item.obj, "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)
    if found := astray(items):
        raise pytest.UsageError(f"on a control plane, but in none of {', '.join(parts.ON_PLANE)}: {', '.join(found)}")
    elsewhere = [name for name in ASKED_FOR if name not in config.option.markexpr]
    elsewhere += [] if network.inside() else ["network"]
    left_out = [item for item in items if any(map(item.get_closest_marker, elsewhere))]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
