"""Hardware that is there and full: an endpoint that has never been ready goes on to the next candidate."""

import pytest

from tests.cluster.operator import own_account
from tests.e2e.hookserver import within
from tests.e2e.space import endpoint, recipe

pytestmark = pytest.mark.e2e


@pytest.fixture
def soon(space, installation, tmp_path):
    """The namespace of a hook server for which hardware is full after ten seconds without room."""
    settings = tmp_path / "settings.yaml"
    settings.write_text("fullAfterSeconds: 10\n", encoding="utf-8")
    account = str(own_account(space.plane, "aim-hooks", "aim-system"))
    with within(space.plane, installation, KUBECONFIG=account, AIM_OBSERVE="pods", AIM_CONFIG=str(settings)):
        yield space


@pytest.fixture
def model(soon):
    """A model for all GPUs of a node, MI325X before MI300X: candidates that are equal are ranked by name."""
    name = soon.namespace
    large, small = f"{name}-1", f"{name}-2"
    model = f"example/{name}"
    soon.apply(
        recipe(large, modelId=model, hardware="MI325X", configurations=[{"gpuCount": 8}]),
        recipe(small, modelId=model, hardware="MI300X", configurations=[{"gpuCount": 8}]),
    )
    yield model, large, small
    soon.kubectl("delete", "aimrecipe", large, small)


def test_with_all_mi325x_taken_an_endpoint_is_ready_on_idle_mi300x_and_says_why(soon, model):
    model_id, large, small = model
    nodes = [one for one in soon.get("aimnodes")["items"] if "MI325X" in one["spec"].get("summary", "")]
    taken = {"autoSelect": True, "customRecipe": {"name": large}}
    soon.apply(endpoint("taken", modelId=model_id, replicas=len(nodes), recipe=taken))
    soon.ready("taken")
    soon.apply(endpoint("waits", modelId=model_id, recipe={**taken, "whenFull": "Wait"}))
    soon.apply(endpoint("goes-on", modelId=model_id))
    soon.ready("goes-on")
    status = soon.get("aimendpoint", "goes-on")["status"]
    assert status["selectedRecipe"]["hardware"] == "MI300X"
    assert status["selectedRecipe"]["name"] == small
    [full] = status["selection"]["full"]
    assert (full["product"], full["gpuCount"]) == ("MI325X", 8)
    assert "too little free amd.com/gpu (8 requested)" in full["message"]
    assert "no room for 8 GPUs on MI325X since 20" in status["selection"]["message"]
    assert soon.get("aimendpoint", "waits")["status"]["phase"] == "Pending"
