"""What an endpoint's status told, one after the other, as whoever watches it has seen it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.plane import ROOT, ControlPlane


@contextmanager
def told(plane: ControlPlane, namespace: str, name: str, file: Path) -> Iterator[None]:
    """Keep in a file how an endpoint looks after each change; it may come later."""
    which = ("aimendpoints", f"--namespace={namespace}", f"--field-selector=metadata.name={name}")
    command = [str(plane.programs["kubectl"]), "get", *which, "--watch", "--output=json"]
    with file.open("w") as output, subprocess.Popen(command, stdout=output, env=plane.environment, cwd=ROOT) as watch:
        try:
            yield
        finally:
            watch.terminate()


def statuses(file: Path) -> list[dict[str, Any]]:
    """The statuses in such a file, each that differs from the one before it."""
    text, at, found = file.read_text(), 0, []
    while at < len(text):
        try:
            one, end = json.JSONDecoder().raw_decode(text, at)
        except json.JSONDecodeError:  # the last one may be half written
            break
        at = end + len(text[end:]) - len(text[end:].lstrip())
        if one.get("status", {}) not in found[-1:]:
            found.append(one.get("status", {}))
    return found


def says(status: dict[str, Any]) -> tuple[str, ...]:
    """What a user reads in a status."""
    ready = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), {})
    return status.get("phase", ""), ready.get("reason", ""), ready.get("message", "")
