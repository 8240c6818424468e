"""How long replicas take to start: what an autoscaler waits for."""

from typing import Annotated

from pydantic import Field

from aimlib.api.base import FilledText, Model, ObjectName, Timestamp

MOST_STARTS = 10
"""Starts that a status keeps."""
LONGEST_START = 10**8
"""Seconds; three years."""
StartSeconds = Annotated[int, Field(ge=0, le=LONGEST_START)]


class StartupParts(Model):
    """What a start is made of, in seconds; a part that the kubelet did not report is absent, and in the next one."""

    scheduling: StartSeconds | None = None
    """From the creation of the pod until it has a node: free GPUs, or a node that comes."""
    volume: StartSeconds | None = None
    """Until its volumes are mounted and its network is set up."""
    image: StartSeconds | None = None
    """Until the engine's container runs: its image is pulled."""
    load: StartSeconds | None = None
    """Until the replica is ready: the model is read, compiled for and warmed up."""


class StartedReplica(Model):
    """One start that succeeded."""

    pod: FilledText
    """Digest of the pod's UID."""
    ready_at: Timestamp
    """When it became ready."""
    parts: StartupParts
    """What it was made of."""

    @property
    def seconds(self) -> int:
        """From the creation of the pod until it was ready."""
        return sum(self.parts.wire().values())


class Startup(Model):
    """The last starts of replicas, whichever version they were of."""

    p50_seconds: StartSeconds
    """Half of the starts took at most so long, in seconds."""
    p90_seconds: StartSeconds
    """Nine in ten took at most so long."""
    count: int
    """Number of starts that this is computed from, the last ten at most."""
    parts: StartupParts
    """The median of each part, in seconds."""
    node: ObjectName | None = None
    """Node of the last of them. An endpoint that has stopped by itself rather starts there again."""
    last: Annotated[tuple[StartedReplica, ...], Field(max_length=MOST_STARTS)] = ()
    """The starts, the last one last."""
