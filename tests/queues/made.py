"""Queues and priorities of a namespace, what is written there, and the end of what is in it."""

import time

from tests.cluster import audit

API = "kueue.x-k8s.io/v1beta2"
FLAVOR = "mi300x"
SECONDS = 120


def queue(namespace, name, gpus):
    """A queue of this namespace with room for so many GPUs."""
    amounts = {"amd.com/gpu": gpus, "cpu": 1000, "memory": "10Ti"}
    resources = [{"name": resource, "nominalQuota": amount} for resource, amount in amounts.items()]
    group = {"coveredResources": [*amounts], "flavors": [{"name": FLAVOR, "resources": resources}]}
    yield {"apiVersion": API, "kind": "ResourceFlavor", "metadata": {"name": FLAVOR}}
    yield {
        "apiVersion": API,
        "kind": "ClusterQueue",
        "metadata": {"name": name},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "preemption": {"withinClusterQueue": "LowerPriority"},
            "resourceGroups": [group],
        },
    }
    yield {"apiVersion": API, "kind": "LocalQueue", "metadata": {"name": name}, "spec": {"clusterQueue": name}}


def priorities():
    """Two priorities, of which the queue lets the higher one preempt."""
    for name, value in (("trial", 100), ("urgent", 1000)):
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
        yield {**kind, "metadata": {"name": f"model-serving-{name}"}, "value": value}


def empty(space, name):
    """Delete what is in the queue, and the queue: in a namespace that goes, pods could not leave it any more."""
    space.kubectl("delete", "aimendpoints", "--all")
    space.wait("its pods to go", lambda: not space.names("pods"), SECONDS)
    space.kubectl("delete", "localqueue", name)


def written_once_looked_at(space, name):
    """What Metacontroller writes in the namespace in ten seconds after an endpoint was touched and has a sync."""
    since = audit.position(space.plane)
    space.kubectl("annotate", f"aimendpoint/{name}", "example.com/look=again")
    time.sleep(10)
    made = audit.writes(space.plane, since=since, user=audit.METACONTROLLER)
    return [one for one in made if one.namespace == space.namespace]
