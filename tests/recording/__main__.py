"""`python -m tests.recording`: makes the README's recording anew, as docs/recording.cast and docs/recording.svg.

Its commands are the README's, and run on a control plane of their own with simulated GPUs and engines, as `make demo`
starts it. What is in the place of something else there: the simulated engine's image, and a relay on loopback for
`kubectl port-forward`, which no simulated node has.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.cluster import binaries, operator
from tests.cluster.__main__ import stop_on_signals
from tests.cluster.controlplane import control_plane
from tests.cluster.demo import listed_models
from tests.cluster.plane import ROOT, ControlPlane
from tests.dataplane import engine, names, network, running
from tests.dataplane.forwarding import Forwarding
from tests.docs.commands import Step
from tests.recording.cast import Printed, cast_of, picture_of
from tests.recording.session import CAST, PICTURE, SESSION, recorded_steps, shown_output, written_files

NODES = ("mi300x", "mi325x")
PORT = 8000
"""That of the README's port-forward."""
KEY = "my-key"
"""That of the README's client."""
READY_SECONDS = 120
PAUSE = 1.0
"""Seconds between two commands, in which somebody reads."""


def main() -> int:
    """Record; 0 when it is written."""
    stop_on_signals()
    if not network.inside():
        if why := network.refusal():
            sys.exit(why)
        binaries.ensure()
        with tempfile.TemporaryDirectory(prefix="aim-network-") as folder:
            return network.run_inside([sys.executable, "-m", "tests.recording"], Path(folder))
    with control_plane(print) as plane, ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        found = stack.enter_context(names.answered())
        stack.enter_context(running.data_plane(plane, engine.SIMULATED, found))
        running.add_nodes(plane, running.nodes_like(*NODES))
        operator.install(plane, print, as_admin=False)
        relay = stack.enter_context(Forwarding())
        for name, text in written_files():
            Path(folder, name).write_text(text)
        printed = _record(plane, Path(folder), relay)
    CAST.write_text(cast_of(printed, SESSION["columns"]))
    PICTURE.write_text(picture_of(CAST.read_text()))
    for path in (CAST, PICTURE):
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")
    return 0


def _record(plane: ControlPlane, folder: Path, relay: Forwarding) -> list[Printed]:
    programs = Path(folder, "bin")
    programs.mkdir()
    for name in ("kubectl", "aim"):
        there = plane.programs.get(name) or Path(sys.executable).parent / name
        programs.joinpath(name).symlink_to(there)
    path = f"{programs}:{Path(shutil.which('bash') or '/bin/bash').parent}:{plane.environment['PATH']}"
    environment = {**plane.environment, "PATH": path, "COLUMNS": str(SESSION["columns"]), "NO_COLOR": "1"}
    found, now = [], 0.0
    for step in recorded_steps():
        began = time.monotonic()
        output = _run(step, environment, folder, relay, plane)
        found.append(Printed(step.text, output, now, ended := now + time.monotonic() - began))
        now = ended + PAUSE
    return found


def _run(step: Step, environment: dict[str, str], folder: Path, relay: Forwarding, plane: ControlPlane) -> str:
    """What a command prints, as the recording shows it."""
    if "port-forward" in step.text:
        address = plane.get("service/models")["spec"]["clusterIP"]
        relay.follow({("127.0.0.1", PORT): ((address, 80),)})
        url = f"http://localhost:{PORT}/v1"
        plane.wait_for("the gateway to list a model", lambda: listed_models(url, KEY), READY_SECONDS)
        return ""
    done = subprocess.run(
        ["bash", "-c", step.text], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{step.text}\n{done.stdout}{done.stderr}")
    return shown_output(done.stderr + done.stdout)


if __name__ == "__main__":
    sys.exit(main())
