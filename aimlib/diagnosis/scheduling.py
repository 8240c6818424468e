"""What kube-scheduler says of a pod that it finds no node for, in fewer words: which nodes lack what.

Its message is made in pkg/scheduler/framework/types.go (FitError): `0/5 nodes are available: 3 Insufficient
amd.com/gpu, 2 node(s) had untolerated taint {a: b}. preemption: …`, the parts in no useful order.
"""

import re
from collections.abc import Callable, Mapping

from aimlib.diagnosis.engine_errors import shortened

FIT_ERROR = re.compile(
    r"0/(?P<nodes>\d+) nodes are available: (?P<parts>.+?)\.?(?: (?:no new claims|preemption: ).*)?", re.DOTALL
)
NODE_GROUP = re.compile(r"(?P<count>\d+) (?P<words>.+)", re.DOTALL)
CLAIM_MISSING = re.compile(
    r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \S+ (?:not found|bound to)", re.IGNORECASE
)
"""A pod that waits for its volume claim."""

PodRequests = Mapping[str, str]
"""What a pod asks for, by resource."""

NODE_REASONS: tuple[tuple[str, Callable[[re.Match[str], PodRequests], str]], ...] = (
    (
        r"Insufficient (?P<what>\S+)",
        lambda found, asked: f"too little {found['what']} free{_asked(found['what'], asked)}",
    ),
    (r"Too many pods", lambda _found, _asked: "as many pods as it may have"),
    (r"node\(s\) had untolerated taint\(?s?\)? ?\{?(?P<what>[^}]*)\}?", lambda found, _: _taint(found["what"])),
    (r"node\(s\) didn't match Pod's node affinity/selector", lambda *_: "hardware or labels other than it may run on"),
    (r"node\(s\) were unschedulable", lambda *_: "been cordoned"),
    (r"node\(s\) had volume node affinity conflict", lambda *_: "no access to its volume"),
    (r"node\(s\) didn't match pod affinity rules", lambda *_: "none of the pods that it must be together with"),
    (r"node\(s\) (?P<what>.*)", lambda found, _: f"this objection: {found['what']}"),
)
"""The scheduler's words for a group of nodes, and what such a node has, in ours; the first that matches applies."""


def claim_pending(message: str) -> bool:
    """Whether the pod waits for a claim, and not for a node."""
    return bool(CLAIM_MISSING.search(message))


def summarize(message: str, asked: PodRequests) -> str:
    """The scheduler's message in a sentence; its own words where they have another form."""
    whole = FIT_ERROR.fullmatch(message.strip())
    parts = [NODE_GROUP.fullmatch(part) for part in re.split(r", (?=\d+ )", whole["parts"])] if whole else []
    groups = [(int(part["count"]), _worded(part["words"], asked)) for part in parts if part]
    if whole is None or len(groups) < len(parts):
        return shortened(re.sub(r" preemption: .*", "", message, flags=re.DOTALL))
    # The most first; and always in the same order, which the scheduler does not promise.
    said = [f"{count} {'has' if count == 1 else 'have'} {words}" for count, words in sorted(groups, key=_rank)]
    nodes = "the one node" if whole["nodes"] == "1" else f"{whole['nodes']} nodes"
    return shortened(f"no room on any of {nodes}: {', '.join(said)}".replace("any of the one", "the one"))


def _rank(group: tuple[int, str]) -> tuple[int, str]:
    return -group[0], group[1]


def _worded(words: str, asked: PodRequests) -> str:
    matches = ((re.fullmatch(form, words, re.DOTALL), say) for form, say in NODE_REASONS)
    return next((say(found, asked) for found, say in matches if found), f"this objection: {words}")


def _asked(resource: str, asked: PodRequests) -> str:
    return f" ({asked[resource]} asked for)" if resource in asked else ""


def _taint(what: str) -> str:
    return f"the taint {what.strip().rstrip(':')}" if what.strip() else "a taint"
