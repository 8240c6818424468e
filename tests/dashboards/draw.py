"""Panels as HTML and SVG: what a dashboard's panel would show of its queries' results, drawn plainly."""

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from tests.dashboards.grafana import fields
from tests.dashboards.units import said, ticks

Raw = dict[str, Any]
COLOURS = {"green": "#56a64b", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
PALETTE = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff9830", "#ca95e5", "#56d8e4", "#ffa6b0", "#96d98d", "#b877d9", "#c0d8ff")
AXIS = 62
"""Pixels for the values at a graph's left."""
LETTER = 6.3
"""Pixels of a letter in a legend."""
LEGEND_LINE = 18


class Series(NamedTuple):
    """One series of a query's result."""

    name: str
    labels: Mapping[str, str]
    ref: str
    points: Sequence[tuple[float, float]]
    """Times and values; one alone for an instant query."""

    @property
    def last(self) -> float:
        return self.points[-1][1]


class Frame(NamedTuple):
    """The place of a panel's content, in pixels, and the time that graphs show."""

    width: int
    height: int
    began: float
    ended: float


def drawn(panel: Raw, series: Sequence[Series], frame: Frame) -> str:
    """The content of a panel."""
    return KINDS[panel["type"]](panel, series, frame) if series else '<div class="none">none</div>'


def _defaults(panel: Raw) -> Raw:
    return panel["fieldConfig"]["defaults"]


def _fixed(panel: Raw) -> dict[str, str]:
    """Colours of series by their names."""
    return {
        one["matcher"]["options"]: prop["value"]["fixedColor"]
        for one in panel["fieldConfig"]["overrides"]
        for prop in one["properties"]
        if prop["id"] == "color"
    }


def _references(panel: Raw) -> set[str]:
    """Names of series that are drawn as dashed lines."""
    overrides = panel["fieldConfig"]["overrides"]
    return {
        one["matcher"]["options"] for one in overrides if any(p["id"] == "custom.lineStyle" for p in one["properties"])
    }


def _colour(panel: Raw, one: Series) -> str:
    """By the series' name where that has one, else by its last value."""
    steps = _defaults(panel)["thresholds"]["steps"]
    by_value = [step["color"] for step in steps if step.get("value") is None or one.last >= step["value"]][-1]
    name = _fixed(panel).get(one.name, by_value)
    return COLOURS.get(name, name)


def _stat(panel: Raw, series: Sequence[Series], frame: Frame) -> str:
    mode, unit = panel["options"]["textMode"], _defaults(panel)["unit"]
    found = []
    for one in series:
        text = one.name if mode == "name" else said(one.last, unit)
        size = min(34, int(frame.width / len(series) / max(len(text), 1) * 1.55))
        name = f'<div class="name">{escape(one.name)}</div>' if mode == "value_and_name" else ""
        style = f"color:{_colour(panel, one)};font-size:{size}px"
        found.append(f'<div class="one">{name}<div class="big" style="{style}">{escape(text)}</div></div>')
    return f'<div class="stat">{"".join(found)}</div>'


def _bars(panel: Raw, series: Sequence[Series], frame: Frame) -> str:
    unit, most = _defaults(panel)["unit"], _defaults(panel).get("max")
    full = most or max(one.last for one in series) or 1
    rows = []
    for one in sorted(series, key=lambda each: -each.last):
        colour, part = _colour(panel, one), min(one.last / full, 1)
        bar = f'<div class="bar"><div style="width:{part:.1%};background:{colour}"></div></div>'
        value = f'<div class="value" style="color:{colour}">{escape(said(one.last, unit))}</div>'
        rows.append(f'<div class="row"><div class="label">{escape(one.name)}</div>{bar}{value}</div>')
    fitting = max(1, frame.height // 22)
    return f'<div class="bars">{"".join(rows[:fitting])}</div>'


def _table(panel: Raw, series: Sequence[Series], frame: Frame) -> str:
    """Rows of equal labels are one row, with a column for each query."""
    titles, unit = fields(panel), _defaults(panel)["unit"]
    labels = [name for name in titles if not name.startswith("Value")]
    values = [name for name in titles if name.startswith("Value")]
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for one in series:
        row = rows.setdefault(tuple(one.labels.get(label, "") for label in labels), {})
        row[f"Value #{one.ref}" if "Value" not in values else "Value"] = one.last
    ordered = sorted(rows.items(), key=lambda row: (-row[1].get(values[0], 0) if values else 0, row[0]))
    linked = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
    head = "".join(f"<th>{escape(title)}</th>" for title in titles.values())
    body = ""
    fitting = (frame.height - 26) // 26
    kept = ordered if len(ordered) <= fitting else ordered[: fitting - 1]
    for place, found in kept:
        cells = [(titles[label], text) for label, text in zip(labels, place, strict=True)]
        texts = [f'<td class="{"link" if title in linked else ""}">{escape(text)}</td>' for title, text in cells]
        texts += [f"<td>{escape(said(found[name], unit)) if name in found else ''}</td>" for name in values]
        body += f"<tr>{''.join(texts)}</tr>"
    if len(kept) < len(ordered):
        body += f'<tr><td colspan="{len(titles)}" class="more">and {len(ordered) - len(kept)} more</td></tr>'
    return f"<table><tr>{head}</tr>{body}</table>"


def _lines(panel: Raw, series: Sequence[Series], frame: Frame) -> str:
    stacked = panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal"
    unit, fixed = _defaults(panel)["unit"], _fixed(panel)
    given = [fixed.get(one.name, PALETTE[place % len(PALETTE)]) for place, one in enumerate(series)]
    colours = [COLOURS.get(one, one) for one in given]
    legend, lines = _legend(series, colours, unit, frame.width)
    height = frame.height - lines * LEGEND_LINE - 22
    tops = _stacked(series) if stacked else [[(at, 0.0, value) for at, value in one.points] for one in series]
    largest = max((top for each in tops for _, _, top in each), default=0)
    steps = ticks(_defaults(panel).get("max") or largest, unit)

    def x(at: float) -> float:
        return AXIS + (at - frame.began) / (frame.ended - frame.began) * (frame.width - AXIS - 8)

    def y(value: float) -> float:
        return 6 + (1 - value / steps[-1]) * (height - 6)

    parts = []
    for step in steps:
        parts.append(f'<line x1="{AXIS}" x2="{frame.width}" y1="{y(step):.1f}" y2="{y(step):.1f}" class="grid"/>')
        text = escape(said(step, unit))
        parts.append(f'<text x="{AXIS - 6}" y="{y(step) + 4:.1f}" text-anchor="end">{text}</text>')
    parts += _times(frame, x, height)
    for step in _defaults(panel)["thresholds"]["steps"]:
        if step.get("value") is not None and step["value"] <= steps[-1]:
            at, colour = y(step["value"]), COLOURS[step["color"]]
            line = f'<line x1="{AXIS}" x2="{frame.width}" y1="{at:.1f}" y2="{at:.1f}" stroke="{colour}"'
            parts.append(f'{line} stroke-dasharray="7 5" opacity="0.7"/>')
    reference = _references(panel)
    for one, colour, points in zip(series, colours, tops, strict=True):
        opacity = 0.6 if stacked else 0 if one.name in reference else 0.1
        dashed = ' stroke-dasharray="6 5"' if one.name in reference else ""
        over = " ".join(f"{x(at):.1f},{y(top):.1f}" for at, _, top in points)
        under = " ".join(f"{x(at):.1f},{y(bottom):.1f}" for at, bottom, _ in reversed(points))
        parts.append(f'<polygon points="{over} {under}" fill="{colour}" opacity="{opacity}"/>')
        parts.append(f'<polyline points="{over}" fill="none" stroke="{colour}" stroke-width="1.4"{dashed}/>')
    svg = f'<svg width="{frame.width}" height="{height + 22}">{"".join(parts)}</svg>'
    return f'{svg}<div class="legend">{legend}</div>'


def _stacked(series: Sequence[Series]) -> list[list[tuple[float, float, float]]]:
    """Of each series its times, and where its part begins and ends above those before it."""
    bottoms: dict[float, float] = {}
    found = []
    for one in series:
        part = [(at, bottoms.get(at, 0.0), bottoms.get(at, 0.0) + value) for at, value in one.points]
        bottoms |= {at: top for at, _, top in part}
        found.append(part)
    return found


def _times(frame: Frame, x: Any, height: int) -> list[str]:
    """The marks below a graph."""
    hours = (frame.ended - frame.began) / 3600
    every = next(step for step in (60, 300, 600, 1800, 3600, 7200) if hours * 3600 / step <= frame.width / 75)
    at, found = frame.began - frame.began % every + every, []
    while at < frame.ended - 60 * hours:
        text = time.strftime("%H:%M", time.gmtime(at))
        found.append(f'<text x="{x(at):.1f}" y="{height + 16}" text-anchor="middle">{text}</text>')
        at += every
    return found


def _legend(series: Sequence[Series], colours: Sequence[str], unit: str, width: int) -> tuple[str, int]:
    """The names with their last values, and how many lines they take; what goes beyond four lines is counted."""
    found, lines, used = "", 1, 0.0
    for place, (one, colour) in enumerate(zip(series, colours, strict=True)):
        value = said(one.last, unit)
        needed = 30 + LETTER * (len(one.name) + len(value) + 2)
        if used + needed > width and used:
            lines, used = lines + 1, 0
        if lines > 4:
            return f"{found}<span>and {len(series) - place} more</span>", 4
        used += needed
        found += f'<span><i style="background:{colour}"></i>{escape(one.name)} <b>{escape(value)}</b></span>'
    return found, lines


KINDS = {"stat": _stat, "bargauge": _bars, "table": _table, "timeseries": _lines}
