"""The labels of an endpoint's children, and those that select its pods."""

from aimlib.naming import ENDPOINT_LABEL, FIRST_TRACK, track_value

NAME_LABEL, INSTANCE_LABEL = "app.kubernetes.io/name", "app.kubernetes.io/instance"


def pod_selector(endpoint: str, track: str = FIRST_TRACK) -> dict[str, str]:
    """The labels that select the pods of a track. They never change: a Deployment's selector is immutable."""
    return {ENDPOINT_LABEL: track_value(endpoint, track)}
