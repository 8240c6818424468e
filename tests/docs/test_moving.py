"""The pages about moving here are of every source, and link from the page that lists them."""

import pytest

from hooks.cli.migrate_group import SYSTEMS, migrate
from tests.docs.moving import SOURCES, TEXTS, forms
from tests.kustomize import ROOT


def test_every_source_has_a_page():
    assert {*SOURCES, "compose"} == migrate.commands.keys()
    assert SYSTEMS.keys() < {*SOURCES}
    listed = (ROOT / "docs/use/moving-here.md").read_text()
    assert [name for name in SOURCES if f"(moving/{name}.md)" not in listed] == []


@pytest.mark.parametrize("command", TEXTS["refused"])
def test_what_is_refused_has_a_reason(command):
    [row] = [line for line in forms().splitlines() if line.startswith(f"| `{command}` |")]
    _, _, outcome, why, _ = row.split("|")
    assert outcome.strip() == "refused"
    assert len(why.strip()) > 20
