"""What a status has of the files of a model that nobody described: how far they are read, and what was found."""

from typing import Literal

from aimlib.api.base import MessageText, Model, ModelId, Text, Timestamp
from aimlib.api.model_facts import ModelFacts


class Inspection(Model):
    """What a Job reads of a model's files, without their weights."""

    repository: ModelId
    """The repository whose files are read."""
    revision: Text
    """The branch, tag or commit that is read."""
    source: Text | None = None
    """Where the files are, if not in a repository of a hub."""
    state: Literal["Waiting", "Reading", "Found", "Failed"]
    """Waiting: for the Job, or for its next attempt. Reading. Found: facts has what was found. Failed, with reason."""
    job: Text | None = None
    """Name of the Job that reads, while there is one."""
    progress: Text | None = None
    """How many of the files are read."""
    reason: Text | None = None
    """Why it failed, in one CamelCase word."""
    message: MessageText | None = None
    """Why it failed and what to do, or what it waits for."""
    commit: Text | None = None
    """The commit that the facts are from; it is not read again. Of a source without commits, a digest of the list of
    its files, each with its size and version."""
    found_at: Timestamp | None = None
    """When the facts were found."""
    remote_code: bool | None = None
    """Whether the files name code of their own, which is never run for what is derived."""
    facts: ModelFacts | None = None
    """What was found."""
