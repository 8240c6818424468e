"""Where the files of a model are that pods load, if not in a repository that they find themselves."""

from typing import NamedTuple

from aimlib.api.source import SourceAccess


class Download(NamedTuple):
    """What a cache of the endpoint's own downloads."""

    source: str
    access: SourceAccess | None


class MountedImage(NamedTuple):
    """The image of a model, which pods mount."""

    reference: str
    """With its digest; empty while that is not known."""
    folder: str
