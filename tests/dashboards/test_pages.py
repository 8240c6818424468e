"""The pages that show the dashboards without a Grafana: drawn from the files and from what Prometheus answers."""

import re

import pytest

from tests.dashboards.grafana import panels
from tests.dashboards.page import page
from tests.dashboards.screenshots import CHOSEN, ENDPOINT
from tests.dashboards.shown import soon
from tests.dashboards.test_queries import SHIPPED
from tests.dashboards.units import said, ticks


def is_filled(drawn):
    """Whether every panel of a page has something."""
    text, _ = drawn
    return 'class="none"' not in text


@pytest.mark.parametrize("name", SHIPPED)
def test_a_page_has_something_in_every_panel(prometheus, name):
    chosen = ENDPOINT if name == "aim-endpoint.json" else CHOSEN
    titles = [board["title"] for board in SHIPPED.values()]
    text, height = soon(prometheus, lambda: page(SHIPPED[name], prometheus, chosen, titles), is_filled)
    assert is_filled((text, height))
    assert len(re.findall('<div class="panel"', text)) == len(panels(SHIPPED[name]))
    assert "nan" not in text
    assert 1000 < height < 2600
    assert not re.search(r"(src|href)=", text), "a page needs nothing but itself"


@pytest.mark.parametrize("name", SHIPPED)
def test_panels_fill_the_grid_and_do_not_overlap(name):
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in SHIPPED[name]["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    assert len(cells) == 24 * (max(y for _, y in cells) + 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_panel_says_what_it_means_and_in_what_unit(name):
    for panel in panels(SHIPPED[name]):
        assert panel["description"].endswith(".")
        assert said(1, panel["fieldConfig"]["defaults"]["unit"])
    assert len({panel["id"] for panel in SHIPPED[name]["panels"]}) == len(SHIPPED[name]["panels"])


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0, "none", "0"),
        (13.6, "reqps", "13.6 req/s"),
        (4240, "short", "4.24 K"),
        (0.0438, "percentunit", "4.38%"),
        (1, "percentunit", "100%"),
        (0.000475, "s", "475 µs"),
        (0.0123, "s", "12.3 ms"),
        (74.4, "s", "1.24 mins"),
        (0, "s", "0 s"),
        (2376, "dtdurations", "39.6 minutes"),
        (3 * 2**30, "bytes", "3 GiB"),
        (0, "binBps", "0 B/s"),
    ],
)
def test_a_value_is_written_with_its_unit(value, unit, expected):
    assert said(value, unit) == expected


@pytest.mark.parametrize(
    ("largest", "unit", "expected"),
    [
        (0, "none", [0, 1]),
        (1, "none", [0, 1]),
        (9, "none", [0, 2, 4, 6, 8, 10]),
        (90, "s", [0, 30, 60, 90]),
        (0.9, "percentunit", [0, 0.25, 0.5, 0.75, 1]),
        (3 * 2**30, "bytes", [0, 2**30, 2 * 2**30, 3 * 2**30]),
    ],
)
def test_the_marks_of_an_axis_are_round(largest, unit, expected):
    assert ticks(largest, unit) == expected
