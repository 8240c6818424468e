"""A server on loopback in the API server's place: KUBECONFIG leads there, and what it answers is for a test to say."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.loopback import Loopback, answering


@contextmanager
def standing_in(server: Loopback, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server answers, and the Kubernetes client asks it; `folder` gets the kubeconfig."""
    kubeconfig = {
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    with answering(server, "API server"):
        yield
