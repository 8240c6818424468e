"""Recorded traffic: a load every ten minutes, such as requests per second or at once, and the same by the minute."""

import csv
import math
from collections.abc import Iterable, Sequence

from aimlib.errors import InvalidInputError

PERIOD_SECONDS, STEP_SECONDS = 600, 60
STEPS_OF_PERIOD = PERIOD_SECONDS // STEP_SECONDS
MOST_PERIODS = 60 * 144
"""Sixty days: what is asked of more takes too long, and a past so long ago tells little."""
LEAST_PERIODS = 36
LEAST_LOAD, MOST_LOAD = 1e-6, 1e12
"""Bounds of a load: less is none, and more is not computed with. What a model server says of itself may be anything."""
LONGEST_FILE = 4 << 20


class TrafficError(InvalidInputError):
    """Traffic that cannot be replayed."""


def read_traffic(text: str) -> list[float]:
    """The loads of a CSV file: of each line the last two columns that are named or found, seconds and load.

    With a head, the columns `second` and the one after it count; without, the first two. Lines are in any order.
    """
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    head = rows[0] if rows and _number(rows[0][0]) is None else None
    found: dict[float, float] = {}
    for place, row in enumerate(rows[1:] if head else rows, 2 if head else 1):
        second, load = (_number(cell) for cell in (row[0], row[1] if len(row) > 1 else ""))
        if second is None or load is None or load < 0:
            raise TrafficError(f"line {place} has no second and load: {','.join(row)[:80]!r}")
        found[second] = load
    return periods(found)


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def periods(samples: dict[float, float]) -> list[float]:
    """The mean load of each ten minutes, from samples by their second. Gaps are left out, as a system without load is.

    A recording that has stopped would else look like clients that went, and came back all at once.
    """
    if not samples:
        raise TrafficError("there is no traffic")
    groups: dict[int, list[float]] = {}
    for second, load in samples.items():
        groups.setdefault(int(second // PERIOD_SECONDS), []).append(min(load, MOST_LOAD))
    loads = [sum(group) / len(group) for _, group in sorted(groups.items())]
    found = [load for load in loads if load >= LEAST_LOAD][-MOST_PERIODS:]
    if len(found) < LEAST_PERIODS:
        raise TrafficError(
            f"a replay needs {LEAST_PERIODS} periods of ten minutes with traffic, there are {len(found)}"
        )
    return found


def by_minute(loads: Sequence[float]) -> list[float]:
    """The load of each minute, on a line between the periods; bursts within ten minutes are not in it."""
    following: Iterable[float] = (*loads[1:], loads[-1])
    pairs = zip(loads, following, strict=True)
    return [
        before + (after - before) * step / STEPS_OF_PERIOD for before, after in pairs for step in range(STEPS_OF_PERIOD)
    ]
