"""Nothing is used by name before it is observed as this cache's own: an object of that name may be another's.

Metacontroller sends the children that the cache owns, and no others.
"""

from collections.abc import Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.protocol.observed import Children, find_child, kind_key

CLAIM, REPORTS, ACCOUNT = "PersistentVolumeClaim", "ConfigMap", "ServiceAccount"
USED_KINDS = {
    "Role": (REPORTS,),
    "RoleBinding": (ACCOUNT, "Role"),
    "Job": (REPORTS, ACCOUNT, CLAIM),
    "CronJob": (REPORTS, ACCOUNT, CLAIM),
}
"""The kinds of children that a child uses by name. A cache has one of each of these, but for a claim of the user's."""


def without_foreign_names(desired: Sequence[Raw], observed: Children) -> Iterator[Raw]:
    """The desired children, without those that would use what is not observed.

    What is there already stays, except where it would use a volume that is not the cache's: its Jobs go, and its
    CronJob is suspended.
    """
    missing = {child["kind"] for child in desired if not _found(observed, child)}
    for child in desired:
        lacking = missing.intersection(USED_KINDS.get(child["kind"], ()))
        there = bool(lacking) and _found(observed, child)
        if not lacking or (there and CLAIM not in lacking):
            yield child
        elif there and child["kind"] == "CronJob":
            yield {**child, "spec": {**child["spec"], "suspend": True}}


def _found(observed: Children, child: Raw) -> bool:
    return find_child(observed, kind_key(child), child["metadata"]["name"]) is not None
