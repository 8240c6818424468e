"""Requests that follow what is used, by the real programs of the VerticalPodAutoscaler.

What the recommender would write the tests write: it takes days of a metrics API that is not here.
"""

import json
from datetime import UTC, datetime

import pytest

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.cluster import binaries, vpa
from tests.cluster.processes import free_ports
from tests.e2e import caches
from tests.e2e.conftest import space_for
from tests.e2e.optional_kinds import vertical_component
from tests.e2e.space import endpoint
from tests.engines import tiny_model
from tests.hub import Hub

MODEL, NAME = "Qwen/Qwen3-0.6B", "follows"
HOST = "127.0.0.1"
SECONDS = 120


@pytest.fixture(scope="module")
def space(live_plane, live_operator, tmp_path_factory):
    """A namespace of a cluster with the kind, the component and the programs."""
    with vertical_component(live_plane, live_operator), space_for(live_plane, "vertical") as made:
        live_plane.kubectl("apply", "--server-side", f"--filename={vpa.rights_file()}")
        run_programs(live_plane, tmp_path_factory.mktemp("certificates"))
        yield made
        for name in ("vpa-updater", "vpa-admission-controller"):
            live_plane.processes[name].stop()
        live_plane.kubectl("delete", "mutatingwebhookconfiguration", "vpa-webhook-config")


def run_programs(plane, folder):
    """The one that changes pods as they are made, and the one that changes those that run."""
    now = datetime.now(UTC)
    authority = issue_ca(now)
    server = issue_server(authority, frozenset([HOST]), now)
    files = {
        "client-ca-file": authority.certificate.text,
        "tls-cert-file": server.certificate.text,
        "tls-private-key": server.key,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    programs, (port, first, second) = binaries.ensure(binaries.vertical()), free_ports(3)
    common = (f"--kubeconfig={plane.kubeconfig}", "--feature-gates=InPlace=true")
    plane.run(
        "vpa-admission-controller",
        programs["vpa-admission-controller"],
        *common,
        *(f"--{name}={folder / name}" for name in files),
        f"--address={HOST}:{first}",
        f"--port={port}",
        "--register-by-url",
        f"--webhook-address=https://{HOST}",
        f"--webhook-port={port}",
    )
    plane.run(
        "vpa-updater",
        programs["vpa-updater"],
        *common,
        f"--address={HOST}:{second}",
        "--updater-interval=3s",
    )


@pytest.fixture(scope="module")
def served(space):
    """An endpoint that serves, and whose requests follow."""
    with Hub() as hub:
        hub.add(MODEL, tiny_model.files())
        space.apply(caches.cache("models", hub, MODEL))
        caches.cached(space, "models", MODEL)
        follows = {"vertical": {"mode": "InPlace", "cpu": {"max": "8"}}}
        space.apply(endpoint(NAME, modelId=MODEL, gpuCount=0, scaling=follows))
        space.ready(NAME, seconds=SECONDS)
        yield space


def pod(space):
    [found] = caches.servers(space, NAME)
    return found


def requested(space):
    return pod(space)["spec"]["containers"][0]["resources"]["requests"]


def recommends(space, **target):
    """Write what the recommender would."""
    one = {"containerName": "engine", **dict.fromkeys(("target", "lowerBound", "upperBound", "uncappedTarget"), target)}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {
        "recommendation": {"containerRecommendations": [one]},
        "conditions": [{"type": "RecommendationProvided", "status": "True", "lastTransitionTime": now}],
    }
    change = json.dumps({"status": status})
    space.kubectl("patch", f"verticalpodautoscaler/{NAME}", "--subresource=status", "--type=merge", f"--patch={change}")


def test_what_is_recommended_reaches_a_pod_that_runs_without_an_eviction(served):
    before = pod(served)
    recommends(served, cpu="3", memory="5Gi")
    served.wait("the requests to change", lambda: requested(served)["cpu"] == "3", SECONDS)
    assert requested(served)["memory"] == "5Gi"
    assert pod(served)["metadata"]["uid"] == before["metadata"]["uid"]
    assert pod(served)["status"]["containerStatuses"][0]["restartCount"] == 0
    served.ready(NAME)


def test_a_pod_that_is_made_anew_has_it_from_the_beginning_and_within_the_bounds(served):
    before = pod(served)["metadata"]["name"]
    recommends(served, cpu="20", memory="6Gi")
    served.kubectl("delete", f"pod/{before}")
    served.wait(
        "another pod",
        lambda: [one["metadata"]["name"] for one in caches.servers(served, NAME)] not in ([], [before]),
        SECONDS,
    )
    served.wait("one pod", lambda: len(caches.servers(served, NAME)) == 1, SECONDS)
    assert requested(served) == {"cpu": "8", "memory": "6Gi"}
    served.ready(NAME, seconds=SECONDS)


def test_the_deployment_stays_as_it_was_chosen(served):
    [container] = served.deployment(NAME)["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] != "3"
    assert served.get("aimendpoint", NAME)["status"].get("warnings", []) == []
