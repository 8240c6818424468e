"""How fast a download is, and how long it takes still, from what statuses say of it one after the other."""

import re

from aimlib.caching.byte_sizes import UNITS, format_bytes
from aimlib.kube.duration import format_duration

_UNIT = "|".join(UNITS)
DOWNLOADED = re.compile(rf"(\d+(?:\.\d)?)(?: ({_UNIT}))? of (\d+(?:\.\d)?) ({_UNIT}) \(\d+ %\)")
"""Progress as `format_progress` has it: `12.3 of 61 GiB (20 %)`, or `512 MiB of 61 GiB (0 %)`."""


class DownloadRate:
    """The rate of a download since it was first seen."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def text(self, message: str, now: float) -> str:
        """Rate and time left, to go on after a message; nothing before two of them tell, or without progress."""
        found = DOWNLOADED.search(message)
        if found is None:
            self._first = None
            return ""
        done, total = _bytes(found[1], found[2] or found[4]), _bytes(found[3], found[4])
        if self._first is None or done < self._first[1]:
            self._first = now, done
            return ""
        began, before = self._first
        if now <= began or done <= before:
            return ""
        rate = (done - before) / (now - began)
        return f", {format_bytes(int(rate))}/s, about {format_duration((total - done) / rate)} left"


def _bytes(number: str, unit: str) -> float:
    return float(number) * float(1024 ** UNITS.index(unit))
