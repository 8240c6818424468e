"""How many Events are sent: limits for each object and for all, of which warnings may use more than the rest."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

OBJECT_BURST, OBJECT_SECONDS = 10, 60.0
"""Events of one object at once, and the seconds after which it may have one more."""
TOTAL_BURST, TOTAL_SECONDS = 50, 0.5
"""The same for all objects of a process: what is dropped is in the statuses all the same."""
RESERVED_FOR_WARNINGS = 0.5
"""The part of each burst that is left to warnings."""
MAX_LIMITED_OBJECTS = 2048
"""Most objects that are remembered; one that is forgotten has its whole burst again."""
MAX_NAMES = 4096
"""Most names of sent Events that are remembered."""


@dataclass
class Bucket:
    """Tokens that come back one at a time."""

    burst: int
    seconds: float
    """Seconds in which one token comes back."""
    tokens: float
    at: float
    """When `tokens` was right."""

    def fill(self, now: float) -> float:
        """The tokens that there are now."""
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) / self.seconds)
        self.at = now
        return self.tokens


class EventLimits:
    """Which Events may be sent; for all threads of a process."""

    def __init__(self) -> None:
        self._all = Bucket(TOTAL_BURST, TOTAL_SECONDS, TOTAL_BURST, 0.0)
        self._objects: OrderedDict[str, Bucket] = OrderedDict()
        self._names: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def is_new(self, name: str) -> bool:
        """Whether this process has not had an Event of that name; it has from then on."""
        with self._lock:
            known = name in self._names
            self._names[name] = None
            self._names.move_to_end(name)
            while len(self._names) > MAX_NAMES:
                self._names.popitem(last=False)
        return not known

    def allow(self, uid: str, now: float, *, warning: bool) -> bool:
        """Takes a token of an object and of all; False where one is missing. `now` is in seconds of any clock."""
        with self._lock:
            bucket = self._objects.pop(uid, None) or Bucket(OBJECT_BURST, OBJECT_SECONDS, OBJECT_BURST, now)
            self._objects[uid] = bucket
            while len(self._objects) > MAX_LIMITED_OBJECTS:
                self._objects.popitem(last=False)
            buckets = (self._all, bucket)
            if any(one.fill(now) < (1 if warning else 1 + RESERVED_FOR_WARNINGS * one.burst) for one in buckets):
                return False
            for one in buckets:
                one.tokens -= 1
        return True
