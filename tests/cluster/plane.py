"""A running control plane, as seen by those who use it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.credentials import Credentials
from tests.cluster.processes import Process, StartError, running

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class KubectlError(Exception):
    """kubectl ended with an error; the message is the command and what it wrote."""


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane; everything it needs is below `folder`."""

    folder: Path
    programs: Mapping[str, Path]
    server: str
    credentials: Credentials
    stack: ExitStack
    processes: dict[str, Process] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "credentials" / "admin.kubeconfig"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.folder / "logs"

    @property
    def audit_log(self) -> Path:
        """Every write to the API server, one JSON object a line; `audit.writes` reads it."""
        return self.logs / "audit.log"

    @property
    def release(self) -> Path:
        """The checkout whose programs the pods of Jobs run: this one, until another release is installed."""
        link = self.folder / "release"
        return link.resolve() if link.is_symlink() else ROOT

    def run_release(self, root: Path) -> None:
        """Have the pods of Jobs run the programs of a checkout."""
        (self.folder / "release").unlink(missing_ok=True)
        (self.folder / "release").symlink_to(root)

    @property
    def environment(self) -> dict[str, str]:
        """For programs that talk to this control plane: KUBECONFIG, and PATH with the right kubectl first."""
        path = f"{self.programs['kubectl'].parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def run(self, name: str, *command: str | Path, **environment: str) -> Process:
        """Start one more program that is stopped together with the control plane."""
        together = {"PATH": self.environment["PATH"], **environment}
        process = self.stack.enter_context(running(name, command, self.logs, **together))
        self.processes[name] = process
        return process

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as in subprocess.run
        """What kubectl prints, as the administrator; KubectlError when it fails.

        It is called thousands of times, and ends before it has garbage that is worth a quarter of its processor time.
        """
        command = [str(self.programs["kubectl"]), *arguments]
        environment = {**self.environment, "GOGC": "off"}
        done = subprocess.run(
            command, input=input, env=environment, check=False, capture_output=True, text=True, cwd=ROOT
        )
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`, parsed; asked of the API server directly, since looks are repeated many times."""
        from tests.cluster import reads  # noqa: PLC0415 - the client of Kubernetes takes a second to import

        found = reads.get(self.kubeconfig, arguments)
        return json.loads(self.kubectl("get", *arguments, "-o", "json")) if found is None else found

    def apply(self, *kustomizations: Path) -> None:
        """`kubectl apply -k` of each, and wait until all custom resources in it are served."""
        for folder in kustomizations:
            self.kubectl("apply", "--server-side", "--kustomize", str(folder))
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--all", "customresourcedefinitions")

    def apply_kinds(self, *files: Path) -> None:
        """Apply CRDs, and wait until they are served: a large one has no conditions for a while, which ends a wait."""
        named = [f"--filename={file}" for file in files]
        self.kubectl("apply", "--server-side", *named)

        def served() -> bool:
            try:
                self.kubectl("wait", "--for=condition=Established", "--timeout=5s", *named)
            except KubectlError:
                return False
            return True

        self.wait_for("the kinds to be served", served)

    def add_nodes(self, *files: str) -> None:
        """Create the simulated nodes of `nodes/<file>.yaml` and wait until they are Ready."""
        paths = [f"--filename={HERE / 'nodes' / file}.yaml" for file in files]
        self.kubectl("apply", "--server-side", *paths)
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *paths)

    def wait_for(self, what: str, holds: Callable[[], bool], seconds: float = 60) -> None:
        """Poll until `holds()`; StartError naming `what` when the time is over."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise StartError(f"{what}: not within {seconds:.0f} s")
            time.sleep(0.1)
