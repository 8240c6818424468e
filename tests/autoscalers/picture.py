"""The picture of a replayed trace as SVG: load, replicas, queue and time to first token, one below the other."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import yaml

from tests.docs.picture import FONT, PALETTES, Palette
from tests.files import TESTDATA

SOURCE = TESTDATA / "traffic" / "replayed.yaml"
WIDTH, PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 820, 112, 42, 44, 16, 30, 66
"""Of the picture, of a panel and the room above it, and around all."""
INNER = WIDTH - LEFT - RIGHT
MINUTE = 60


class Line(NamedTuple):
    """One series of a panel: its key in the record, what it is called, and how it is drawn."""

    key: str
    title: str
    part: str
    """Of the palette, whose border is the colour of the line."""
    steps: bool = False
    """Whether it is level until it changes, as a number of replicas is."""
    dashed: bool = False


PANELS: dict[str, tuple[Line, ...]] = {
    "Requests per second": (Line("requests", "sent", "outside"),),
    "Replicas": (
        Line("wanted", "requested by KEDA", "outside", steps=True, dashed=True),
        Line("ready", "ready", "cluster", steps=True),
    ),
    "Requests at the replicas": (Line("running", "running", "cluster"), Line("waiting", "waiting", "ours")),
    "Time to first token, seconds": (
        Line("firstTokenP50", "median", "cluster"),
        Line("firstTokenP95", "95th percentile", "ours"),
    ),
}


def picture(mode: str) -> str:
    """The SVG of one mode: the empty text for light, `-dark`."""
    record, palette = yaml.safe_load(SOURCE.read_bytes()), PALETTES[mode]
    height = TOP + len(PANELS) * (PANEL + GAP) + BOTTOM - GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="{escape(FONT)}" role="img" aria-label="{escape(_described(record))}">'
    )
    shapes = [
        shape
        for number, (title, lines) in enumerate(PANELS.items())
        for shape in _panel(title, lines, record, palette, TOP + number * (PANEL + GAP))
    ]
    return "\n".join((head, *shapes, *_foot(record, palette, height - BOTTOM), "</svg>")) + "\n"


def _described(record: dict[str, Any]) -> str:
    """What is to be seen, in words."""
    ready, waiting = record["series"]["ready"], record["series"]["waiting"]
    return (
        f"Load, replicas, queue and time to first token over {_duration(record) / MINUTE:.0f} minutes: "
        f"from {ready[0]} replica to {max(ready)} and back to {ready[-1]}, with at most {max(waiting)} requests waiting"
    )


def _duration(record: dict[str, Any]) -> float:
    return len(record["series"]["ready"]) * record["stepSeconds"]


def _panel(title: str, lines: Sequence[Line], record: dict[str, Any], palette: Palette, top: int) -> Iterator[str]:
    series = {line: record["series"][line.key] for line in lines}
    most = _ceiling(max(value for values in series.values() for value in values if value is not None))
    bottom = top + PANEL
    yield _text(title, (LEFT, top - 10), palette.text, anchor="start", weight=600)
    for part in (0, 0.5, 1):
        level = bottom - part * PANEL
        yield f'<path d="M{LEFT} {level:g}H{WIDTH - RIGHT}" stroke="{palette.faint}" stroke-opacity="0.3"/>'
        yield _text(f"{part * most:g}", (LEFT - 6, level + 4), palette.faint, anchor="end")
    right = WIDTH - RIGHT
    end = LEFT + INNER * record["about"]["loadSeconds"] / _duration(record)
    yield f'<path d="M{end:.1f} {top}V{bottom}" stroke="{palette.faint}" stroke-dasharray="2 4"/>'
    for line in reversed(lines):
        colour = palette.parts[line.part][1]
        yield _text(line.title, (right, top - 10), colour, anchor="end")
        right -= 8 * len(line.title) + 18
    for line, values in series.items():
        colour, dashes = palette.parts[line.part][1], ' stroke-dasharray="4 3"' if line.dashed else ""
        path = _path(values, most, bottom, steps=line.steps)
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'


def _path(values: Sequence[float | None], most: float, bottom: int, *, steps: bool) -> str:
    """A line through the values, each at the end of its step; it is broken where there are none."""
    found, before = [], None
    for number, value in enumerate(values):
        if value is not None:
            x, y = LEFT + INNER * (number + 1) / len(values), bottom - PANEL * value / most
            word = f"M{x:.1f} {y:.1f}" if before is None else f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}"
            found.append(word)
        before = value
    return "".join(found)


def _ceiling(value: float) -> float:
    """The end of an axis: at least the value, and a number that halves well."""
    size = 1.0
    while True:
        for factor in (1, 2, 4, 6, 8):
            if factor * size >= value:
                return factor * size
        size *= 10


def _foot(record: dict[str, Any], palette: Palette, bottom: int) -> Iterator[str]:
    """The minutes, until when there was load, and on what it was measured."""
    duration, about = _duration(record), record["about"]
    for minute in range(int(duration / MINUTE) + 1):
        x = LEFT + INNER * minute * MINUTE / duration
        yield _text(f"{minute}" if minute else "0 min", (x, bottom + 18), palette.faint)
    end = LEFT + INNER * about["loadSeconds"] / duration
    yield _text("the load ends", (end - 6, TOP + 14), palette.faint, anchor="end")
    words = (
        f"{about['traceHours']:g} hours of ServeGen's m-small in {about['loadSeconds'] / MINUTE:g} minutes: "
        f"{about['requests']:,} requests to simulated engines through a gateway."
    )
    yield _text(words, (LEFT, bottom + 38), palette.faint, anchor="start")
    words = f"KEDA {about['keda']}, Prometheus and Envoy on one machine: {about['machine']}; {about['date']}."
    yield _text(words, (LEFT, bottom + 54), palette.faint, anchor="start")


def _text(text: str, place: tuple[float, float], colour: str, *, anchor: str = "middle", weight: int = 400) -> str:
    where = f'x="{place[0]:.4g}" y="{place[1]:.4g}" text-anchor="{anchor}" font-size="12" font-weight="{weight}"'
    return f'<text {where} fill="{colour}">{escape(text)}</text>'
