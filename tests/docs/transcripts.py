"""Transcripts of the command line: wrong uses, no cluster, no rights, a narrow terminal without colours, pipes."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml
from click.testing import CliRunner

from hooks.cli.main import cli
from tests.docs.markdown import page
from tests.hooks.cli.api_server import USER, api_server, kubeconfig
from tests.hooks.cli.commandline import on_terminal
from tests.kustomize import ROOT

COLUMNS = 80
NOWHERE = "http://127.0.0.1:1"
"""An address at which nothing listens."""


class Transcript(NamedTuple):
    """What a command printed, and how it ended."""

    command: str
    printed: str
    code: int | None = None

    @property
    def text(self) -> str:
        """As a terminal shows it."""
        ended = "" if self.code is None else f"(exit code {self.code})"
        return "\n".join(filter(None, (f"$ aim {self.command}", self.printed.strip("\n"), ended)))


def commands(key: str) -> list[str]:
    """The commands of a list."""
    listed: list[str] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())[key]
    return listed


def run(command: str, *more: str) -> Transcript:
    """Runs a command in this process, in the folder of the repository."""
    with chdir(ROOT):
        done = CliRunner().invoke(cli, [*shlex.split(command), *more], prog_name="aim")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Transcript(command, done.output, done.exit_code)


def wrong_uses() -> list[Transcript]:
    return [run(one) for one in commands("wrong")]


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def without_cluster() -> list[Transcript]:
    """What commands print where nothing listens at the address of the kubeconfig."""
    with folder() as place:
        return [run(one, "--kubeconfig", str(kubeconfig(place, NOWHERE))) for one in commands("cluster")]


def without_rights() -> list[Transcript]:
    """What commands print for a user without any right."""
    with folder() as place, api_server(place) as (_, path):
        return [run(one, "--kubeconfig", str(path)) for one in commands("cluster")]


def on_narrow_terminals() -> list[Transcript]:
    """What commands print on a terminal of 80 columns for whoever wants no colours."""
    return [
        Transcript(one, on_terminal(*shlex.split(one), columns=COLUMNS, NO_COLOR="1")) for one in commands("terminal")
    ]


def in_pipes() -> list[Transcript]:
    """What a shell prints of a command in a pipe."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = []
    for one in commands("pipe"):
        line = f"{shlex.quote(sys.executable)} -m hooks.cli.main {one}"
        done = subprocess.run(["sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        found.append(Transcript(one, done.stdout + done.stderr))
    return found


WRONG = """A sentence about what is wrong on standard error, and exit code 2. The help of every command is on
[its own page](cli.md)."""
NO_RIGHTS = f"""What the API server answers is what is printed; here it refuses everything to the user `{USER}`. What
you may not read of an installation is unknown to `aim doctor`, and no problem."""
NARROW = """With `NO_COLOR`, and on a terminal that is `dumb`, nothing but text is printed. Tables do without some
columns, which `-o wide` has, and the last column is wrapped."""
PIPES = """One line for each row, without colours; notes are on standard error. A pipe that is closed early ends the
program quietly."""


def transcripts() -> str:
    """The page."""
    parts = (
        ("A wrong use", WRONG, wrong_uses()),
        ("No cluster", "Exit code 1, and nothing was changed.", _together(without_cluster())),
        ("No rights", NO_RIGHTS, _together(without_rights())),
        (f"A terminal of {COLUMNS} columns, without colours", NARROW, on_narrow_terminals()),
        ("A pipe", PIPES, in_pipes()),
    )
    sections = [f"## {title}\n\n{intro}\n\n{_blocks(found)}" for title, intro, found in parts]
    return page("What the command line prints", "what `aim` prints, and tests/docs/transcripts.yaml", *sections)


def _together(found: list[Transcript]) -> list[Transcript]:
    """Commands that print the same, as one."""
    by_result: dict[tuple[str, int | None], list[str]] = {}
    for one in found:
        by_result.setdefault((one.printed, one.code), []).append(one.command)
    return [Transcript("\n$ aim ".join(same), printed, code) for (printed, code), same in by_result.items()]


def _blocks(found: list[Transcript]) -> str:
    return "```text\n" + "\n\n".join(one.text for one in found) + "\n```"
