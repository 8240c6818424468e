"""What every test may use: the control plane, what is installed, the option for goldens, how properties are searched.

Properties are searched the same way on every run. HYPOTHESIS_PROFILE=quick, as in `make quick`, ends after the first
examples; explore searches wider and anew.
"""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

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


def pytest_collection_modifyitems(config, items):
    """Whatever uses the control plane is end to end, and whatever uses Prometheus is slow, wherever it stands.

    A real engine, servers of other makers, a browser and Kueue run where they are asked for alone: `make engines`,
    `make sources`, `make browser`, `make queues`. What needs a network of its own is run there, by
    tests/dataplane/test_data_plane.py.
    """
    marks = {"plane": pytest.mark.e2e, "names": pytest.mark.network, "monitoring_programs": pytest.mark.slow}
    for item in items:
        for fixture in marks.keys() & {*item.fixturenames}:
            item.add_marker(marks[fixture])
    elsewhere = [name for name in ("engines", "sources", "browser", "queues") if name not in config.option.markexpr]
    elsewhere += [] if network.inside() else ["network"]
    left_out = [item for item in items if any(map(item.get_closest_marker, elsewhere))]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
