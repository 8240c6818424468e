"""A running endpoint is changed, and deleted."""

import pytest

from tests.cluster.plane import KubectlError
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e


def test_changing_the_model_replaces_the_server(space):
    space.apply(endpoint("model", modelId="Qwen/Qwen3-32B"))
    space.ready("model")
    space.patch("aimendpoint/model", {"spec": {"modelId": "microsoft/phi-4"}})
    space.ready("model")
    assert "microsoft/phi-4" in space.container("model")["command"] + space.container("model")["args"]
    status = space.get("aimendpoint", "model")["status"]
    assert status["model"] == "microsoft/phi-4"
    assert status["selectedRecipe"]["name"].startswith("phi-4-")


def test_changing_the_recipe_by_name_replaces_the_server(space):
    space.apply(endpoint("recipe", modelId="Qwen/Qwen3-32B"))
    space.ready("recipe")
    wanted = "qwen3-32b-mi300x-bf16-sglang"
    space.patch("aimendpoint/recipe", {"spec": {"recipe": {"customRecipe": {"name": wanted}}}})
    space.ready("recipe")
    assert space.get("aimendpoint", "recipe")["status"]["selectedRecipe"]["name"] == wanted
    assert "sglang" in space.container("recipe")["image"]


def test_changing_the_number_of_gpus_changes_what_is_asked_for(space):
    space.apply(endpoint("gpus", modelId="Qwen/Qwen3-32B", gpuCount=1))
    space.ready("gpus")
    space.patch("aimendpoint/gpus", {"spec": {"gpuCount": 2}})
    space.ready("gpus")
    container = space.container("gpus")
    assert container["resources"]["limits"]["amd.com/gpu"] == "2"
    assert container["args"][container["args"].index("--tensor-parallel-size") + 1] == "2"
    [pod] = space.get("pods", "--field-selector=status.phase=Running")["items"]
    assert pod["spec"]["containers"][0]["resources"]["requests"]["amd.com/gpu"] == "2"


def test_changing_the_image_and_the_service_changes_those_alone(space):
    space.apply(endpoint("image", modelId="Qwen/Qwen3-32B"))
    space.ready("image")
    before = space.container("image")
    space.patch("aimendpoint/image", {"spec": {"image": {"tag": "v9"}, "service": {"type": "NodePort", "port": 80}}})
    space.ready("image")
    repository = before["image"].rpartition(":")[0]
    assert space.container("image") == before | {"image": f"{repository}:v9"}
    space.wait("the service", lambda: space.get("service", "image")["spec"]["type"] == "NodePort")
    [port] = space.get("service", "image")["spec"]["ports"]
    assert port["port"] == 80
    space.wait("the port", lambda: "nodePort" in space.get("aimendpoint", "image")["status"]["endpoints"])
    endpoints = space.get("aimendpoint", "image")["status"]["endpoints"]
    assert endpoints == {"internal": f"http://image.{space.namespace}.svc:80/v1", "nodePort": port["nodePort"]}


def test_a_version_that_never_gets_ready_is_not_reported_as_ready(space):
    space.apply(endpoint("broken", modelId="Qwen/Qwen3-32B"))
    space.ready("broken")
    space.patch("aimendpoint/broken", {"spec": {"image": {"tag": "v1-never-ready"}}})
    space.becomes("broken", "Progressing")
    space.wait("the old pod to go", lambda: space.condition("broken").get("message") == "0 of 1 replicas ready")
    assert space.get("aimendpoint", "broken")["status"]["phase"] == "Reconciling"


def test_deleting_an_endpoint_deletes_every_child_its_claim_included(space):
    everything = {
        "modelId": "Qwen/Qwen3-32B",
        "replicas": 2,
        "scaling": {"minReplicas": 2, "maxReplicas": 3},
        "cache": {"enabled": True, "accessMode": "ReadWriteMany"},
        "security": {"serviceAccount": {"create": True}},
        "monitoring": {"enabled": True, "grafana": {"enabled": True}},
    }
    space.apply(endpoint("deleted", **everything))
    space.ready("deleted")
    space.wait("all children", lambda: len(space.children()) == 7)
    for child in space.children():
        [owner] = space.get(child)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("AIMEndpoint", "deleted", True)
    space.kubectl("delete", "aimendpoint", "deleted")
    space.wait("no children", lambda: space.children() == [])
    space.wait("no pods", lambda: not space.names("pods"))


def test_a_child_that_is_deleted_or_bent_is_made_right_again(space):
    space.apply(endpoint("repaired", modelId="Qwen/Qwen3-32B"))
    space.ready("repaired")
    uid = space.get("service", "repaired")["metadata"]["uid"]
    space.kubectl("delete", "service", "repaired")
    space.wait("a new service", lambda: bool(space.names("services")))
    assert space.get("service", "repaired")["metadata"]["uid"] != uid
    space.kubectl("scale", "deployment/repaired", "--replicas=3")
    space.wait("one replica", lambda: space.deployment("repaired")["spec"]["replicas"] == 1)
    space.ready("repaired")


@pytest.mark.parametrize("without", [{"queueName": None}, {"queueName": "other"}])
def test_a_queue_is_left_while_the_endpoint_is_stopped_alone(space, without):
    space.apply(endpoint("queued", modelId="Qwen/Qwen3-32B", queueName="team-a"))
    with pytest.raises(KubectlError, match="queueName cannot be removed, and is changed while the endpoint is stopped"):
        space.patch("aimendpoint/queued", {"spec": without})
    space.ready("queued")
    assert space.deployment("queued")["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"


def test_a_queue_is_taken_once_the_endpoint_is_stopped(space):
    space.apply(endpoint("queued", modelId="Qwen/Qwen3-32B"))
    space.ready("queued")
    space.patch("aimendpoint/queued", {"spec": {"queueName": "team-a"}})
    space.patch("aimendpoint/queued", {"spec": {"queueName": "team-b", "suspend": True}})
    of = lambda: space.deployment("queued")["metadata"]["labels"].get("kueue.x-k8s.io/queue-name")  # noqa: E731
    space.wait("its Deployment to be in the other queue", lambda: of() == "team-b")
