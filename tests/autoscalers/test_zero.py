"""To zero and back by the real KEDA, behind a gateway with a real Envoy: no client sees an error.

Of KEDA its operator runs, which starts and stops an endpoint; nothing here needs more than one replica.
"""

from datetime import UTC, datetime

import pytest

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.cluster import binaries, keda
from tests.cluster.operator import own_account
from tests.cluster.processes import free_ports
from tests.dataplane import commands, running
from tests.dataplane.canaries import IMAGE, gateway, host, ready_gateway
from tests.e2e.conftest import space_for
from tests.e2e.hookserver import within
from tests.e2e.optional_kinds import keda_component
from tests.e2e.space import endpoint, recipe

HOST = "127.0.0.1"
NAME, MODEL = "sleeper", "simulated/sleeper"
IDLE_SECONDS = 10
SECONDS = 240
SCALING = {"minReplicas": 0, "maxReplicas": 1, "idleSeconds": IDLE_SECONDS}
TIMES = 3


@pytest.fixture(scope="module")
def space(live_plane, live_operator, monitored, tmp_path_factory):
    """A namespace of a cluster with KEDA, whose hooks know that, and the Prometheus that it asks."""
    folder = tmp_path_factory.mktemp("keda")
    settings = folder / "config.yaml"
    settings.write_text(f"drainSeconds: 5\nprometheusURL: {monitored.url}\n")
    account = str(own_account(live_plane, "aim-hooks", "aim-system"))
    observing = {"KUBECONFIG": account, "AIM_CONFIG": str(settings), "AIM_OBSERVE": "pods"}
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with within(live_plane, live_operator, **observing), keda_component(live_plane, live_operator):
        for file in keda.events_files():
            live_plane.kubectl("apply", "--server-side", f"--filename={file}")
        live_plane.kubectl("create", "namespace", "keda")
        run_operator(live_plane, folder)
        with space_for(live_plane, "zero") as made:
            yield made
        # Not before the namespace is gone: KEDA has a finalizer on what it scales.
        live_plane.processes["keda"].stop()


def run_operator(plane, folder):
    """KEDA's operator, as the administrator; the certificate is for those who ask it for metrics."""
    authority = issue_ca(datetime.now(UTC))
    server = issue_server(authority, frozenset([HOST]), datetime.now(UTC))
    texts = {"ca.crt": authority.certificate.text, "tls.crt": server.certificate.text, "tls.key": server.key}
    for name, text in texts.items():
        (folder / name).write_text(text)
    first, second, third = free_ports(3)
    plane.run(
        "keda",
        binaries.ensure(binaries.keda())["keda"],
        f"--kubeconfig={plane.kubeconfig}",
        f"--metrics-bind-address={HOST}:{first}",
        f"--health-probe-bind-address={HOST}:{second}",
        f"--metrics-service-bind-address={HOST}:{third}",
        f"--cert-dir={folder}",
        "--enable-webhook-patching=false",
        "--enable-apiservice-patching=false",
        WATCH_NAMESPACE="",
        POD_NAMESPACE="keda",
        KEDA_CLUSTER_OBJECT_NAMESPACE="keda",
    )


@pytest.fixture(scope="module")
def served(space):
    """An endpoint that may have no replicas, and the gateway that routes to it."""
    image = {"image": {**IMAGE, "tag": "v1-answers-in-50ms"}}
    space.apply(recipe(NAME, modelId=MODEL, configurations=[{"gpuCount": 1}], **image))
    space.apply(gateway("models", holding={"seconds": 45}))
    space.apply(endpoint(NAME, modelId=MODEL, monitoring={"enabled": True}, scaling=SCALING))
    space.ready(NAME, seconds=SECONDS)
    space.wait("the gateway", lambda: ready_gateway(space, "models", 1), SECONDS)
    return space


def status(space):
    return space.get("aimendpoint", NAME)["status"]


def pods(space):
    return space.names("pods", f"--selector=aim.engine.amd.com/endpoint={NAME}")


def idle(space):
    return status(space)["phase"] == "Idle" and not pods(space)


def test_keda_takes_the_scaled_object(served):
    def accepted():
        found = served.get("scaledobject", NAME).get("status", {}).get("conditions", ())
        return any(one["type"] == "Ready" and one["status"] == "True" for one in found)

    served.wait("KEDA to take it", accepted, SECONDS)
    assert status(served)["scaling"]["by"] == "KEDA"


@pytest.mark.parametrize("time", range(TIMES))
def test_an_endpoint_without_requests_stops_and_the_next_request_starts_it(served, time):
    served.wait("it to be idle", lambda: idle(served), SECONDS)
    assert served.condition(NAME)["status"] == "True"
    reply = commands.chat(host(served, "models"), f"Are you there, {time}?", 80, model=MODEL, max_tokens=3)
    assert reply.status == 200, reply.body
    served.ready(NAME, seconds=SECONDS)
    assert status(served)["phase"] == "Ready"


def test_while_it_is_asked_it_stays(served):
    served.ready(NAME, seconds=SECONDS)
    [before] = pods(served)
    asked = []

    def enough():
        asked.append(commands.chat(host(served, "models"), "Still there?", 80, model=MODEL, max_tokens=3).status)
        return len(asked) > 40

    served.wait("requests for longer than it may idle", enough, SECONDS)
    assert set(asked) == {200}
    assert pods(served) == [before]


def test_suspended_it_is_not_started_and_goes_on_afterwards(served):
    served.patch(f"aimendpoint/{NAME}", {"spec": {"suspend": True}})
    served.wait("it to stop", lambda: status(served)["phase"] == "Stopped" and not pods(served), SECONDS)
    reply = commands.chat(host(served, "models"), "Are you there?", 80, model=MODEL, max_tokens=3)
    assert reply.status == 503, reply.body
    assert b"model_suspended" in reply.body
    assert status(served)["phase"] == "Stopped"
    served.patch(f"aimendpoint/{NAME}", {"spec": {"suspend": False}})
    served.wait("it to be idle or to serve", lambda: status(served)["phase"] in {"Idle", "Ready"}, SECONDS)
    assert commands.chat(host(served, "models"), "And now?", 80, model=MODEL, max_tokens=3).status == 200
