"""Logs of engines that ended, read through the real API server from a kubelet that has a real engine's log.

The simulated kubelets have no logs: the test answers as the kubelet of the pod's node, whose address it changes.
"""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from hooks.server.observers import logs as observer
from tests.cluster import mounts
from tests.cluster.operator import own_account
from tests.e2e.access_table import WITH_POD_LOGS, row
from tests.e2e.hookserver import within
from tests.e2e.space import endpoint
from tests.e2e.test_access import answers, differences, subject
from tests.files import TESTDATA
from tests.kustomize import ROOT
from tests.loopback import Answering, Loopback, answering, tls

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
RIGHTS = ROOT / "manifests" / "components" / "pod-logs" / "rbac.yaml"
LOG = TESTDATA / "engine-logs" / "no-weights.log"


@pytest.fixture
def kubelet(space):
    """A kubelet that has the same log for each container, and the requests that it got."""

    class Kubelet(Answering):
        def do_GET(self):
            server.asked.append((urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)))
            self.reply(200, LOG.read_bytes(), "text/plain")

    files = (mounts.folder(space.plane, mounts.TLS) / name for name in ("tls.crt", "tls.key"))
    server = Loopback(Kubelet, context=tls(*files))
    server.asked = []
    with answering(server, "kubelet"):
        yield server


def lead_to(space, kubelet, pod):
    """Make the kubelet that of the pod's node; what undoes it."""
    node = space.get("node", pod["spec"]["nodeName"])

    def patch(addresses, port):
        change = {"status": {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}}}
        target = (f"node/{node['metadata']['name']}", "--subresource=status", "--type=merge")
        space.kubectl("patch", *target, f"--patch={json.dumps(change)}")

    patch([{"type": "InternalIP", "address": "127.0.0.1"}], kubelet.server_port)
    return lambda: patch(node["status"]["addresses"], 0)


@pytest.fixture
def rights(space):
    yield lambda: space.kubectl("apply", f"--filename={RIGHTS}")
    space.kubectl("delete", "--ignore-not-found", f"--filename={RIGHTS}")


@pytest.fixture
def reading(space, installation, monkeypatch):
    """The namespace of a hook server that reads logs, and asks for a missing right every second."""
    monkeypatch.setattr(observer, "ALLOWED_AGAIN_AFTER", timedelta(seconds=1))
    account = str(own_account(space.plane, "aim-hooks", "aim-system"))
    with within(space.plane, installation, KUBECONFIG=account, AIM_OBSERVE="pods", AIM_OBSERVE_LOGS="true"):
        yield space


def test_the_first_cause_of_a_real_log_is_in_the_status_once_there_is_a_right_to_read_it(reading, kubelet, rights):
    space = reading
    space.apply(endpoint("ends", modelId=MODEL, image={"tag": "v1-crash-loop"}))
    space.becomes("ends", "CrashLoop", words="container engine ended with exit code 1")
    [pod] = space.get("pods", "--selector=aim.engine.amd.com/endpoint=ends")["items"]
    back = lead_to(space, kubelet, pod)
    try:
        assert kubelet.asked == []
        rights()
        message = space.becomes("ends", "FilesMissing")
    finally:
        back()
    assert message == "the model's folder has no weights: Cannot find any model weights with `tiny`"
    path, query = kubelet.asked[0]
    assert path == f"/containerLogs/{space.namespace}/{pod['metadata']['name']}/engine"
    assert (query["tailLines"], query["limitBytes"]) == (["2000"], ["1048576"])


def test_the_component_gives_the_hook_server_the_right_to_logs_and_no_other(space, rights):
    rights()
    wanted = row(WITH_POD_LOGS)
    found = answers(space.plane, subject("aim-hooks", space.namespace), list(wanted), space.namespace)
    assert differences(found, wanted) == {}
