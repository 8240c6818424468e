"""Which node would help a pod that has none: its labels and devices, as templates of node pools state them.

The labels are what the pod's node selector and node affinity require, written as `kubectl get nodes -l` takes them.
What a node must not have is left out: a new one does not have it.
"""

import re
from collections.abc import Iterator, Mapping

from aimlib.api.meta import Raw

MOST_TERMS, MOST_VALUES = 3, 8
"""Alternatives, and values of a label, that are named."""
NEW_NODE_HELPS = re.compile(
    r"Insufficient |cannot allocate all claims|didn't match Pod's node affinity/selector|had untolerated taint"
)
"""Reasons of the scheduler that another node does not share."""


def helpful_node(spec: Raw, requests: Mapping[str, str], message: str) -> str:
    """The node that would help, in words; empty where nothing is known of it, or the scheduler wants something else."""
    if not NEW_NODE_HELPS.search(message):
        return ""
    stated = [f"{key}={value}" for key, value in sorted((spec.get("nodeSelector") or {}).items())]
    found = list(dict.fromkeys(", ".join((*stated, *_labels(term))) for term in _terms(spec)))
    alternatives = [one for one in found if one][:MOST_TERMS]
    if not alternatives:
        return ""
    devices = [f"{amount} {name}" for name, amount in sorted(requests.items()) if "/" in name]
    labels = ", or ".join(alternatives)
    return f"what helps is a node with {' and '.join((*devices, f'the labels {labels}'))}"


def _terms(spec: Raw) -> list[Raw]:
    """The terms of the required node affinity, any of which does; one that requires nothing without any."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return list(required.get("nodeSelectorTerms") or [{}])


def _labels(term: Raw) -> Iterator[str]:
    for one in term.get("matchExpressions") or ():
        values = [str(value) for value in (one.get("values") or ())[:MOST_VALUES]]
        if one.get("operator") == "Exists":
            yield str(one["key"])
        elif one.get("operator") == "In":
            yield f"{one['key']}={values[0]}" if len(values) == 1 else f"{one['key']} in ({', '.join(values)})"
