"""Which node would help: what the pod requires of labels, and nothing where that is not the question."""

import pytest

from aimlib.diagnosis.helpful_node import MOST_TERMS, MOST_VALUES, helpful_node

FULL = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
REQUESTS = {"cpu": "8", "nvidia.com/gpu": "4"}


def affine(*terms):
    required = {"nodeSelectorTerms": [{"matchExpressions": list(term)} for term in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def among(key, *values):
    return {"key": key, "operator": "In", "values": list(values)}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            affine([among("nvidia.com/gpu.product", "H200")]),
            "4 nvidia.com/gpu and the labels nvidia.com/gpu.product=H200",
        ),
        (
            affine([among("a", "1")], [among("b", "2", "3"), {"key": "c", "operator": "Exists"}]),
            "4 nvidia.com/gpu and the labels a=1, or b in (2, 3), c",
        ),
        ({"nodeSelector": {"pool": "x"}}, "4 nvidia.com/gpu and the labels pool=x"),
    ],
)
def test_it_has_the_labels_and_the_devices(spec, words):
    assert helpful_node(spec, REQUESTS, FULL) == f"what helps is a node with {words}"


@pytest.mark.parametrize("spec", [{}, affine([{"key": "a", "operator": "NotIn", "values": ["1"]}])])
def test_without_labels_it_is_not_said(spec):
    assert helpful_node(spec, REQUESTS, FULL) == ""


def test_a_node_does_not_help_where_something_else_is_in_the_way():
    spec = affine([among("a", "1")])
    assert helpful_node(spec, {}, "0/3 nodes are available: 3 node(s) had volume node affinity conflict.") == ""
    assert helpful_node(spec, {}, FULL) == "what helps is a node with the labels a=1"


def test_what_is_named_is_bounded():
    spec = affine(*([among(f"k{at}", *map(str, range(50)))] for at in range(20)))
    found = helpful_node(spec, {}, FULL)
    assert found.count(" in (") == MOST_TERMS
    assert found.count(", ") == MOST_TERMS * (MOST_VALUES - 1) + MOST_TERMS - 1
