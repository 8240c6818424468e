"""A real browser, and the web page's real server before an API server on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.processes import free_ports
from tests.kustomize import ROOT
from tests.web.cluster import Api
from tests.web.installation import Installed, installed

MANIFEST = ROOT / "manifests" / "components" / "web-page" / "deployment.yaml"
START_SECONDS = 30
QUIET = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync", "--hide-scrollbars")


def here() -> Installed:
    """What `python -m tests.web` has installed."""
    return installed(Path(os.environ["AIM_BROWSER"]))


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a window, which reaches nothing but loopback."""
    found = here()
    sys.path.append(str(found.python))
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it is installed beside .venv

    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    with sync_playwright() as driver:
        made = driver.chromium.launch(
            executable_path=str(found.browser),
            args=[*QUIET, nowhere],
            env=found.environment,
            chromium_sandbox=False,  # pages of our own alone, and CI runs as root
        )
        yield made
        made.close()


def kubeconfig_of(api: Api, folder: Path) -> Path:
    """A kubeconfig that leads to an API server on loopback."""
    cluster = {"server": f"http://127.0.0.1:{api.server_port}"}
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    config = {"clusters": [{"name": "here", "cluster": cluster}], "users": [{"name": "me", "user": {"token": "t"}}]}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({**config, "contexts": [context], "current-context": "here"}))
    return path


@contextmanager
def page_server(kubeconfig: Path, **environment: str) -> Iterator[str]:
    """The page's server, with the arguments that are shipped but for the port; its URL."""
    [port] = free_ports(1)
    deployment = next(iter(yaml.safe_load_all(MANIFEST.read_text())))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    arguments = [f"--bind=127.0.0.1:{port}" if one.startswith("--bind=") else one for one in container["args"]]
    command = [Path(sys.executable).parent / container["command"][0], *arguments]
    variables = {**os.environ, "KUBECONFIG": str(kubeconfig), **environment}
    process = subprocess.Popen(command, env=variables, cwd=ROOT)
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=1)) as connection, suppress(OSError):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            return
        time.sleep(0.1)
    raise AssertionError("the web page's server did not answer")
