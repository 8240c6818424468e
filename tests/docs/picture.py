"""The picture of the architecture as SVG, from docs/architecture.yaml."""

from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

import yaml

from tests.kustomize import ROOT

SOURCE = ROOT / "docs" / "architecture.yaml"
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN, TOP = 240, 118, 104, 74, 24, 64
"""Of a box, of the gaps between boxes, and around all; above them there is room for an arrow that leads over them."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
LETTER = 6.9
"""Width of a letter of the lines in boxes, more than any of the fonts has on average."""
LANE = 15


class Palette(NamedTuple):
    """The colours of one mode; of a part, the fill and the border of its boxes."""

    text: str
    faint: str
    arrow: str
    parts: Mapping[str, tuple[str, str]]


PALETTES = {
    "": Palette(
        "#1f2328",
        "#59636e",
        "#59636e",
        {"ours": ("#fff1e5", "#bc4c00"), "cluster": ("#ddf4ff", "#0969da"), "outside": ("#f6f8fa", "#818b98")},
    ),
    "-dark": Palette(
        "#f0f6fc",
        "#b7bfc9",
        "#9198a1",
        {"ours": ("#3d2210", "#db6d28"), "cluster": ("#0c2d4f", "#4493f8"), "outside": ("#212830", "#656c76")},
    ),
}
"""By the ending of the file's name."""


class Box(NamedTuple):
    """A box and where it is."""

    x: int
    y: int
    part: str
    title: str
    lines: tuple[str, ...]

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + WIDTH // 2, self.y + HEIGHT // 2


def picture(mode: str) -> str:
    """The SVG of one mode: the empty text for light, `-dark`."""
    source, palette = yaml.safe_load(SOURCE.read_text()), PALETTES[mode]
    boxes = {name: _box(raw) for name, raw in source["boxes"].items()}
    width = 2 * MARGIN + source["columns"] * WIDTH + (source["columns"] - 1) * ACROSS
    height = MARGIN + TOP + source["rows"] * HEIGHT + (source["rows"] - 1) * DOWN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{escape(FONT)}" role="img" aria-label="How a sync runs">'
    )
    marker = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M0 0.5 L7.5 4 L0 7.5 Z" fill="{palette.arrow}"/></marker></defs>'
    )
    arrows = [line for raw in source["arrows"] for line in _arrow(raw, boxes, palette)]
    shapes = [line for box in boxes.values() for line in _shape(box, palette)]
    return "\n".join((head, marker, *arrows, *shapes, "</svg>")) + "\n"


def _box(raw: dict[str, Any]) -> Box:
    column, row = raw["place"]
    place = MARGIN + column * (WIDTH + ACROSS), TOP + row * (HEIGHT + DOWN)
    longest = max(map(len, raw["lines"]))
    assert longest * LETTER < WIDTH - 16, f"{raw['title']}: a line of {longest} letters is too long"
    return Box(*place, raw["part"], raw["title"], tuple(raw["lines"]))


def _shape(box: Box, palette: Palette) -> list[str]:
    fill, border = palette.parts[box.part]
    centre, first = box.x + WIDTH // 2, box.y + 32
    lines = [_text(line, (centre, first + 24 + 19 * at), palette.faint, 13) for at, line in enumerate(box.lines)]
    place = f'x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="10"'
    border_line = f'<rect {place} fill="{fill}" stroke="{border}" stroke-width="1.5"/>'
    return [border_line, _text(box.title, (centre, first), palette.text, 16), *lines]


def _text(text: str, place: tuple[int, int], colour: str, size: int) -> str:
    where = f'x="{place[0]}" y="{place[1]}" text-anchor="middle"'
    weight = ' font-weight="600"' if size > 13 else ""
    return f'<text {where} fill="{colour}" font-size="{size}"{weight}>{escape(text)}</text>'


def _arrow(raw: dict[str, Any], boxes: Mapping[str, Box], palette: Palette) -> list[str]:
    begin, end = boxes[raw["from"]], boxes[raw["to"]]
    path, place = _path(raw, begin, end)
    dashes = ' stroke-dasharray="5 4"' if raw.get("dashed") else ""
    both = ' marker-start="url(#head)"' if raw.get("over") else ""
    stroke = f'fill="none" stroke="{palette.arrow}" stroke-width="1.5"{dashes}{both}'
    line = f'<path d="{path}" {stroke} marker-end="url(#head)"/>'
    return [line, *([_text(raw["label"], place, palette.text, 12)] if "label" in raw else [])]


def _path(raw: dict[str, Any], begin: Box, end: Box) -> tuple[str, tuple[int, int]]:
    """The line, and where its label stands."""
    shift = LANE * raw.get("lane", 0)
    if raw.get("over"):
        left, right, top = begin.middle[0], end.middle[0], begin.y - 22
        return f"M{left} {begin.y} V{top} H{right} V{end.y}", ((left + right) // 2, top - 9)
    if raw.get("elbow"):
        left, right, half = begin.middle[0] + 56, end.middle[0], begin.y + HEIGHT + DOWN // 2
        return f"M{left} {begin.y + HEIGHT} V{half} H{right} V{end.y}", (0, 0)
    if begin.y == end.y:
        forward = begin.x < end.x
        left, right = (begin.x + WIDTH, end.x) if forward else (begin.x, end.x + WIDTH)
        level = begin.middle[1] + shift
        label = level - 7 if shift <= 0 else level + 17
        return f"M{left} {level} H{right}", ((left + right) // 2, label)
    centre = begin.middle[0]
    return f"M{centre} {begin.y + HEIGHT} V{end.y}", (centre - 60, begin.y + HEIGHT + DOWN // 2 + 4)
