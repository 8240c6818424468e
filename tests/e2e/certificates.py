"""The program that makes certificates as tests run it on the control plane, and what it keeps there."""

import base64
import json
import re
import signal
import sys
import time
import urllib.request
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hooks.jobs.certificates.__main__ import server_names
from hooks.jobs.certificates.cluster import CertificateCluster, decoded
from hooks.jobs.certificates.issuing import parse_pair
from hooks.jobs.certificates.rotation import Pair
from hooks.jobs.certificates.run import Options, reconcile
from hooks.jobs.certificates.secrets import CA_SECRET, SERVER_SECRET, TOKEN_SECRET
from tests.cluster import mounts, operator
from tests.cluster.plane import ROOT, ControlPlane
from tests.cluster.processes import Process, start

NAMESPACE = "aim-system"
WISH = Options(server_names(NAMESPACE, [operator.HOST]))


def stored(plane: ControlPlane, secret: str) -> dict[str, str]:
    """What a Secret holds."""
    return decoded(plane.get("secret", secret, f"--namespace={NAMESPACE}"))


def put(plane: ControlPlane, secret: str, content: dict[str, str] | None) -> None:
    """Let a Secret hold this and nothing else, and the hook server have it."""
    data = content and {key: base64.b64encode(text.encode()).decode() for key, text in content.items()}
    change = [{"op": "add", "path": "/data", "value": data or {}}]
    plane.kubectl("patch", "secret", secret, f"--namespace={NAMESPACE}", "--type=json", f"--patch={json.dumps(change)}")
    if content:
        mounts.refresh(plane)


def forget(plane: ControlPlane) -> None:
    """Empty the Secrets, as after somebody deleted them and applied the manifests again."""
    for secret in (TOKEN_SECRET, CA_SECRET, SERVER_SECRET):
        put(plane, secret, None)


def signing(plane: ControlPlane) -> Pair:
    """The authority that signs now."""
    found = stored(plane, CA_SECRET)
    made = parse_pair(found["ca.crt"], found["ca.key"])
    assert made
    return made


def process(plane: ControlPlane) -> Process:
    """The program, started as the account that the manifests give it."""
    account = operator.own_account(plane, "aim-certificates", NAMESPACE)
    command = (sys.executable, "-m", "hooks.jobs.certificates", f"--host={operator.HOST}")
    return start("certificates", command, plane.logs, {"KUBECONFIG": str(account), "PYTHONPATH": str(ROOT)})


def renew(plane: ControlPlane) -> None:
    """Let the program run to its end, and the hook server have what it made."""
    one = process(plane)
    assert one.popen.wait(30) == 0, one.tail()
    mounts.refresh(plane)


def killed_after(plane: ControlPlane, writes: int) -> bool:
    """Start the program and kill it once it has told of so many writes; whether that came before its end."""
    one = process(plane)
    before = one.log.stat().st_size
    while one.popen.poll() is None and one.log.read_bytes()[before:].count(b"\n") < writes:
        time.sleep(0.002)
    one.stop(grace_seconds=0)
    return one.popen.returncode < 0


def run_at(plane: ControlPlane, now: datetime) -> list[tuple[str, Any]]:
    """The same in this process, as if it were another time, with the rights of its account; what it said."""
    account = operator.own_account(plane, "aim-certificates", NAMESPACE)
    said: list[tuple[str, Any]] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KUBECONFIG", str(account))
        reconcile(CertificateCluster(NAMESPACE), WISH, now, lambda text, /, **facts: said.append((text, facts)))
    mounts.refresh(plane)
    return said


def reconnect(plane: ControlPlane) -> None:
    """Let the hook server's workers be replaced, and with them every connection."""
    pid = plane.processes["hooks"].pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    before = set(children.read_text().split())
    plane.processes["hooks"].popen.send_signal(signal.SIGHUP)
    plane.wait_for("the hook server's workers to be others", lambda: not before & set(children.read_text().split()), 40)


def calls(installation: operator.Operator) -> dict[str, float]:
    """Hook calls that Metacontroller made, by the code of the answer; 0 where there was none."""
    with urllib.request.urlopen(installation.metrics_url, timeout=10) as reply:  # noqa: S310 - loopback
        text = reply.read().decode()
    found: dict[str, float] = {}
    for labels, count in re.findall(r"^metacontroller_standin_hook_requests_total\{(.*)\} (\S+)$", text, re.MULTILINE):
        [code] = re.findall(r'code="(\d+)"', labels)
        found[code] = found.get(code, 0.0) + float(count)
    return found


def events(items: Iterable[dict[str, Any]]) -> str:
    """What events say."""
    return "\n".join(one["message"] for one in items)
