"""Objects, commands and paths in the documentation are accepted, parsed and there."""

import re
import shlex

import pytest
import yaml

from aimlib.api.recipe import RecipeSpec
from aimlib.schema.validation import validate_object
from aimlib.selection.recipe_check import check_recipe
from hooks.cli.main import cli
from tests.docs.commands import BLOCK, steps
from tests.docs.pages import PAGES as GENERATED
from tests.docs.test_links import PAGES
from tests.kustomize import ROOT

BY_NAME = {str(page.relative_to(ROOT)): page.read_text() for page in PAGES}
KINDS = {"AIMEndpoint", "AIMCache", "AIMGateway", "AIMModel", "AIMRecipe"}
RUN = {"README.md", "docs/quickstart.md", "docs/use/caches.md", "docs/trust/compliance.md", "docs/operate/uninstall.md"}
"""Pages whose commands a test in tests/e2e runs."""


def objects():
    """Every object of ours that stands in a page."""
    for name, text in BY_NAME.items():
        for language, block in BLOCK.findall(text):
            for raw in yaml.safe_load_all(block) if language == "yaml" else ():
                if isinstance(raw, dict) and raw.get("kind") in KINDS:
                    yield pytest.param(raw, id=f"{name}-{raw['metadata']['name']}")


@pytest.mark.parametrize("raw", [*objects()])
def test_an_object_is_as_the_api_server_and_the_engine_want_it(raw):
    _, findings = validate_object(raw, raw["kind"])
    assert findings == ()
    if raw["kind"] == "AIMRecipe":
        usable, problems, _ = check_recipe(raw["metadata"]["name"], RecipeSpec.model_validate(raw["spec"]))
        assert usable
        assert not problems


def commands():
    """Every call of our own program that stands in a page, in a block or in a line."""
    for name, text in BY_NAME.items():
        blocks = "\n".join(block for language, block in BLOCK.findall(text) if language in {"sh", "console"})
        found = re.findall(r"^(?:\$ )?(aim .+)$", blocks, re.MULTILINE) + re.findall(r"`(aim [^`]+)`", text)
        yield from (pytest.param(command, id=f"{name}-{command}") for command in sorted(set(found)))


@pytest.mark.parametrize("command", [*commands()])
def test_a_command_of_ours_has_these_options(command):
    _, *words = shlex.split(command.partition(" | ")[0].partition(" > ")[0])
    found = cli
    while words and hasattr(found, "commands") and words[0] in found.commands:
        found = found.commands[words.pop(0)]
    assert found is not cli or words == ["--help"]
    if found is cli.commands["migrate"].commands["docker"] and "docker" in words:
        words = words[: words.index("docker")]  # what follows is the command that is translated
    options = {option for one in found.params for option in one.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} <= options


PATH = re.compile(r"(?<![\w/.-])((?:aimlib|hooks|tests|manifests|recipes|crds|metacontroller)/[\w/.-]*\w)")


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in GENERATED and name != "CHANGELOG.md"])
def test_every_path_that_a_page_names_is_there(name):
    named = {one for one in PATH.findall(BY_NAME[name]) if not re.search(r"NAME|X\.Y\.Z", one)}
    assert {one for one in named - {"metacontroller/metacontroller"} if not (ROOT / one).exists()} == set()


def test_commands_with_a_prompt_are_run_by_a_test():
    prompted = {str(page.relative_to(ROOT)) for page in PAGES if any(one.kind == "command" for one in steps(page))}
    assert prompted == RUN


def test_the_pages_that_count_what_ships_are_right():
    recipes = [path for path in (ROOT / "recipes").glob("*.yaml") if path.name != "kustomization.yaml"]
    described = [path for path in (ROOT / "recipes" / "models").glob("*.yaml") if path.name != "kustomization.yaml"]
    shipped = [raw for path in (*recipes, *described) for raw in yaml.safe_load_all(path.read_text())]
    models = {raw["spec"]["modelId"] for raw in shipped}
    assert f"[{len(models)} models]" in BY_NAME["README.md"]
    assert f"[{len(described)} models ship]" in BY_NAME["README.md"]
    assert BY_NAME["docs/use/any-model.md"].count(f"{len(described)} models ship") == 1
    assert f"[{len(recipes)} ship]" in BY_NAME["README.md"]
    assert f"the {len(recipes)} shipped recipes" in " ".join(BY_NAME["docs/reference/admission.md"].split())


def test_the_reference_has_every_kind():
    crds = [path for path in (ROOT / "crds").glob("*.yaml") if path.name != "kustomization.yaml"]
    kinds = {yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in crds}
    assert set(re.findall(r"^## (\w+)$", BY_NAME["docs/reference/api.md"], re.MULTILINE)) == kinds


def test_programs_do_not_speak():
    texts = [text for name, text in BY_NAME.items() if name not in GENERATED]
    words = [word.lower() for text in texts for word in re.findall(r"[A-Za-z]+", text)]
    spoken = sum(word in {"say", "says", "said", "saying"} for word in words)
    assert spoken / len(words) < 0.0005
