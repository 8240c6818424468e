"""Endpoints that find their hardware full: each candidate is tried once, and the best is waited for in the end."""

from datetime import timedelta

import pytest

from aimlib.api.room import MOST_FULL, FullHardware
from aimlib.diagnosis.scheduling import lacks
from hooks.endpoint import full_hardware
from tests.playing import again, call, first
from tests.world import NOON, instant

RECIPES = ["qwen3-32b-mi300x-bf16", "qwen3-32b-mi325x-bf16", "qwen3-32b-h100-bf16"]
FULL = "0/5 nodes are available: 3 Insufficient amd.com/gpu, 2 node(s) didn't match Pod's node affinity/selector."
OTHER = "0/5 nodes are available: 5 node(s) didn't match Pod's node affinity/selector."
STARTING = {"Deployment": {"status": {"observedGeneration": 1, "replicas": 1, "unavailableReplicas": 1}}}


def world(**changes):
    return {
        "endpoint": {"spec": {"modelId": "Qwen/Qwen3-32B", **changes.pop("spec", {})}},
        "recipes": RECIPES,
        "inventory": "mi300x-and-mi325x",
        "observed": STARTING,
        **changes,
    }


def waiting(played, message=FULL, seconds=600, **pod):
    """The pods of a Deployment that an answer desires, as the scheduler leaves them."""
    [deployment] = [one for one in played.answer.said["children"] if one["kind"] == "Deployment"]
    since = instant(played.now - timedelta(seconds=seconds))
    condition = {"status": "False", "reason": "Unschedulable", "lastTransitionTime": since, "message": message}
    template = deployment["spec"]["template"]["spec"]
    spec = {"nodeName": None, "affinity": template.get("affinity"), "containers": template["containers"]}
    return [{"spec": spec, "conditions": {"Ready": None, "PodScheduled": condition}, **pod}]


def products(where, syncs, **pods):
    """The product of each of some syncs, where the pods of each candidate find no room."""
    played, found = first("endpoint", "/endpoint/sync", where), []
    for _ in range(syncs):
        played = again("endpoint", "/endpoint/sync", played, {**where, "pods": waiting(played, **pods)})
        found.append(played.answer.said["status"]["resolved"]["product"])
    return found


def test_each_candidate_is_tried_once_and_the_best_is_waited_for():
    assert products(world(), 8) == ["MI300X", *["MI325X"] * 7]


def test_the_only_candidate_is_waited_for():
    assert products(world(recipes=["qwen3-32b-mi325x-bf16"], settings={"derive": "Never"}), 4) == ["MI325X"] * 4


@pytest.mark.parametrize(
    "pods",
    [
        {"message": OTHER},
        {"message": ""},
        {"seconds": 30},
        {"metadata": {"deletionTimestamp": instant(NOON)}},
        {"conditions": {"PodScheduled": "True"}},
        {"conditions": {}},
    ],
)
def test_other_waits_are_no_lack_of_room(pods):
    assert products(world(), 3, **pods) == ["MI325X"] * 3


@pytest.mark.parametrize("spec", [{"affinity": {"nodeAffinity": {}}}, {"containers": [{"name": "engine"}]}])
def test_pods_of_another_configuration_show_nothing(spec):
    assert products(world(), 3, spec=spec) == ["MI325X"] * 3


def test_pods_of_the_former_configuration_show_nothing():
    played = first("endpoint", "/endpoint/sync", world())
    pods = waiting(played)
    found = []
    for _ in range(4):
        played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": pods})
        found.append(played.answer.said["status"]["resolved"]["product"])
    assert found == ["MI300X"] * 4


def test_new_hardware_is_taken_by_an_endpoint_that_waits():
    played = first("endpoint", "/endpoint/sync", world())
    for _ in range(3):
        played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": waiting(played)})
    assert played.answer.said["status"]["resolved"]["product"] == "MI325X"
    related = played.request["related"]
    [inventory] = related["AIMInventory.aim.engine.amd.com/v1alpha1"].values()
    [there] = [one for one in inventory["status"]["classes"] if one["product"] == "MI300X"]
    h100 = {**there, "product": "H100", "vendor": "nvidia", "resource": "nvidia.com/gpu", "architecture": "sm_90"}
    inventory["status"]["classes"].append({**h100, "memoryGiB": 80})
    inventory["metadata"]["resourceVersion"] = "another"
    played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": waiting(played)})
    assert played.answer.said["status"]["resolved"]["product"] == "H100"


def test_a_status_that_cannot_be_read_is_a_doubt():
    played = first("endpoint", "/endpoint/sync", world())
    played = again("endpoint", "/endpoint/sync", played, world())
    body = played.request
    body["parent"]["status"] = played.answer.said["status"]
    body["parent"]["status"]["selection"]["full"] = [{"product": 1}]
    assert call("endpoint", "/endpoint/sync", body).code == 422


def test_resources_that_the_scheduler_lacks():
    assert lacks(FULL, "amd.com/gpu")
    assert not lacks(FULL, "amd.com")
    assert not lacks("0/1 nodes are available: 1 Insufficient cpu.", "amd.com/gpu")
    assert not lacks("something else", "amd.com/gpu")


def test_recipes_that_are_gone_leave_it_waiting():
    played = first("endpoint", "/endpoint/sync", world())
    for _ in range(2):
        played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": waiting(played)})
    played.request["related"]["AIMRecipe.aim.engine.amd.com/v1alpha1"].clear()
    played = again("endpoint", "/endpoint/sync", played, {**world(), "pods": waiting(played)})
    status = played.answer.said["status"]
    assert status["resolved"]["product"] == "MI325X"
    [current] = [one for one in status["conditions"] if one["type"] == "UpToDate"]
    assert current["reason"] == "NoLongerFits"


CLAIMED = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-0.6B"}},
    "recipes": ["qwen3-0-6b-mi300x-bf16"],
    "inventory": "mi300x-cpx-claims",
    "offers": ["ResourceClaimTemplate.resource.k8s.io/v1"],
    "observed": STARTING,
    "settings": {"derive": "Never"},
}
TAKEN = "0/2 nodes are available: 2 cannot allocate all claims. preemption: 0/2 nodes are available."


@pytest.mark.parametrize(
    ("claims", "message", "partitions"),
    [
        (None, TAKEN, ["cpx_nps4", None, None, "cpx_nps4"]),  # the template comes a sync before its pods
        (None, "0/2 nodes are available: 2 Insufficient cpu.", ["cpx_nps4"] * 4),
        ([{"name": "gpus", "resourceClaimTemplateName": "chat-gpus-of-former-pods"}], TAKEN, ["cpx_nps4"] * 4),
        ([], TAKEN, ["cpx_nps4"] * 4),
    ],
)
def test_devices_that_claims_have_taken_are_full_by_the_pods_of_that_claim_alone(claims, message, partitions):
    played, found = first("endpoint", "/endpoint/sync", CLAIMED), []
    for _ in range(4):
        found.append(played.answer.said["status"]["resolved"].get("partition"))
        [one] = waiting(played, message)
        [deployment] = [child for child in played.answer.said["children"] if child["kind"] == "Deployment"]
        own = deployment["spec"]["template"]["spec"]["resourceClaims"]
        one["spec"] |= {"affinity": None, "resourceClaims": own if claims is None else claims}
        played = again("endpoint", "/endpoint/sync", played, {**CLAIMED, "pods": [one]})
    assert found == partitions


def full(product, count, partition=None, resource="gpu"):
    return FullHardware(
        product=product, partition=partition, resource=resource, gpu_count=count, since=instant(NOON), message="no room"
    )


def test_partitions_and_ways_to_get_them_are_full_by_themselves_and_a_former_release_meant_all_of_a_product():
    partitions = full("MI300X", 1, "cpx_nps4")
    assert full_hardware.is_new(full("MI300X", 1), (partitions,))
    assert full_hardware.is_new(full("MI300X", 1, "cpx_nps4", "other"), (partitions,))
    assert full_hardware.added(full("MI300X", 1), (partitions,)) == (partitions, full("MI300X", 1))
    assert not full_hardware.is_new(partitions, (full("MI300X", 1, resource=None),))


def test_of_each_product_the_fewest_gpus_are_kept_and_no_more_products_than_there_are():
    known = full_hardware.added(full("H100", 4), (full("MI300X", 1), full("H100", 8)))
    assert known == (full("MI300X", 1), full("H100", 4))
    assert full_hardware.is_new(full("H100", 2), known)
    assert not full_hardware.is_new(full("H100", 8), known)
    many = tuple(full(f"product-{number}", 1) for number in range(MOST_FULL))
    assert not full_hardware.is_new(full("H100", 2), many)
