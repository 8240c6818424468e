"""The reference of the command line, from `aim --help` and the help of every command."""

from collections.abc import Iterator

import click

from hooks.cli.main import cli as program
from tests.docs.markdown import page

WIDTH = 110


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
        "`contextTokens`, and the figures of its speed; of a rejected one `requestedNumber` and "
        "`availableNumber`, where the rule compares numbers."
    )
    return page(
        "Command line",
        "the help of `aim`",
        intro,
        terminals,
        *(f"## {name}\n\n```text\n{text}\n```" for name, text in _helps()),
    )


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
