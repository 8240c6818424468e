"""Pictures of the dashboards for the documentation; pngquant must be on PATH.

The simulated cluster that is shown has an hour behind it, which takes some minutes to make.
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.dashboards.__main__ import FOLDER
from tests.dashboards.grafana import Chosen, read
from tests.dashboards.page import WIDTH, page
from tests.dashboards.shown import shown
from tests.kustomize import ROOT
from tests.monitoring.prometheus import Prometheus
from tests.web.browser import browser
from tests.web.screenshots import saved, smaller

PICTURES = ROOT / "docs" / "operate" / "dashboards"
ORDER = ("aim-fleet", "aim-packing", "aim-endpoint", "aim-gateway", "aim-cache", "aim-operator")
CHOSEN: Chosen = {"namespace": (), "aimcache": (), "aimgateway": ()}
ENDPOINT: Chosen = {"namespace": "team-b", "aimendpoint": "batch"}
PAST = 3900


def main() -> None:
    """Write a picture of each dashboard to docs/operate/dashboards."""
    program = smaller()
    with tempfile.TemporaryDirectory() as scratch, shown(Path(scratch), PAST) as prometheus, browser() as chromium:
        draw(prometheus, chromium, program, Path(scratch))


def draw(prometheus: Prometheus, chromium: Any, program: str, pages: Path) -> None:
    """Write and photograph every page."""
    boards = {name: read((FOLDER / f"{name}.json").read_text()) for name in ORDER}
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, board in boards.items():
        chosen = ENDPOINT if name == "aim-endpoint" else CHOSEN
        text, height = page(board, prometheus, chosen, [one["title"] for one in boards.values()])
        file = pages / f"{name}.html"
        file.write_text(text)
        tab = chromium.new_page(viewport={"width": WIDTH, "height": height})
        tab.goto(file.as_uri())
        saved(tab, PICTURES / f"{name.removeprefix('aim-')}.png", program)


if __name__ == "__main__":
    main()
