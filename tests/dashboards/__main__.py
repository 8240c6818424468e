"""Writes the dashboards: `python -m tests.dashboards` puts them where they are shipped."""

from tests.dashboards.boards import BOARDS
from tests.dashboards.build import text
from tests.kustomize import ROOT

FOLDER = ROOT / "manifests" / "components" / "dashboards"


def files() -> dict[str, str]:
    """The text of each file by its name."""
    return {f"{board.uid}.json": text(board) for board in BOARDS}


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
