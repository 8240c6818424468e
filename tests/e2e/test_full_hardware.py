"""Hardware that is there and full: an endpoint that has never been ready goes on to the next candidate."""

from contextlib import contextmanager

import pytest

from hooks.server.observers import free_capacity as observer
from tests.cluster.operator import own_account
from tests.e2e.hookserver import within
from tests.e2e.space import endpoint, recipe
from tests.kustomize import ROOT

pytestmark = pytest.mark.e2e

RIGHTS = ROOT / "manifests" / "components" / "free-capacity" / "rbac.yaml"


@contextmanager
def recipes_for(space):
    """A model for all GPUs of a node, MI325X before MI300X: candidates that are equal are ranked by name."""
    name = space.namespace
    large, small = f"{name}-1", f"{name}-2"
    model = f"example/{name}"
    space.apply(
        recipe(large, modelId=model, hardware="MI325X", configurations=[{"gpuCount": 8}]),
        recipe(small, modelId=model, hardware="MI300X", configurations=[{"gpuCount": 8}]),
    )
    yield model, large, small
    space.kubectl("delete", "aimrecipe", large, small)


@pytest.fixture
def model(soon):
    """The model, and its recipes by the hardware that they are for."""
    with recipes_for(soon) as found:
        yield found


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


@pytest.fixture
def rights(space):
    """What the component lets the hook server list."""
    space.kubectl("apply", f"--filename={RIGHTS}")
    yield
    space.kubectl("delete", f"--filename={RIGHTS}")


@pytest.mark.usefixtures("rights")
def test_where_what_is_free_is_known_nothing_is_tried_that_is_full(space, installation, monkeypatch):
    # A machine that is busy takes long to list, and would go by a list from before the other endpoint was there.
    monkeypatch.setattr(observer, "SHARED_SECONDS", (0.0, 0.0))
    account = str(own_account(space.plane, "aim-hooks", "aim-system"))
    settings = {"KUBECONFIG": account, "AIM_OBSERVE": "pods", "AIM_OBSERVE_FREE": "true"}
    with within(space.plane, installation, **settings), recipes_for(space) as (model_id, large, small):
        nodes = [one for one in space.get("aimnodes")["items"] if "MI325X" in one["spec"].get("summary", "")]
        taken = {"autoSelect": True, "customRecipe": {"name": large}}
        space.apply(endpoint("taken", modelId=model_id, replicas=len(nodes), recipe=taken))
        space.ready("taken")
        space.apply(endpoint("free", modelId=model_id))
        space.ready("free")
        selection = space.get("aimendpoint", "free")["status"]["selection"]
        assert selection["candidates"][0]["recipe"] == small
        assert "full" not in selection
        assert "which is better otherwise, had room for 0 of 1 replica: MI325X none free" in selection["message"]
