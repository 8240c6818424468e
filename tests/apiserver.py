"""A server on loopback in the API server's place: KUBECONFIG leads there, and what it answers is for a test to say."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml


@contextmanager
def standing_in(server: ThreadingHTTPServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server answers, and the Kubernetes client asks it; `folder` gets the kubeconfig."""
    kubeconfig = {
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "here",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="API server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
