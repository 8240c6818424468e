"""What is recorded: commands of the README, and how much is shown of what each prints."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.docs.commands import Step, steps
from tests.kustomize import ROOT

README = ROOT / "README.md"
CAST, PICTURE = (ROOT / "docs" / f"recording.{kind}" for kind in ("cast", "svg"))
SESSION: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
LONGEST_LINE = 360
"""Characters of a line, of which the rest is left out."""


def recorded_steps() -> list[Step]:
    """The commands, as the README has them. AssertionError for one that it has not, or has elsewhere."""
    shown = [step for step in steps(README) if step.kind == "command"]
    found = []
    for beginning in SESSION["commands"]:
        place = next((place for place, step in enumerate(shown) if step.text.startswith(beginning)), None)
        assert place is not None, f"README.md has no command that begins with {beginning}, in this order"
        found.append(shown[place])
        shown = shown[place + 1 :]
    return found


def written_files() -> Iterator[tuple[str, str]]:
    """The files that the README shows."""
    return ((step.text, step.printed) for step in steps(README) if step.kind == "file")


def shown_output(output: str) -> str:
    """The first lines of what a command prints; `…` stands for what is left out."""
    lines = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in output.splitlines()]
    most = SESSION["most_lines"]
    kept = lines if len(lines) <= most else [*lines[: most - 1], "…"]
    return "".join(f"{line}\n" for line in kept)
