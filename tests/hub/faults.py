"""What can be wrong with a hub and the way to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Literal

Place = Literal["api", "files", "cdn"]


@dataclass
class Fault:
    """One fault, or several that come together: those of an answer as a whole, and those of its body."""

    on: Literal["api", "files", "cdn", "all"] = "files"
    """What it befalls: requests for metadata; for files, those to the second host included; or only the latter."""
    path: str = "*"
    """A pattern of the file's path in its model, or of the path of the request for metadata."""
    times: int | None = None
    """How many requests it befalls; None: all."""

    status: int | None = None
    """The answer is this status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The answer has these headers, such as Retry-After."""

    rate: float | None = None
    """Bytes per second of each connection."""
    stall: float = 0
    """Seconds of silence once `after` bytes of the body were sent."""
    cut: bool = False
    """The connection ends after `after` bytes of the body."""
    reset: bool = False
    """The connection is reset after `after` bytes of the body."""
    after: int = 0
    corrupt: bool = False
    """The first byte of the body is another one."""
    whole: bool = False
    """Range is ignored: the answer is 200 with all bytes."""
    unranged: bool = False
    """A range comes without Content-Range."""
    expiry: float | None = None
    """Seconds for which the addresses at the second host are good."""

    def befalls(self, place: Place, path: str) -> bool:
        """Whether it is meant for such a request, and not used up."""
        places = {"files": ("files", "cdn"), "all": ("api", "files", "cdn")}.get(self.on, (self.on,))
        return place in places and fnmatch(path, self.path) and self.times != 0

    def use(self) -> "Fault":
        """Itself, used once more."""
        if self.times is not None:
            self.times -= 1
        return self


NONE = Fault()
"""Nothing is wrong."""
