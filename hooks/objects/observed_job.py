"""A Job as it is observed."""

from collections.abc import Iterable
from typing import NamedTuple

from aimlib.api.meta import Raw


class ObservedJob(NamedTuple):
    """An observed Job; `exists` is False where there is none."""

    name: str
    exists: bool = False
    complete: bool = False
    failed: str | None = None
    """The message of the Job controller, once the Job has failed for good."""


def observed_job(jobs: Iterable[Raw], name: str) -> ObservedJob:
    """The one of these Jobs that has the name; one that is being deleted counts as gone."""
    found = next((one for one in jobs if one["metadata"]["name"] == name), None)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return ObservedJob(name)
    true = {
        condition["type"]: condition
        for condition in (found.get("status") or {}).get("conditions") or ()
        if condition["status"] == "True"
    }
    failed = true.get("Failed")
    return ObservedJob(
        name, True, "Complete" in true, failed and (failed.get("message") or failed.get("reason") or "it failed")
    )
