"""Writes the Helm charts into a folder: `python -m tests.chart FOLDER [--digests FILE]`."""

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

from tests.chart.charts import CRDS, METACONTROLLER, OPERATOR, Files, crds_chart, metacontroller_chart, operator_chart
from tests.kustomize import REMOTE, build


def write(folder: Path, files: Files) -> Path:
    """A chart as a folder."""
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return folder


def main() -> int:
    """Write all three; 1 with a sentence where Metacontroller's own manifests cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.chart", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--digests", type=Path, help="YAML with the digests of the images `hooks` and `downloader`")
    arguments = parser.parse_args()
    digests = yaml.safe_load(arguments.digests.read_text()) if arguments.digests else {}
    print(write(arguments.folder / CRDS, crds_chart()))
    print(write(arguments.folder / OPERATOR, operator_chart(digests)))
    try:
        objects = build(REMOTE)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(
            f"{METACONTROLLER} is not written; kustomize fetches its manifests with git from github.com:\n{error}",
            file=sys.stderr,
        )
        return 1
    print(write(arguments.folder / METACONTROLLER, metacontroller_chart(objects)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
