"""Pictures of the web page for the documentation; pngquant must be on PATH."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.kustomize import ROOT
from tests.web.browser import browser, kubeconfig_of, page_server
from tests.web.cluster import Api, api

PICTURES = ROOT / "docs" / "operate" / "web-page"
PAGES = {
    "fleet": ("/", 900),
    "endpoint": ("/endpoints/team-a/chat", 1500),
    "plan": ("/plan?model=Qwen/Qwen3-32B&gpus=2&concurrency=16&goal=throughput&hardware=MI300X&hardware=MI325X", 1300),
}
"""The page of each picture, and how much of it is shown, in pixels."""


def main() -> None:
    """Write a picture of each page."""
    program = smaller()
    PICTURES.mkdir(parents=True, exist_ok=True)
    with browser() as chromium, tempfile.TemporaryDirectory() as folder, api() as server:
        _draw(chromium, server, Path(folder), program)


def smaller() -> str:
    """The program that makes pictures smaller; ends without one."""
    return shutil.which("pngquant") or sys.exit("pictures are made with pngquant, which is not on PATH")


def saved(tab: Any, picture: Path, program: str) -> None:
    """Photograph what a tab shows."""
    tab.screenshot(path=picture)
    subprocess.run([program, "--force", "--ext=.png", "--strip", "64", picture], check=True)
    print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB")


def _draw(chromium: Any, server: Api, folder: Path, program: str) -> None:
    with page_server(kubeconfig_of(server, folder)) as url:
        for name, (path, height) in PAGES.items():
            tab = chromium.new_page(viewport={"width": 1280, "height": height})
            tab.goto(url + path)
            saved(tab, PICTURES / f"{name}.png", program)


if __name__ == "__main__":
    main()
