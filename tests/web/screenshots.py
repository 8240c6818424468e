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
    smaller = shutil.which("pngquant")
    if not smaller:
        sys.exit("pictures are made with pngquant, which is not on PATH")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with browser() as chromium, tempfile.TemporaryDirectory() as folder, api() as server:
        _draw(chromium, server, Path(folder), smaller)


def _draw(chromium: Any, server: Api, folder: Path, smaller: str) -> None:
    with page_server(kubeconfig_of(server, folder)) as url:
        for name, (path, height) in PAGES.items():
            tab = chromium.new_page(viewport={"width": 1280, "height": height})
            tab.goto(url + path)
            picture = PICTURES / f"{name}.png"
            tab.screenshot(path=picture)
            subprocess.run([smaller, "--force", "--ext=.png", "--strip", "64", picture], check=True)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
