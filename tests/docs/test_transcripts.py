"""The transcripts: every command is among them, each ends as its help says, and none with a traceback."""

import shlex
from collections.abc import Iterator

import click
import pytest

from hooks.cli.main import cli
from tests.docs.transcripts import (
    COLUMNS,
    Transcript,
    commands,
    in_pipes,
    on_narrow_terminals,
    without_cluster,
    without_rights,
    wrong_uses,
)


def leaves(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Each command that is no mere group, with its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{before}{name}", command


LEAVES = dict(leaves(cli))


def used(key: str) -> set[str]:
    """The commands that are run in a list."""
    found = set()
    for line in commands(key):
        words = shlex.split(line)
        found.add(" ".join(words[:2]) if " ".join(words[:2]) in LEAVES else words[0])
    return found


def test_every_command_is_used_wrongly_once():
    assert used("wrong") == LEAVES.keys()


def test_every_command_that_takes_a_kubeconfig_is_run_without_a_cluster():
    assert used("cluster") == {
        name for name, command in LEAVES.items() if any("--kubeconfig" in one.opts for one in command.params)
    }


def by_command(found: list[Transcript]) -> dict[str, Transcript]:
    return {one.command: one for one in found}


@pytest.fixture(scope="module")
def wrong() -> dict[str, Transcript]:
    return by_command(wrong_uses())


@pytest.fixture(scope="module")
def nowhere() -> dict[str, Transcript]:
    return by_command(without_cluster())


@pytest.fixture(scope="module")
def refused() -> dict[str, Transcript]:
    return by_command(without_rights())


@pytest.mark.parametrize("command", commands("wrong"))
def test_a_wrong_use_ends_with_2_and_a_sentence(wrong, command):
    assert wrong[command].code == 2
    assert "Error: " in wrong[command].printed
    assert "Traceback" not in wrong[command].printed


@pytest.mark.parametrize("command", commands("cluster"))
def test_no_cluster_ends_with_1(nowhere, command):
    assert nowhere[command].code == 1
    last = nowhere[command].printed.splitlines()[-1]
    assert last.startswith("Error: the cluster cannot be reached at 127.0.0.1:1: ")


@pytest.mark.parametrize("command", commands("cluster"))
def test_no_rights_end_with_1_and_what_the_api_server_answers(refused, command):
    assert refused[command].code == 1
    assert 'User "ada" cannot ' in refused[command].printed.splitlines()[-1]
    assert "Traceback" not in refused[command].printed


def test_terminals_of_80_columns_are_enough_and_nobody_needs_colours():
    for one in on_narrow_terminals():
        assert one.printed.strip()
        assert max(map(len, one.printed.splitlines())) <= COLUMNS
        assert "\x1b" not in one.printed


def test_pipes_get_rows_and_objects_alone():
    table, document = in_pipes()
    assert len(table.printed.splitlines()) == 2
    assert document.printed == "  modelId: Qwen/Qwen3-32B\n"
