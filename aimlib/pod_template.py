"""The versions of an endpoint's pod template: one is pinned with the selection, so that a better one restarts nothing.

A builder states since which version it sets a field (`Owner.since`); what it sets without that is of every version.
"""

BRINGS = {
    2: "the addresses of other Services stay out of the environment, requests under way end before a replica is "
    "replaced, any user id has a home and caches, and nodes are matched by fewer terms",
}
"""What each version brings; the first is that of statuses without a version."""

FIRST = 1
NEWEST = max(BRINGS)


def rendered(pinned: int | None) -> int:
    """The version that is rendered for a pinned one; one of a later release is rendered as the newest of this one."""
    return min(pinned or FIRST, NEWEST)


def what_is_new(version: int) -> str:
    """What the newest version brings to one of an earlier version."""
    return "; ".join(text for number, text in BRINGS.items() if number > version)
