"""One namespace per test."""

import re
import secrets
from collections.abc import Iterator

import pytest

from tests.cluster.plane import ControlPlane
from tests.e2e.space import Space


@pytest.fixture
def space(request: pytest.FixtureRequest, cluster: ControlPlane) -> Iterator[Space]:
    """A namespace of this test's own, removed afterwards."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    name = f"{name[:50].strip('-')}-{secrets.token_hex(2)}"  # several may begin alike
    cluster.kubectl("create", "namespace", name)
    yield Space(cluster, name)
    # Endpoints first: in a namespace that goes, one whose children are gone before it would have them made again.
    cluster.kubectl("delete", "aimendpoints", "--all", f"--namespace={name}")
    cluster.kubectl("delete", "namespace", name, "--wait=false")
