"""Endpoints for which there is nothing yet, and recipes that change under those that run."""

import re

import pytest

from tests.e2e.space import endpoint, recipe

pytestmark = pytest.mark.e2e


@pytest.fixture
def model(space):
    """The id of a model that no shipped recipe is for; recipes for it are removed afterwards."""
    name = f"example/{space.namespace}"
    yield name
    found = space.get("aimrecipes")["items"]
    ours = [one["metadata"]["name"] for one in found if one["spec"]["modelId"] == name]
    if ours:
        space.kubectl("delete", "aimrecipe", *ours)


def template(space, name):
    return space.deployment(name)["spec"]["template"]


def chosen(space, name):
    return space.get("aimendpoint", name)["status"]["selectedRecipe"]["name"]


def test_a_model_that_fits_nowhere_has_no_children_and_says_why(space):
    space.apply(endpoint("larger", modelId="deepseek-ai/DeepSeek-R1-0528", gpuCount=1))
    message = space.becomes("larger", "NothingFits")
    assert "none of" in message
    assert "requested 1 GPU, available 4 GPUs" in message
    status = space.get("aimendpoint", "larger")["status"]
    assert status["phase"] == "Pending"
    assert all(one["asked"] and one["found"] for one in status["selection"]["candidates"])
    assert space.children() == []


def test_new_nodes_make_a_waiting_endpoint_ready_with_no_touch(space, model):
    space.apply(recipe(f"{space.namespace}-mi355x", modelId=model, hardware="MI355X"))
    space.apply(endpoint("patient", modelId=model))
    message = space.becomes("patient", "NothingFits")
    assert "needs MI355X; the cluster has MI300X, MI325X" in message
    assert space.children() == []
    space.plane.add_nodes("mi355x")
    space.ready("patient")
    assert space.get("aimendpoint", "patient")["metadata"]["generation"] == 1
    # What was chosen keeps running when nothing would fit any more: the pod alone suffers from the missing node.
    before = template(space, "patient")
    space.kubectl("delete", "node", "mi355x-0")
    space.becomes("patient", "NoLongerFits", "UpToDate")
    assert template(space, "patient") == before


def test_memory_that_does_not_suffice_is_said_with_both_numbers(space, model):
    heads = {"attentionHeads": 8, "keyValueHeads": 8, "headDim": 64}
    facts = {"weightsGiB": 500, "layers": 8, "maxContext": 4096, **heads}
    space.apply(recipe(f"{space.namespace}-large", modelId=model, facts=facts))
    space.apply(endpoint("large", modelId=model, recipe={"validatedOnly": True}))
    message = space.becomes("large", "NothingFits")
    assert re.search(r"needs 5\d\d(\.\d)? GiB per device .*; has 1\d\d(\.\d)? GiB usable of 192 GiB on MI300X", message)
    assert space.get("aimendpoint", "large")["status"]["phase"] == "Pending"
    assert space.children() == []


def test_a_recipe_that_comes_later_makes_its_endpoint_ready(space, model):
    space.apply(endpoint("early", modelId=model, recipe={"validatedOnly": True}))
    message = space.becomes("early", "NoRecipe")
    assert message.partition("; did you mean ")[0] == f"no recipe for model {model}"
    assert space.get("aimendpoint", "early")["status"]["phase"] == "Pending"
    space.apply(recipe(f"{space.namespace}-late", modelId=model))
    space.ready("early")
    assert chosen(space, "early") == f"{space.namespace}-late"


def test_a_recipe_that_is_edited_or_removed_changes_no_running_pod(space, model):
    name = f"{space.namespace}-edited"
    space.apply(recipe(name, modelId=model))
    space.apply(endpoint("steady", modelId=model))
    space.ready("steady")
    before = template(space, "steady")
    space.apply(recipe(name, modelId=model, configurations=[{"gpuCount": 1, "args": ["--max-model-len=4096"]}]))
    message = space.becomes("steady", "RecipeChanged", "UpToDate")
    assert name in message
    assert "args" in message
    assert template(space, "steady") == before
    space.kubectl("delete", "aimrecipe", name)
    space.becomes("steady", "NoLongerFits", "UpToDate")
    assert template(space, "steady") == before
    assert space.condition("steady")["status"] == "True"


def test_a_recipe_that_becomes_invalid_changes_no_running_pod(space, model):
    name = f"{space.namespace}-invalid"
    space.apply(recipe(name, modelId=model))
    space.apply(endpoint("kept", modelId=model))
    space.ready("kept")
    before = template(space, "kept")
    space.apply(recipe(name, modelId=model, configurations=[{"gpuCount": 1, "args": ["--no-such-flag"]}]))
    space.becomes("kept", "NoLongerFits", "UpToDate")
    assert template(space, "kept") == before
    space.wait("the recipe to be Invalid", lambda: space.get("aimrecipe", name)["status"]["phase"] == "Invalid")
    assert "--no-such-flag" in space.get("aimrecipe", name)["status"]["message"]


def test_an_endpoint_moves_to_a_better_recipe_only_when_told_to(space, model):
    two, one = (f"{space.namespace}-{count}" for count in ("two", "one"))
    space.apply(recipe(two, modelId=model, configurations=[{"gpuCount": 2}]))
    space.apply(endpoint("moving", modelId=model))
    space.ready("moving")
    space.apply(recipe(one, modelId=model))
    message = space.becomes("moving", "BetterRecipeAvailable", "UpToDate")
    assert one in message
    assert "updatePolicy: Auto" in message
    assert chosen(space, "moving") == two
    space.patch("aimendpoint/moving", {"spec": {"recipe": {"updatePolicy": "Auto"}}})
    space.wait("the better recipe", lambda: chosen(space, "moving") == one)
    space.ready("moving")
    assert space.container("moving")["resources"]["limits"]["amd.com/gpu"] == "1"
    assert space.condition("moving", "UpToDate")["status"] == "True"
