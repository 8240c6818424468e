"""The pages about moving here are of every source, and link from the page that lists them."""

import pytest

from hooks.cli.migrate_group import SYSTEMS, migrate
from tests.aimlib.migration.test_migration import CASES
from tests.docs.moving import SOURCES, TEXTS, forms
from tests.kustomize import ROOT


def test_every_source_has_forms_of_each_outcome():
    for source in migrate.commands:
        cases = [*CASES, *TEXTS["refused_objects"], *({"docker": text} for text in TEXTS["refused"])]
        kinds = {case["case"] in REFUSED if "case" in case else True for case in cases if source in case}
        assert kinds == {True, False}, source


def test_every_source_has_a_page():
    assert {*SOURCES, "compose"} == migrate.commands.keys()
    assert SYSTEMS.keys() < {*SOURCES}
    listed = (ROOT / "docs/use/moving-here.md").read_text()
    assert [name for name in SOURCES if f"(moving/{name}.md)" not in listed] == []


REFUSED = [*(f"`{command}`" for command in TEXTS["refused"]), *(one["case"] for one in TEXTS["refused_objects"])]


@pytest.fixture(scope="module")
def listed():
    return forms().splitlines()


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_refused_has_a_reason(listed, form):
    [row] = [line for line in listed if line.startswith(f"| {form} |")]
    _, _, outcome, why, _ = row.split("|")
    assert outcome.strip() == "refused"
    assert len(why.strip()) > 20
