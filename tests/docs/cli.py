"""The reference of the command line, from `aim --help` and the help of every command."""

from collections.abc import Iterator

import click

from hooks.cli.main import cli as program
from tests.docs.markdown import page

WIDTH = 110
WITHOUT_OUTPUT = {
    "bug-report": "writes an archive, and prints its name",
    "cache check": "prints one word, the version",
    "cache download": "prints one line, the folder of the files",
    "cache import": "prints one line, the folder of the files",
    "chat": "prints an answer as it arrives; `aim url --openai -o json` has what a program needs to ask",
    "completion": "prints a script for a shell",
    "ui": "serves a page until it is stopped",
}
"""Commands without `-o`, and why each prints nothing that has another form."""


def cli() -> str:
    """The help of the program and of each command."""
    intro = (
        "`make setup` installs `aim` into `.venv/bin`, `pip install .` wherever you like. With it on PATH, `kubectl "
        "aim` is the same program. `aim cache` needs the extra `download`: `pip install '.[download]'`."
    )
    terminals = (
        "On a terminal, tables fit its width: a narrow one does without columns that the names of recipes have, "
        "and `-o wide` has all. There are colours on terminals alone, and none where `NO_COLOR` is set. For "
        "programs, `-o json` has the numbers of each candidate as numbers: `memoryGiB` of `usableMemoryGiB`, "
        "`contextTokens`, and the figures of its speed; of a rejected one `requestedNumber` and `availableNumber`, "
        "where the rule compares numbers."
    )
    outputs = (
        "Every command takes `-o json`, `yaml` and `table`, but for those below. One that changes an endpoint, or "
        "waits for it, prints the AIMEndpoint as it is then, in a dry run as it would be; with `-o table` it prints "
        "sentences. JSON and YAML have standard output for themselves: sentences are on standard error then, and exit "
        "codes are the same."
    )
    without = "\n".join(("| without `-o` | why |", "|---|---|", *(f"| {row} |" for row in _without())))
    return page(
        "Command line",
        "the help of `aim`",
        intro,
        terminals,
        outputs,
        without,
        *(f"## {name}\n\n```text\n{text}\n```" for name, text in _helps()),
    )


def _without() -> Iterator[str]:
    return (f"`aim {name}` | {why}" for name, why in WITHOUT_OUTPUT.items())


def _helps() -> Iterator[tuple[str, str]]:
    pending: list[tuple[str, click.Command]] = [("aim", program)]
    settings = {"terminal_width": WIDTH, "max_content_width": WIDTH, "help_option_names": ["-h", "--help"]}
    while pending:
        name, command = pending.pop(0)
        parent, _, last = name.rpartition(" ")
        above = click.Context(click.Group(parent), info_name=parent) if parent else None
        with click.Context(command, parent=above, info_name=last, **settings) as context:
            yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
            if isinstance(command, click.Group):
                found = ((inner, command.get_command(context, inner)) for inner in command.list_commands(context))
                pending += [(f"{name} {inner}", one) for inner, one in found]
