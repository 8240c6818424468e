"""The error of an endpoint that is not there, with what may have been meant."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.selection.near_names import meant
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError


class AbsentEndpointError(CommandError):
    """A namespace has no AIMEndpoint of a name; the message tells what it has that is like it."""

    def __init__(self, namespace: str, name: str, there: Iterable[Raw]) -> None:
        names = [one["metadata"]["name"] for one in there]
        hint = "`aim status` lists those that it has" if names else "it has none, and `aim run MODEL` makes one"
        text = f"namespace {namespace} has no AIMEndpoint {name}; {meant(name, names) or hint}"
        super().__init__(text, CLUSTER_ERROR_CODE)
