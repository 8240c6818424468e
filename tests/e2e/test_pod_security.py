"""Every pod of ours under the Pod Security levels of Kubernetes, as the real API server applies them."""

import json

import pytest
from kubernetes import client, config

from tests.cases import cases, pod_template
from tests.e2e import caches
from tests.e2e.caches import LARGE, cache
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

LEVEL = "pod-security.kubernetes.io/enforce"


def enforce(space, level):
    space.kubectl("label", "namespace", space.namespace, "--overwrite", f"{LEVEL}={level}")


def pods():
    """The pod of every workload of every golden case, by a case that has it: (case, whether of a cache, spec)."""
    found = {}
    for case in cases(hook="sync"):
        for child in case.said.get("children", ()):
            if template := pod_template(child):
                pod = {**template["spec"], "serviceAccountName": "default", "imagePullSecrets": []}
                found.setdefault(json.dumps(pod, sort_keys=True), (str(case), case.kind == "cache", pod))
    return list(found.values())


CLASSES = {"priorityClassName": ("PriorityClass", "scheduling.k8s.io/v1", {"value": 1})}
CLASSES["runtimeClassName"] = ("RuntimeClass", "node.k8s.io/v1", {"handler": "any"})


@pytest.fixture
def classes(space):
    """The classes that the pods of golden cases name, while a test runs."""
    named = {(field, spec[field]) for _, _, spec in pods() for field in CLASSES if spec.get(field)}
    assert {field for field, _ in named} == CLASSES.keys()
    made = []
    for field, name in sorted(named):
        kind, version, fields = CLASSES[field]
        made.append({"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields})
    space.apply(*made)
    yield
    space.kubectl("delete", *(f"{one['kind'].lower()}/{one['metadata']['name']}" for one in made))


@pytest.fixture
def refusal(space, classes):  # noqa: ARG001 - must be there
    """`refusal(spec)`: why the API server would not have such a pod in this namespace; None where it would."""
    api = client.CoreV1Api(config.new_client_from_config(str(space.plane.kubeconfig)))

    def asked(spec):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "asked"}, "spec": spec}
        try:
            api.create_namespaced_pod(space.namespace, pod, dry_run="All")
        except client.ApiException as error:
            return json.loads(error.body)["message"]
        return None

    with api.api_client:
        yield asked


def test_every_pod_that_can_be_is_restricted_and_all_others_lack_nothing_but_a_user(space, refusal):
    enforce(space, "restricted")
    found = pods()
    assert {kind for _, kind, _ in found} == {True, False}
    refused = 0
    for case, of_cache, spec in found:
        said = refusal(spec)
        if of_cache or spec["securityContext"].get("runAsUser"):
            assert said is None, f"{case}: {said}"
        else:
            refused += 1
            assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "engine"' in said
            assert said.count("!=") == said.count("(") == 1, f"{case}: {said}"
    assert 0 < refused < len(found)


def test_every_pod_is_let_in_at_the_level_baseline(space, refusal):
    enforce(space, "baseline")
    assert {case: said for case, _, spec in pods() if (said := refusal(spec))} == {}


def test_in_a_restricted_namespace_caches_and_servers_with_a_user_run_and_others_say_why_not(space, hub):
    enforce(space, "restricted")
    user = {"security": {"podSecurityContext": {"runAsUser": 1000}}}
    space.apply(cache("models", hub, LARGE, storage={"accessMode": "ReadWriteMany"}))
    space.apply(endpoint("user", modelId=LARGE, **user), endpoint("root", modelId=LARGE))
    caches.cached(space, "models", LARGE)
    space.ready("user")
    message = space.becomes("root", "ReplicaFailure", "Available")
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot != true' in message
    assert space.get("aimendpoint", "root")["status"]["phase"] == "Failed"
    space.patch("aimendpoint/root", {"spec": user})
    space.ready("root")


def test_the_hook_server_itself_runs_restricted(cluster):
    assert cluster.get("namespace", "aim-system")["metadata"]["labels"][LEVEL] == "restricted"
    cluster.kubectl("wait", "--for=condition=Available", "--timeout=30s", "-n", "aim-system", "deployment/aim-hooks")
