"""The time of the simulated cluster: it comes out of the past faster than time goes by, and then goes with it."""

import time


class Clock:
    """Seconds from the moment that the cluster was made; less than nothing in its past."""

    def __init__(self, past: float) -> None:
        self.now, self.made = -past, time.monotonic()

    def advance(self, seconds: float) -> float:
        """The seconds that really went by: making up a long past takes a while, which must not be lost."""
        went = max(time.monotonic() - self.made - self.now, seconds) if self.now + seconds > 0 else seconds
        self.now += went
        return went
