"""An endpoint under load that is scaled by a HorizontalPodAutoscaler, by the real KEDA, and so on: no replica goes."""

import json
from collections import Counter

import pytest
from kubernetes import client

from tests.autoscalers import pod_metrics
from tests.autoscalers.load import load
from tests.autoscalers.served import SECONDS, accepted, model, ready_replicas, serve, status
from tests.cluster.clients import connection
from tests.cluster.rounds import rounds

NAME, MOST, CLIENTS = "switched", 3, 6
BY_REQUESTS = {"targetRequests": CLIENTS // MOST}
BY_CPU = {"targetCPUUtilization": 50}
SCALING = {"minReplicas": 1, "maxReplicas": MOST, "scaleDownDelay": 10}
PERCENT = 70
"""What each replica uses of its CPUs: more than the target, so that the HorizontalPodAutoscaler wants all, too."""
TIMES = 2


@pytest.fixture(scope="module")
def served(space, tmp_path_factory):
    """An endpoint that a HorizontalPodAutoscaler has scaled to the maximum, and one that measures CPUs."""
    with pod_metrics.served(space.plane, tmp_path_factory.mktemp("metrics")) as used:
        used.percent = PERCENT
        serve(space, NAME, "v1-answers-in-1500ms", SCALING | BY_CPU)
        space.wait("all replicas", lambda: ready_replicas(space, NAME) == MOST, SECONDS)
        yield space


class Watch:
    """What there was at every look: autoscalers of the endpoint, and replicas that were wanted of it and made."""

    def __init__(self, space):
        api = connection(space.plane.kubeconfig)
        self.autoscalers = client.AutoscalingV2Api(api)
        self.objects, self.apps = client.CustomObjectsApi(api), client.AppsV1Api(api)
        self.namespace = space.namespace
        self.scalers, self.replicas = Counter(), Counter()

    def look(self):
        listed = self.autoscalers.list_namespaced_horizontal_pod_autoscaler(self.namespace, _preload_content=False)
        targets = {
            one["metadata"]["name"]: one["spec"]["scaleTargetRef"]["name"] for one in json.loads(listed.data)["items"]
        }
        self.scalers[tuple(sorted(name for name, target in targets.items() if target == NAME))] += 1
        deployment = self.apps.read_namespaced_deployment(NAME, self.namespace, _preload_content=False)
        endpoint = self.objects.get_namespaced_custom_object(
            "aim.engine.amd.com", "v1alpha1", self.namespace, "aimendpoints", NAME
        )
        self.replicas[endpoint["spec"]["replicas"], json.loads(deployment.data)["spec"]["replicas"]] += 1


def test_one_that_scales_takes_over_from_the_other_and_no_replica_goes(served):
    watch = Watch(served)
    with load(served, model(NAME), CLIENTS) as clients, rounds("autoscalers", 0.05, watch.look):
        for _ in range(TIMES):
            switch(served, BY_REQUESTS, BY_CPU)
            served.wait("KEDA", lambda: scales(served, "KEDA") and accepted(served, NAME), SECONDS)
            served.wait("KEDA's own", lambda: active(served, f"keda-hpa-{NAME}"), SECONDS)
            switch(served, BY_CPU, BY_REQUESTS)
            served.wait("the other", lambda: scales(served, "HorizontalPodAutoscaler"), SECONDS)
            served.wait("what it measures", lambda: active(served, NAME), SECONDS)
    print(f"autoscalers at once: {dict(watch.scalers)}; replicas: {dict(watch.replicas)}; {dict(clients.answered)}")
    assert max(map(len, watch.scalers)) == 1
    assert {*watch.scalers} >= {(NAME,), (f"keda-hpa-{NAME}",)}
    assert {*watch.replicas} == {(MOST, MOST)}
    assert set(clients.answered) == {200}


def switch(space, to, former):
    space.patch(f"aimendpoint/{NAME}", {"spec": {"scaling": {**dict.fromkeys(former), **to}}})


def scales(space, by):
    return status(space, NAME).get("scaling", {}).get("by") == by


def active(space, name):
    """Whether an autoscaler measures something, and has come to what it wants."""
    if f"horizontalpodautoscaler.autoscaling/{name}" not in space.names("hpa"):
        return False
    found = space.get("hpa", name).get("status", {})
    conditions = {(one["type"], one["status"]) for one in found.get("conditions", ())}
    return ("ScalingActive", "True") in conditions and found["desiredReplicas"] == MOST
