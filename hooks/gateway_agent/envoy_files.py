"""Envoy's files: written by renaming, one by one, each once Envoy has taken the one before it."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from aimlib.gateway.render import ORDER, replacements
from hooks.gateway_agent.envoy_admin import UPDATE_COUNTS, EnvoyAdmin, has_taken
from hooks.observability.logs import logger

TAKE_SECONDS = 10.0
"""How long Envoy may take for a file: to look up names and to ask for the health of pods takes four."""
TAKEN_POLL_SECONDS = 0.1


class EnvoyFiles:
    """The folder that Envoy watches."""

    def __init__(self, folder: Path, admin: EnvoyAdmin) -> None:
        self._folder, self._admin = folder, admin
        self._present = {name: self._text(name) for name in ("bootstrap.json", *ORDER)}

    @property
    def complete(self) -> bool:
        """Whether Envoy can be started."""
        return all(self._present.values())

    def write_bootstrap(self, text: str) -> None:
        """The file that Envoy is started with; one that runs does not read it again."""
        if self._present["bootstrap.json"] != text:
            self._write("bootstrap.json", text)

    def replace(self, files: Mapping[str, str]) -> bool:
        """Bring the folder to these files; False where Envoy has refused one of them, and serves by the former one."""
        good = True
        for name, text in replacements({name: text for name, text in self._present.items() if text}, files):
            before = self._admin.counts()
            self._write(name, text)
            if before is not None and name in UPDATE_COUNTS and self._taken(name, before) is False:
                good = False
                facts = {"file": name}
                logger().error("Envoy has refused a file, and serves by the former one", extra={"facts": facts})
        return good

    def _taken(self, name: str, before: dict[str, int]) -> bool | None:
        until = time.monotonic() + TAKE_SECONDS
        while time.monotonic() < until:
            now = self._admin.counts()
            if now is None or (taken := has_taken(name, before, now)) is not None:
                return None if now is None else taken
            time.sleep(TAKEN_POLL_SECONDS)
        return None

    def _text(self, name: str) -> str:
        path = self._folder / name
        return path.read_text() if path.is_file() else ""

    def _write(self, name: str, text: str) -> None:
        new = self._folder / f".{name}"
        # The keys are for nobody but the pod's own group, in which Envoy may be another user.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as file:
            file.write(text)
        new.replace(self._folder / name)
        self._present[name] = text
