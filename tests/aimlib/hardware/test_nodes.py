"""What a Node can offer: whether it can be used, its processors and taints, and that heartbeats change nothing."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.node import NodeSpec
from aimlib.hardware.nodes import UNHEALTHY_TAINTS, node_facts
from tests.aimlib.make import READY, amd, node, nvidia


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (amd(), None),
        (amd(unschedulable=False), None),
        (amd(unschedulable=True), "cordoned"),
        (amd(taints=[{"key": "team", "value": "a", "effect": "NoSchedule"}]), None),
        *(
            (amd(taints=[{"key": key, "effect": "NoSchedule"}]), f"{meaning}: tainted {key}")
            for key, meaning in UNHEALTHY_TAINTS.items()
        ),
    ],
    ids=["ready", "not cordoned", "cordoned", "tainted for a team", *UNHEALTHY_TAINTS],
)
def test_a_node_is_usable_or_there_is_a_reason(raw, reason):
    found = node_facts(raw)
    assert (found.usable, found.reason) == (reason is None, reason)
    assert found.pools[0].devices == 8


@pytest.mark.parametrize(
    "conditions",
    [
        [{"type": "Ready", "status": "False"}],
        [{"type": "Ready", "status": "Unknown"}],
        [{"type": "DiskPressure", "status": "True"}],
        [],
        None,
    ],
    ids=["not ready", "not heard of", "no word of being ready", "no conditions", "null"],
)
def test_a_node_that_does_not_say_ready_is_not(conditions):
    raw = amd()
    raw["status"]["conditions"] = conditions
    assert node_facts(raw).reason == "not ready"


def test_a_node_that_is_being_deleted_is_not_used():
    raw = amd()
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert node_facts(raw).reason == "being deleted"


def test_a_node_that_says_nothing_yet_has_nothing():
    found = node_facts({"metadata": {"name": "new"}})
    assert (found.usable, found.reason, found.summary) == (False, "not ready", "CPU, 0 cores")
    assert [(pool.product, pool.devices, pool.memory_gib) for pool in found.pools] == [("CPU", 0, 0)]


def test_a_node_of_another_operating_system_is_not_used():
    labelled, reported = amd(), amd()
    labelled["metadata"]["labels"]["kubernetes.io/os"] = "windows"
    reported["status"]["nodeInfo"] = {"operatingSystem": "windows"}
    assert {node_facts(raw).reason for raw in (labelled, reported)} == {"its operating system is windows"}


@pytest.mark.parametrize(
    ("allocatable", "reason"),
    [
        ({"cpu": "-4"}, "implausible: a negative amount of CPUs or memory"),
        ({"memory": "-1Gi"}, "implausible: a negative amount of CPUs or memory"),
        ({"cpu": "9E"}, "implausible: 9e+18 CPUs and 1024 GiB of memory"),
        ({"cpu": "1e999", "memory": "1Gi"}, "implausible: 1e+30 CPUs and 1 GiB of memory"),
        ({"cpu": "1e99", "memory": "9Ei"}, "implausible: 1e+30 CPUs and 9.664e+09 GiB of memory"),
    ],
)
def test_what_no_node_has_is_not_used_and_the_reason_is_given(allocatable, reason):
    found = node_facts(node({}, allocatable))
    assert (found.usable, found.reason) == (False, reason)
    assert (found.host.cpus, found.host.memory_gib, found.pools[-1].devices) == (0, 0, 0)


def test_the_shape_of_a_node_is_rounded_down():
    raw = node(
        {"kubernetes.io/arch": "arm64"},
        {"cpu": "3920m", "memory": "30310Mi", "ephemeral-storage": "47093746742"},
    )
    host = node_facts(raw).host
    assert (host.cpus, host.memory_gib, host.ephemeral_storage_gib, host.architecture) == (3.92, 29.59, 43, "arm64")
    negative = node_facts(node({}, {"ephemeral-storage": "-1"})).host
    assert (negative.ephemeral_storage_gib, negative.architecture) == (0, None)


@pytest.mark.parametrize(
    ("allocatable", "cores", "memory"),
    [
        ({"cpu": "96", "memory": "1024Gi"}, 96, 1024),
        ({"cpu": "95800m", "memory": "1056747504Ki"}, 95, 1007),
        ({"cpu": 4, "memory": 17179869184}, 4, 16),
    ],
)
def test_processors_are_whole_cores_and_whole_gib(allocatable, cores, memory):
    pool = node_facts(node({}, allocatable)).pools[-1]
    assert (pool.product, pool.vendor, pool.resource, pool.devices) == ("CPU", "cpu", "cpu", cores)
    assert pool.memory_gib == memory


@pytest.mark.parametrize(
    ("raw", "summary"),
    [
        (amd(), "8 x MI300X (192 GiB)"),
        (nvidia("NVIDIA-H100-80GB-HBM3", 4), "4 x H100 (79.2 GiB)"),
        (node(), "CPU, 96 cores"),
        (
            node(
                {"amd.com/gpu.device-id": "74a1"},
                {"amd.com/cpx_nps4": "24", "amd.com/spx_nps1": "5"},
            ),
            "24 x MI300X cpx_nps4 (24 GiB), 5 x MI300X (192 GiB)",
        ),
        (nvidia("NVIDIA-H100-80GB-HBM3-SHARED", 16), "16 x H100 (79.2 GiB, shared)"),
        (
            node(
                {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.memory": "0"},
                {"nvidia.com/gpu": "4"},
            ),
            "4 x H100 (79.19 GiB)",
        ),
        (
            node({"amd.com/gpu.device-id": "74a1", "amd.com/gpu.vram": "0G"}, {"amd.com/gpu": "8"}),
            "8 x MI300X (192 GiB)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_summary_is_the_hardware_in_words(raw, summary):
    assert node_facts(raw).summary == summary


def test_taints_are_kept_in_order_without_those_that_conditions_say_already():
    raw = amd(
        taints=[
            {"key": "team", "value": "b", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
            {"key": "amd.com/gpu", "value": "", "effect": "NoSchedule", "timeAdded": "2026-01-01T00:00:00Z"},
            {"key": "amd-gpu-unhealthy", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"},
        ]
    )
    assert [str(taint) for taint in node_facts(raw).taints] == [
        "amd.com/gpu:NoSchedule",
        "node.kubernetes.io/out-of-service:NoExecute",
        "team=b:NoSchedule",
    ]


UNRELATED = st.fixed_dictionaries(
    {},
    optional={
        "heartbeat": st.datetimes().map(str),
        "message": st.text(max_size=20),
        "annotation": st.text(max_size=20),
        "version": st.integers(1, 10**9).map(str),
        "images": st.lists(st.text(max_size=5), max_size=3),
        "pressure": st.sampled_from(["True", "False", "Unknown"]),
        "label": st.text(max_size=10),
        "pods": st.integers(0, 500).map(str),
    },
)


@given(st.sampled_from([amd(), nvidia(), node(), amd(unschedulable=True)]), UNRELATED)
def test_a_heartbeat_changes_none_of_the_facts(raw, change):
    other = deepcopy(raw)
    other["metadata"] |= {
        "annotations": {"volumes.example.com/attach": change.get("annotation", "")},
        "resourceVersion": change.get("version", "1"),
        "managedFields": [{"time": change.get("heartbeat", "")}],
    }
    other["metadata"]["labels"]["kubernetes.io/hostname"] = change.get("label", "")
    other["status"] |= {"images": change.get("images", []), "capacity": {"cpu": change.get("pods", "1")}}
    other["status"]["allocatable"]["pods"] = change.get("pods", "110")
    other["status"]["conditions"] = [
        {"type": "DiskPressure", "status": change.get("pressure", "False")},
        {**READY, "lastHeartbeatTime": change.get("heartbeat", ""), "message": change.get("message", "")},
    ]
    assert node_facts(other) == node_facts(raw)


@given(st.permutations([*amd()["metadata"]["labels"], "a", "b"]))
def test_the_order_of_labels_and_resources_does_not_matter(order):
    raw = amd()
    raw["metadata"]["labels"] = {key: amd()["metadata"]["labels"].get(key, "x") for key in order}
    raw["status"]["allocatable"] = dict(reversed(raw["status"]["allocatable"].items()))
    assert node_facts(raw) == node_facts(amd())


@pytest.mark.parametrize("raw", [amd(), nvidia(), node()], ids=["AMD", "NVIDIA", "CPU"])
def test_what_is_written_can_be_read_back(raw):
    assert NodeSpec.model_validate(node_facts(raw).wire()) == node_facts(raw)
