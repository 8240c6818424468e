"""A dashboard as a static page: its panels on Grafana's grid, each drawn from what Prometheus answers now."""

import time
from html import escape
from typing import Any

from tests.dashboards.draw import Frame, Series, drawn
from tests.dashboards.grafana import Chosen, interpolated, named, variables
from tests.dashboards.panels import GRID
from tests.monitoring.prometheus import Prometheus

Raw = dict[str, Any]
WIDTH = 1600
CELL, GAP, TOP = 30, 8, 56
"""Pixels: height of a cell of the grid, between two cells, and above the first."""
TITLE = 30
POINTS = 240
"""Of a line."""
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, Roboto, 'Liberation Sans', Arial, sans-serif; }
header { height: 40px; padding: 8px 12px 0; font-size: 13px; display: flex; gap: 14px; align-items: center; }
header h1 { font-size: 17px; margin: 0 10px 0 0; font-weight: 600; }
header .chosen { border: 1px solid #34363d; border-radius: 3px; padding: 4px 8px; }
header .chosen b { color: #8e8e99; font-weight: 500; margin-right: 6px; }
header .links { color: #6e9fff; margin-left: auto; } header .range { color: #8e8e99; }
.panel, .rowtitle { position: absolute; box-sizing: border-box; overflow: hidden; }
.panel { background: #181b1f; border: 1px solid #26282e; border-radius: 3px; }
.panel h2 { font-size: 13px; font-weight: 500; margin: 0; padding: 7px 10px 0; height: 23px; white-space: nowrap; }
.rowtitle { font-size: 14px; font-weight: 600; padding: 7px 4px; }
.content { position: absolute; left: 8px; }
.none { color: #8e8e99; text-align: center; padding-top: 18px; font-size: 15px; }
.stat { display: flex; height: 100%; align-items: center; } .stat .one { flex: 1; text-align: center; }
.stat .big { font-weight: 600; white-space: nowrap; } .stat .name { font-size: 13px; }
.bars { padding-top: 4px; } .bars .row { display: flex; height: 22px; align-items: center; }
.bars .label { flex: 0 1 auto; min-width: 96px; padding-right: 8px; white-space: nowrap; }
.bars .bar { flex: 1; background: #22252b; height: 14px; }
.bars .bar div { height: 100%; } .bars .value { width: 52px; text-align: right; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: #6e9fff; font-weight: 500; }
td, th { height: 25px; padding: 0 6px; border-bottom: 1px solid #26282e; white-space: nowrap; }
td.link { color: #6e9fff; } td.more { color: #8e8e99; }
svg { display: block; } svg text { fill: #9d9fa8; font-size: 11px; } .grid { stroke: #26282e; }
.legend { line-height: 18px; padding-left: 4px; } .legend span { margin-right: 12px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 3px; margin: 0 5px 3px 0; }
.legend b { color: #fff; font-weight: 500; }
"""


def page(board: Raw, prometheus: Prometheus, chosen: Chosen, titles: list[str]) -> tuple[str, int]:
    """The page of a dashboard with these values chosen, and its height in pixels; `titles` are of all dashboards."""
    ended = time.time()
    hours = int(board["time"]["from"].removeprefix("now-").removesuffix("h"))
    found, bottom = [], 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        width = WIDTH * place["w"] // GRID - GAP
        height = place["h"] * (CELL + GAP) - GAP
        left, top = GAP // 2 + WIDTH * place["x"] // GRID, TOP + place["y"] * (CELL + GAP)
        where = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
        bottom = max(bottom, top + height)
        if panel["type"] == "row":
            found.append(f'<div class="rowtitle" style="{where}">⌄ {escape(panel["title"])}</div>')
            continue
        frame = Frame(width - 18, height - TITLE - 8, ended - hours * 3600, ended)
        inner = f"top:{TITLE}px;width:{frame.width}px;height:{frame.height}px"
        shown = drawn(panel, results(panel, prometheus, chosen, hours), frame)
        content = f'<div class="content" style="{inner}">{shown}</div>'
        title = f'<h2 title="{escape(panel["description"])}">{escape(panel["title"])}</h2>'
        found.append(f'<div class="panel" style="{where}">{title}{content}</div>')
    body = f"<header>{_header(board, chosen, titles, hours)}</header>{''.join(found)}"
    meta = f'<meta charset="utf-8"><title>{escape(board["title"])}</title><style>{STYLE}</style>'
    return f"<!DOCTYPE html><html lang=en><head>{meta}</head><body>{body}</body></html>\n", bottom + GAP


def _header(board: Raw, chosen: Chosen, titles: list[str], hours: int) -> str:
    values = [(one["label"], chosen[one["name"]]) for one in variables(board)]
    shown = [f"<b>{escape(label)}</b>{escape(value) if value else 'All'}" for label, value in values]
    boxes = "".join(f'<span class="chosen">{one}</span>' for one in shown)
    links = " &nbsp; ".join(escape(one) for one in titles if one != board["title"])
    right = f'<span class="links">{links}</span><span class="range">Last {hours} h, UTC</span>'
    return f"<h1>{escape(board['title'])}</h1>{boxes}{right}"


def results(panel: Raw, prometheus: Prometheus, chosen: Chosen, hours: int) -> list[Series]:
    """The series of all queries of a panel."""
    found = []
    for target in panel["targets"]:
        expr, seconds = interpolated(target["expr"], chosen), hours * 3600
        if target.get("instant"):
            answers = [(one["metric"], [one["value"]]) for one in prometheus.query(expr)]
        else:
            step = max(15, seconds // POINTS)
            answers = [(one["metric"], one["values"]) for one in prometheus.query_range(expr, seconds, step)]
        for labels, points in answers:
            name = named(target.get("legendFormat", ""), labels) or panel["title"]
            values = [(at, float(text)) for at, text in points if text != "NaN"]
            if values:
                found.append(Series(name, labels, target["refId"], values))
    return found
