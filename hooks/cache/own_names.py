"""Nothing is used by name before it is observed as this cache's own: an object of that name may be another's.

Metacontroller sends the children that the cache owns, and no others.
"""

from collections.abc import Iterable, Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.protocol.last_applied import kept_child
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
        if not lacking or (child["kind"] not in missing and CLAIM not in lacking):
            yield child
        elif child["kind"] == "CronJob" and _found(observed, child):
            yield {**child, "spec": {**child["spec"], "suspend": True}}


def _found(observed: Children, child: Raw) -> bool:
    return find_child(observed, kind_key(child), child["metadata"]["name"]) is not None


def former_claims(desired: Iterable[Raw], claims: Iterable[Raw]) -> list[Raw]:
    """The observed claims that are not desired, as they were last applied: a cache deletes no volume of its own."""
    names = {child["metadata"]["name"] for child in desired if child["kind"] == CLAIM}
    return [kept_child(one) for one in claims if one["metadata"]["name"] not in names]


def former_claim_warning(claim: Raw) -> str:
    """The warning about a former claim."""
    name = f"PersistentVolumeClaim {claim['metadata']['name']}"
    return f"{name} is not used any more, and stays since it may have models; delete it once nobody needs them"
