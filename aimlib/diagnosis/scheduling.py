"""Summarizes kube-scheduler's message about a pod that fits on no node: which nodes lack what.

Its message is made in pkg/scheduler/framework/types.go (FitError): `0/5 nodes are available: 3 Insufficient
amd.com/gpu, 2 node(s) had untolerated taint {a: b}. preemption: …`, the parts in no useful order.
"""

import re
from collections.abc import Callable, Mapping

from aimlib.diagnosis.engine_errors import READ_LENGTH, shortened
from aimlib.diagnosis.log_lines import one_line

FIT_ERROR = re.compile(
    r"0/(?P<nodes>\d+) nodes are available: (?P<parts>.+?)\.?(?: (?:no new claims|still not |preemption: ).*)?",
    re.DOTALL,
)
NODE_GROUP = re.compile(r"(?P<count>\d{1,9}) (?P<reason>.+)", re.DOTALL)
CLAIM_GRACE_SECONDS = 60
"""How long a PersistentVolumeClaim may be unbound before it is reported: provisioning a volume takes its time."""
CLAIM_MISSING = re.compile(
    r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \S+ (?:not found|bound to)"
    r'|plugin "VolumeBinding": binding volumes: ',
    re.IGNORECASE,
)
"""Matches the message about a pod that waits for a PersistentVolumeClaim."""

PodRequests = Mapping[str, str]
"""The requests of a pod, by resource."""

CLAIMS_NOT_ALLOCATED = "cannot allocate all claims"
"""The scheduler's reason for nodes whose devices a DRA driver gives out (plugins/dynamicresources), with or without a
ResourceClaim that users see: an extended resource of a DeviceClass becomes one, too. No pod is preempted for it.
"""

NODE_REASONS: tuple[tuple[str, Callable[[re.Match[str], PodRequests], str]], ...] = (
    (
        r"Insufficient (?P<what>\S+)",
        lambda found, requests: f"too little free {found['what']}{_requested(found['what'], requests)}",
    ),
    (CLAIMS_NOT_ALLOCATED, lambda _, requests: f"too few free devices for its claims{_devices(requests)}"),
    (r"Too many pods", lambda *_: "reached the maximum number of pods"),
    (r"node\(s\) had untolerated taint\(?s?\)? ?\{?(?P<what>[^}]*)\}?", lambda found, _: _taint(found["what"])),
    (r"node\(s\) didn't match Pod's node affinity/selector", lambda *_: "other hardware or labels than required"),
    (r"node\(s\) didn't satisfy plugin\(s\) \[NodeAffinity\]", lambda *_: "other hardware or labels than required"),
    (r"node\(s\) were unschedulable", lambda *_: "been cordoned"),
    (
        r"node\(s\) (?:had volume node affinity conflict|didn't match PersistentVolume's node affinity)",
        lambda *_: "no access to the pod's volume",
    ),
    (r"node\(s\) didn't find available persistent volumes to bind", lambda *_: "no volume for the pod's claim"),
    (r"node\(s\) did not have enough free storage", lambda *_: "too little free storage for the pod's claim"),
    (r"node\(s\) exceed max volume count", lambda *_: "as many volumes as a node can attach"),
    (
        r"node\(s\) unavailable due to .*pvc\(s\) bound to non-existent pv\(s\)",
        lambda *_: "no access to the volume of a claim, which does not exist any more",
    ),
    (
        r"node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
        lambda *_: "to wait for the pod that has the same claim, which one pod mounts at a time (ReadWriteOncePod)",
    ),
    (
        r"node\(s\) didn't match pod topology spread constraints \(missing required label\)",
        lambda *_: "no label for the zone or node that replicas are spread over",
    ),
    (
        r"node\(s\) didn't match pod topology spread constraints",
        lambda *_: "as many of the replicas as an even spread allows",
    ),
    (r"node\(s\) didn't match pod affinity rules", lambda *_: "none of the pods that its affinity requires"),
    (r"node\(s\) (?P<what>.*)", lambda found, _: f"this problem: {found['what']}"),
)
"""The scheduler's reason for a group of nodes, and a plainer text; the first that matches applies."""


def claim_pending(message: str) -> bool:
    """Whether the pod waits for a PersistentVolumeClaim, and not for a node."""
    return bool(CLAIM_MISSING.search(message))


def lacks(message: str, resource: str) -> bool:
    """Whether the scheduler found nodes that would do, were more of a resource free on them."""
    whole = FIT_ERROR.fullmatch(one_line(message[:READ_LENGTH]))
    parts = re.split(r", (?=\d+ )", whole["parts"]) if whole else []
    more = rf"\d+ (Insufficient {re.escape(resource)}|{CLAIMS_NOT_ALLOCATED})"
    return any(re.fullmatch(more, part) for part in parts)


def summarize(message: str, requests: PodRequests) -> str:
    """A summary of the scheduler's message; the message itself where its format is unknown."""
    message = one_line(message[:READ_LENGTH])
    whole = FIT_ERROR.fullmatch(message)
    parts = [NODE_GROUP.fullmatch(part) for part in re.split(r", (?=\d+ )", whole["parts"])] if whole else []
    groups = [(int(part["count"]), _text(part["reason"], requests)) for part in parts if part]
    if whole is None or len(groups) < len(parts):
        # What counts no nodes is about the pod: the scheduler looks at none.
        return shortened(f"the scheduler tries no node: {whole['parts']}" if whole else message)
    # Largest group first, in a stable order, which the scheduler does not guarantee.
    texts = [f"{count} {'has' if count == 1 else 'have'} {text}" for count, text in sorted(groups, key=_rank)]
    nodes = "the one node" if whole["nodes"] == "1" else f"{whole['nodes']} nodes"
    return shortened(f"no room on any of {nodes}: {', '.join(texts)}".replace("any of the one", "the one"))


def _rank(group: tuple[int, str]) -> tuple[int, str]:
    return -group[0], group[1]


def _text(reason: str, requests: PodRequests) -> str:
    matches = ((re.fullmatch(pattern, reason, re.DOTALL), write) for pattern, write in NODE_REASONS)
    return next((write(found, requests) for found, write in matches if found), f"this problem: {reason}")


def _requested(resource: str, requests: PodRequests) -> str:
    return f" ({requests[resource]} requested)" if resource in requests else ""


def _devices(requests: PodRequests) -> str:
    named = [f"{amount} {name}" for name, amount in sorted(requests.items()) if "/" in name]
    return f" ({', '.join(named)} requested)" if named else ""


def _taint(what: str) -> str:
    return f"the taint {what.strip().rstrip(':')}" if what.strip() else "a taint"
