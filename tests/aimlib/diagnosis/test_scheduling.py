"""The scheduler's words in ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.diagnosis.scheduling import claim_pending, lacks, summarize

ASKED = {"amd.com/gpu": "8", "cpu": "16"}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            (
                "0/5 nodes are available: 2 node(s) had untolerated taint {a: b}, 3 Insufficient amd.com/gpu. "
                "preemption: 0/5 nodes are available: 5 Preemption is not helpful for scheduling."
            ),
            "no room on any of 5 nodes: 3 have too little free amd.com/gpu (8 requested), 2 have the taint a: b",
        ),
        (
            "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes",
            "no room on the one node: 1 has too little free memory",
        ),
        (
            (
                "0/4 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint {gone: }, "
                "1 node(s) were unschedulable, 1 node(s) had untolerated taint(s)."
            ),
            (
                "no room on any of 4 nodes: 1 has a taint, 1 has been cordoned, "
                "1 has reached the maximum number of pods, 1 has the taint gone"
            ),
        ),
        (
            (
                "0/3 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, "
                "1 node(s) didn't match pod affinity rules, 1 node(s) didn't have free ports."
            ),
            (
                "no room on any of 3 nodes: 1 has no access to the pod's volume, "
                "1 has none of the pods that its affinity requires, "
                "1 has this problem: didn't have free ports"
            ),
        ),
        (
            (
                "0/3 nodes are available: 2 node(s) didn't match pod topology spread constraints, "
                "1 node(s) didn't match pod topology spread constraints (missing required label)."
            ),
            (
                "no room on any of 3 nodes: 2 have as many of the replicas as an even spread allows, "
                "1 has no label for the zone or node that replicas are spread over"
            ),
        ),
        (
            (
                "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2 nodes "
                "are available: 2 Preemption is not helpful for scheduling."
            ),
            "no room on any of 2 nodes: 2 have too few free devices for its claims (8 amd.com/gpu requested)",
        ),
        (
            (
                "0/3 nodes are available: 1 cannot allocate all claims, 2 node(s) didn't satisfy plugin(s) "
                "[NodeAffinity]. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
            ),
            (
                "no room on any of 3 nodes: 2 have other hardware or labels than required, "
                "1 has too few free devices for its claims (8 amd.com/gpu requested)"
            ),
        ),
        (
            "0/2 nodes are available: 2 of a new kind.",
            "no room on any of 2 nodes: 2 have this problem: of a new kind",
        ),
        ("no nodes available to schedule pods", "no nodes available to schedule pods"),
        ("0/2 nodes are available: none. preemption: 0/2 nodes", "the scheduler tries no node: none"),
        (
            (
                "0/4 nodes are available: request gpu: device class gpu.amd.com does not exist. no new claims to "
                "deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
            ),
            "the scheduler tries no node: request gpu: device class gpu.amd.com does not exist",
        ),
        (
            (
                "0/4 nodes are available: 4 node has pod using PersistentVolumeClaim with the same name and "
                "ReadWriteOncePod access mode. preemption: 0/4 nodes are available: 4 No preemption victims found."
            ),
            (
                "no room on any of 4 nodes: 4 have to wait for the pod that has the same claim, which one pod mounts "
                "at a time (ReadWriteOncePod)"
            ),
        ),
        (
            (
                "0/9 nodes are available: 4 node(s) exceed max volume count, 3 node(s) did not have enough free "
                "storage, 1 node(s) didn't find available persistent volumes to bind, 1 node(s) unavailable due to "
                "one or more pvc(s) bound to non-existent pv(s)."
            ),
            (
                "no room on any of 9 nodes: 4 have as many volumes as a node can attach, 3 have too little free "
                "storage for the pod's claim, 1 has no access to the volume of a claim, which does not exist any more, "
                "1 has no volume for the pod's claim"
            ),
        ),
    ],
)
def test_a_message_in_fewer_words(message, words):
    assert summarize(message, ASKED) == words


def test_claims_without_a_resource_are_too_few_devices():
    message = "0/1 nodes are available: 1 cannot allocate all claims."
    assert summarize(message, {"cpu": "1"}) == "no room on the one node: 1 has too few free devices for its claims"
    assert lacks(message, "amd.com/gpu")
    assert lacks("0/1 nodes are available: 1 Insufficient amd.com/gpu.", "amd.com/gpu")
    assert not lacks("0/1 nodes are available: 1 Insufficient cpu.", "amd.com/gpu")


PARTS = st.lists(
    st.sampled_from(["Insufficient amd.com/gpu", "node(s) had untolerated taint {a: b}", "Too many pods", "new words"]),
    min_size=1,
    max_size=4,
    unique=True,
)


@given(PARTS, st.randoms(use_true_random=False))
def test_the_order_of_the_parts_makes_no_difference(parts, random):
    groups = [f"{count} {words}" for count, words in enumerate(parts, 1)]
    said = summarize(f"0/9 nodes are available: {', '.join(groups)}.", ASKED)
    random.shuffle(groups)
    assert summarize(f"0/9 nodes are available: {', '.join(groups)}. preemption: x", ASKED) == said


@given(st.text(max_size=2000))
def test_any_message_becomes_one_line_that_can_be_read(message):
    said = summarize(message, ASKED)
    assert len(said) <= 300
    assert "\n" not in said


@pytest.mark.parametrize(
    ("message", "waits"),
    [
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found", True),
        ('0/3 nodes are available: persistentvolumeclaim "chat" not found.', True),
        ('persistentvolumeclaim "chat" bound to non-existent persistentvolume "pv"', True),
        ('running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded', True),
        ('running PreBind plugin "VolumeBinding": binding volumes: timed out waiting for the condition', True),
        ("0/3 nodes are available: 3 Insufficient cpu.", False),
    ],
)
def test_a_pod_that_waits_for_its_claim(message, waits):
    assert claim_pending(message) is waits
