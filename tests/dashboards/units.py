"""Numbers with their units, as Grafana writes them."""

import math
from collections.abc import Callable, Sequence

Scale = Sequence[tuple[float, str]]
"""From the largest: what a number is divided by, and the unit then."""
PLAIN: Scale = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"), (0, ""))
BINARY: Scale = ((2**40, " TiB"), (2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB"), (0, " B"))
RATE: Scale = tuple((size, f"{name}/s") for size, name in BINARY)
SECONDS: Scale = ((3600, " hours"), (60, " mins"), (1, " s"), (1e-3, " ms"), (0, " µs"))
LONG: Scale = ((86400, " days"), (3600, " hours"), (60, " minutes"), (0, " seconds"))


def _digits(value: float) -> str:
    """Three significant digits at most, and none behind the point from a hundred on."""
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(places, 3)}f}".rstrip("0").rstrip(".") if places else f"{value:.0f}"


def _scaled(scale: Scale) -> Callable[[float], str]:
    def said(value: float) -> str:
        size, name = next(one for one in scale if abs(value) >= one[0] or not one[0])
        return _digits(value / (size or (1e-6 if name == " µs" else 1))) + name

    return said


UNITS: dict[str, Callable[[float], str]] = {
    "none": _digits,
    "short": _scaled(PLAIN),
    "reqps": lambda value: f"{_scaled(PLAIN)(value)} req/s",
    "percentunit": lambda value: f"{_digits(value * 100)}%",
    "s": lambda value: "0 s" if value == 0 else _scaled(SECONDS)(value),
    "dtdurations": _scaled(LONG),
    "bytes": _scaled(BINARY),
    "binBps": _scaled(RATE),
}

WHOLE = {"bytes": BINARY, "binBps": BINARY, "s": SECONDS}
"""Units that are not counted in tens."""


def said(value: float, unit: str) -> str:
    """A value in words: `1.5 K`, `93%`, `2.5 mins`."""
    return "none" if math.isnan(value) else UNITS[unit](value)


def ticks(largest: float, unit: str, count: int = 4) -> list[float]:
    """Values from 0 to beyond the largest, about so many, that are round in the unit that they are written in."""
    if largest <= 0 or math.isnan(largest):
        return [0, 1]
    sizes = [size for size, _ in WHOLE.get(unit, ()) if 1 <= size <= largest] or [1]
    step = _round(largest / sizes[0] / count) * sizes[0]
    step = max(round(step), 1) if unit == "none" else step
    found = [0.0]
    while found[-1] < largest * 0.999:
        found.append(found[-1] + step)
    return found


def _round(raw: float) -> float:
    """The next of 1, 2, 2.5, 5 and their tenfolds."""
    power = 10 ** math.floor(math.log10(raw))
    return next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= raw * 0.999)
