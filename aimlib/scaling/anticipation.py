"""How long ago the load was that is to come while a replica starts: a period less the start-up time."""

from aimlib.scaling.policies import PERIODS
from aimlib.scaling.traffic import STEP_SECONDS

USUAL_STARTUP_SECONDS = 600
"""Of a replica that nobody has seen start."""
ROUNDED_SECONDS = (60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400)
"""What a start-up time is rounded up to, so that an autoscaler is not rewritten with each start."""
FITS = (0.4, 1.2)
"""Parts of a rounded time between which what is measured leaves it as it is; what was just rounded is well within."""


def rounded_startup(measured: int | None, former: int | None) -> int:
    """The start-up time in seconds to count on: the former one while it fits, else what is measured, rounded up."""
    if measured is None:
        return former if former in ROUNDED_SECONDS else USUAL_STARTUP_SECONDS
    low, high = FITS
    if former in ROUNDED_SECONDS and low * former <= measured <= high * former:
        return former
    return next((one for one in ROUNDED_SECONDS if measured <= one), ROUNDED_SECONDS[-1])


def offset_seconds(period: str, startup_seconds: int) -> int:
    """How long ago the load was, in seconds; `period` is a key of PERIODS."""
    return PERIODS[period] * STEP_SECONDS - startup_seconds
