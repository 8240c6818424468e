"""One namespace per test."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import operator
from tests.cluster.plane import ControlPlane
from tests.e2e import caches
from tests.e2e.hookserver import within
from tests.e2e.space import Space
from tests.hub import Hub


@contextmanager
def space_for(cluster: ControlPlane, purpose: str) -> Iterator[Space]:
    """A namespace for some purpose, removed afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-")
    name = f"{name[:50].strip('-')}-{secrets.token_hex(2)}"  # several may begin alike
    cluster.kubectl("create", "namespace", name)
    yield Space(cluster, name)
    # Ours first: in a namespace that goes, one whose children are gone before it would have them made again.
    cluster.kubectl("delete", "aimendpoints,aimcaches", "--all", f"--namespace={name}")
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def space(request: pytest.FixtureRequest, cluster: ControlPlane) -> Iterator[Space]:
    """A namespace of this test's own."""
    with space_for(cluster, request.node.name.removeprefix("test_")) as made:
        yield made


@pytest.fixture
def soon(space: Space, installation: operator.Operator, tmp_path: Path) -> Iterator[Space]:
    """The namespace of a hook server for which hardware is full after ten seconds without room."""
    settings = tmp_path / "settings.yaml"
    settings.write_text("fullAfterSeconds: 10\n", encoding="utf-8")
    account = str(operator.own_account(space.plane, "aim-hooks", "aim-system"))
    with within(space.plane, installation, KUBECONFIG=account, AIM_OBSERVE="pods", AIM_CONFIG=str(settings)):
        yield space


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on loopback with the two models of the tests of caches."""
    with caches.hub_with(caches.LARGE, caches.SMALL) as made:
        yield made


@pytest.fixture
def token_hub(cluster: ControlPlane) -> Iterator[Hub]:
    """The same at the address that is one of `tokenHubs` in the settings."""
    with caches.hub_with(caches.LARGE, caches.SMALL, port=operator.token_hub_port(cluster)) as made:
        yield made
