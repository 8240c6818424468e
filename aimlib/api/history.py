"""What an endpoint ran before, so that it can return to it."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import MessageText, Model, Text, Timestamp
from aimlib.api.resolved import Resolved


class HistoryEntry(Model):
    """One version of an endpoint: a configuration, and what the spec stated about its pods."""

    number: Annotated[int, Field(ge=1)]
    """By which the annotation aim.engine.amd.com/rollback names it."""
    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Digest of the pods' template."""
    since: Timestamp
    """When it was first requested."""
    until: Timestamp | None = None
    """When another took its place; absent while it is the present one."""
    why: Text
    """What brought it."""
    ready: bool = False
    """Whether all its replicas have been ready at once."""
    outcome: Literal["Replaced", "Failed", "Aborted"] | None = None
    """How it ended."""
    message: Text = ""
    """Why it failed."""
    stated: Annotated[str, Field(max_length=16384)] = ""
    """What the spec stated about its pods, as JSON."""
    resolved: Resolved | None = None
    """Its configuration; that of the present version is status.resolved."""


class Rollback(Model):
    """That an earlier version runs although the spec requests another."""

    number: Annotated[int, Field(ge=1)]
    """The version in status.history that was returned to."""
    by: Literal["Annotation", "Failure"]
    """Annotation: somebody requested it. Failure: what the spec requests has failed."""
    requested: Annotated[str, Field(min_length=1, max_length=64)]
    """Digest of what the spec stated then; the rollback ends when that changes."""
    failed: Annotated[str, Field(max_length=64)] | None = None
    """Digest of the configuration that has failed and is not tried again."""
    message: MessageText
    """Why."""
