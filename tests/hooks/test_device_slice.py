"""The name of a slice's AIMNode is no node's, and not too long."""

from aimlib.protocol.metacontroller import parse_request
from hooks.device_slice import LONGEST_OBJECT_NAME, customize, sync


def attached(name):
    pool = {"name": "a", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.amd.com", "nodeName": "a", "pool": pool}
    parent = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec}
    related = {"DeviceClass.resource.k8s.io/v1": {}, "AIMNode.aim.engine.amd.com/v1alpha1": {}}
    [made] = sync(parse_request({"object": parent, "related": related}))["attachments"]
    return made["metadata"]["name"]


def test_the_name_is_no_nodes_and_never_too_long():
    assert attached("a") == "a.resourceslice"
    long = [f"{letter * (LONGEST_OBJECT_NAME - 1)}a" for letter in "ab"]
    names = {attached(name) for name in long}
    assert len(names) == len(long)
    assert all(len(name) <= LONGEST_OBJECT_NAME and name.endswith(".resourceslice") for name in names)


def test_of_no_single_node_no_node_is_asked_for():
    parent = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "a"}}
    for spec in ({}, {"spec": {"nodeName": ""}}, {"spec": "odd"}, {"spec": ["odd"]}):
        [rule] = customize(parse_request({"object": {**parent, **spec}}))["relatedResources"]
        assert rule["resource"] == "deviceclasses"
