"""What of a queue's quota is used, and what that means for an endpoint that is to wait in it."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.quantity import parse_quantity


class QueueQuota(NamedTuple):
    """A queue's quotas, all flavors together."""

    nominal: Mapping[str, Fraction]
    """By resource; one that is not here is not covered."""
    reserved: Mapping[str, Fraction]
    """What workloads have reserved of it, by resource."""
    borrows: bool = False
    """Whether it is in a cohort, of which it may borrow."""
    missing: str = ""
    """The queue that is not there, such as `LocalQueue team-a`."""


def read_quota(cluster_queue: Raw) -> QueueQuota:
    """The quotas of a ClusterQueue of Kueue, v1beta2; InvalidQuantityError where an amount is none."""
    spec, status = cluster_queue.get("spec") or {}, cluster_queue.get("status") or {}
    flavors = (flavor for group in spec.get("resourceGroups") or () for flavor in group.get("flavors") or ())
    return QueueQuota(
        nominal=_added(flavors, "nominalQuota"),
        reserved=_added(status.get("flavorsReservation") or (), "total"),
        borrows=bool(spec.get("cohortName")),
    )


def _added(flavors: Iterable[Raw], field: str) -> dict[str, Fraction]:
    amounts: dict[str, Fraction] = {}
    for flavor in flavors:
        for one in flavor.get("resources") or ():
            amounts[one["name"]] = amounts.get(one["name"], Fraction(0)) + parse_quantity(str(one.get(field, 0)))
    return amounts


def quota_warning(queue: str, quota: QueueQuota, resource: str, requested: int) -> str:
    """What of a queue's quota is lacking for devices that are requested; empty where there is room."""
    if quota.missing:
        return f"there is no {quota.missing}: pods of the queue {queue} wait until there is"
    if resource not in quota.nominal:
        return f"the queue {queue} has no quota for {resource}: it admits no pod that requests some"
    used, nominal = (round(float(part.get(resource, 0))) for part in (quota.reserved, quota.nominal))
    if used + requested <= nominal:
        return ""
    lends = ", or its cohort lends some" * quota.borrows
    return (
        f"the queue {queue} has {used} of {nominal} {resource} in use, and {requested} "
        f"{'is' if requested == 1 else 'are'} requested: pods wait until there is room{lends}"
    )
