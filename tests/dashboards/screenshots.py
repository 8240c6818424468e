"""Pictures of the dashboards for the documentation; chromium and pngquant must be on PATH.

The simulated cluster that is shown has an hour behind it, which takes some minutes to make.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.dashboards.__main__ import FOLDER
from tests.dashboards.grafana import Chosen, read
from tests.dashboards.page import WIDTH, page
from tests.dashboards.shown import shown
from tests.kustomize import ROOT
from tests.monitoring.prometheus import Prometheus

PICTURES = ROOT / "docs" / "operate" / "dashboards"
ORDER = ("aim-fleet", "aim-packing", "aim-endpoint", "aim-gateway", "aim-cache", "aim-operator")
CHOSEN: Chosen = {"namespace": (), "aimcache": (), "aimgateway": ()}
ENDPOINT: Chosen = {"namespace": "team-b", "aimendpoint": "batch"}
PAST = 3900
QUIET = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
QUIET += ("--disable-component-update", "--no-sandbox", "--hide-scrollbars")


def main() -> None:
    """Write a picture of each dashboard to docs/operate/dashboards."""
    browser, smaller = shutil.which("chromium"), shutil.which("pngquant")
    if not browser or not smaller:
        sys.exit("asked for a picture of each dashboard, found no chromium or no pngquant on PATH")
    with tempfile.TemporaryDirectory() as scratch, shown(Path(scratch), PAST) as prometheus:
        draw(prometheus, (browser, smaller), Path(scratch))


def draw(prometheus: Prometheus, programs: tuple[str, str], pages: Path) -> None:
    """Write and photograph every page."""
    boards = {name: read((FOLDER / f"{name}.json").read_text()) for name in ORDER}
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, board in boards.items():
        chosen = ENDPOINT if name == "aim-endpoint" else CHOSEN
        text, height = page(board, prometheus, chosen, [one["title"] for one in boards.values()])
        file = pages / f"{name}.html"
        file.write_text(text)
        picture = PICTURES / f"{name.removeprefix('aim-')}.png"
        with tempfile.TemporaryDirectory() as profile:
            size = f"--window-size={WIDTH},{height}"
            command = [programs[0], "--headless", *QUIET, f"--user-data-dir={profile}", size, f"--screenshot={picture}"]
            subprocess.run([*command, file.as_uri()], check=True, capture_output=True, timeout=120)
        subprocess.run([programs[1], "--force", "--ext=.png", "--strip", "64", picture], check=True)
        print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
