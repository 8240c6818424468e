"""ResourceClaimTemplates stay while pods may be made by them, and go afterwards."""

import pytest

from aimlib.protocol.conditions import Verdict
from hooks.endpoint.children import OPTIONAL
from hooks.endpoint.children.device_claims import CLAIM_TEMPLATE, templates_in_use
from hooks.endpoint.devices import with_component_checked
from tests.playing import again, play


def template(name):
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": name}, "spec": {}}


def deployment(name, *, generation=2, seen=2, replicas=1, updated=1):
    status = {"observedGeneration": seen, "replicas": replicas, "updatedReplicas": updated}
    claims = [{"name": "gpus", "resourceClaimTemplateName": name}] if name else None
    spec = {"template": {"spec": {"resourceClaims": claims}}}
    metadata = {"name": "chat", "generation": generation}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


OLD, NEW = template("old"), template("new")


@pytest.mark.parametrize(
    ("deployments", "changed", "kept"),
    [
        ([deployment("new")], [deployment("new")], False),
        ([deployment("old")], [deployment("new")], True),
        ([deployment("new")], [deployment("old")], True),
        ([deployment("new", seen=1)], [deployment("new")], True),
        ([deployment("new", replicas=2)], [deployment("new")], True),
        ([deployment("new", replicas=0, updated=0)], [deployment("new")], False),
        ([deployment("new"), deployment("old")], [deployment("new")], True),
        ([{**deployment("new"), "status": None}], [deployment("new")], True),
        ([deployment(None)], [deployment(None)], False),
        ([], [], True),
        ([], [deployment("new")], True),
    ],
)
def test_a_former_template_stays_while_pods_may_be_made_by_it(deployments, changed, kept):
    found = templates_in_use([NEW, *changed], [OLD, NEW], deployments, changed)
    assert [one["metadata"]["name"] for one in found] == ["old"] * kept


SHARED = {
    "endpoint": {"spec": {"modelId": "Qwen/Qwen3-0.6B", "accelerators": {"gpuShare": "40Gi"}}},
    "recipes": ["qwen3-0-6b-h100-bf16"],
    "inventory": "h100-shareable",
    "offers": [CLAIM_TEMPLATE],
}


def named(answer):
    """Templates by name, and the one that the Deployment uses."""
    found = [one for one in answer.said["children"] if one["kind"] in {"Deployment", "ResourceClaimTemplate"}]
    used = [one for one in found if one["kind"] == "Deployment"]
    claims = [one["spec"]["template"]["spec"]["resourceClaims"][0]["resourceClaimTemplateName"] for one in used]
    return {one["metadata"]["name"] for one in found} - {"chat"}, claims


def test_another_share_waits_for_its_template_and_keeps_the_former_until_the_pods_are_replaced():
    begun = play("endpoint", "/endpoint/sync", SHARED)
    [former], [used] = named(begun.answer)
    assert used == former
    changed = {**begun.request["parent"], "spec": {"modelId": "Qwen/Qwen3-0.6B"}}
    request = {**begun.request, "parent": changed}
    first = again("endpoint", "/endpoint/sync", begun._replace(request=request), SHARED)
    templates, used = named(first.answer)
    assert (len(templates), used) == (2, [former])
    second = again("endpoint", "/endpoint/sync", first, SHARED)
    templates, used = named(second.answer)
    assert (len(templates), used) == (2, [*(templates - {former})])


def test_only_what_needs_the_component_names_it():
    waiting = Verdict("Available", False, "Progressing", "0 of 1 replicas ready")
    [lacking] = [child for child in OPTIONAL if child.kind == CLAIM_TEMPLATE]
    assert with_component_checked(waiting, None, ()) is waiting
    assert with_component_checked(Verdict("Available", True, "AllReplicasReady", ""), None, [lacking]).met


def warned(world, **spec):
    stated = world["endpoint"]["spec"] | spec
    status = play("endpoint", "/endpoint/sync", world | {"endpoint": {"spec": stated}}).answer.said["status"]
    return status.get("warnings", ())


def test_a_queue_may_count_no_gpus_of_resourceclaims():
    [warning] = [one for one in warned(SHARED, queueName="team-a") if "deviceClassMappings" in one]
    assert "name the DeviceClass gpu.nvidia.com; without them it admits by CPU and memory alone" in warning
    resource = {**SHARED, "inventory": "h100"}
    stated = warned(resource, queueName="team-a", accelerators={"allocation": "Auto"})
    assert not any("deviceClassMappings" in one for one in stated)


TIME_SLICED = {**SHARED, "inventory": "h100-shared"}


@pytest.mark.parametrize(("args", "advised"), [([], True), (["--gpu-memory-utilization=0.2"], False)])
def test_the_bound_of_a_part_is_advised_until_it_is_stated(args, advised):
    stated = warned(TIME_SLICED, accelerators={"allowTimeSliced": True}, engine={"args": args})
    [warning] = [one for one in stated if "time-sliced" in one]
    assert ("--gpu-memory-utilization in engine.args bounds the part" in warning) == advised
