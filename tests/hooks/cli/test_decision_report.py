"""Decisions as Markdown, as a check of a change in Git prints them."""

import pytest

from aimlib.config import Config
from hooks.cli import commands, files
from hooks.cli.decision_report import code
from hooks.planning import simulate
from tests.hooks.cli.commandline import EXAMPLES, NODES, aim, endpoint
from tests.hooks.cli.standin_cluster import StandInCluster
from tests.kustomize import ROOT

GOLDEN = ROOT / "tests" / "testdata" / "cli" / "decisions.md"
MI300X = ("--cluster", NODES / "mi300x.yaml", "-o", "markdown")
MODEL = "Qwen/Qwen3-32B"


def several(**specs):
    """Endpoints by name, each with what its spec has besides the model."""
    return "---\n".join(endpoint({"name": name}, modelId=MODEL, **spec) for name, spec in specs.items())


def test_each_endpoint_has_its_decision():
    done = aim("plan", "-f", several(one={}), *MI300X)
    assert done.exit_code == 0
    assert done.stdout.startswith("## What the endpoints get\n\n**1 of 1 endpoints fits.**\n")
    assert "| recipe | `qwen3-32b-mi300x-bf16` |\n| hardware | `MI300X` |\n| GPUs per replica | `1` |" in done.stdout
    assert "`qwen3-32b-mi300x-bf16 with 1 GPU: the best of " in done.stdout


def test_what_is_different_from_other_files_is_the_expected_report(request):
    before = several(gone={}, larger={}, refused={}, same={}, scaled={})
    after = several(larger={"gpuCount": 2}, new={}, refused={"gpuCount": 3}, same={}, scaled={"replicas": 2})
    done = aim("plan", "-f", after, "--compare", before, *MI300X)
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(done.stdout)
    assert done.exit_code == 3
    assert done.stdout == GOLDEN.read_text()


def test_other_arguments_are_a_restart_with_the_same_decision():
    change = {"engine": {"args": ["--max-num-seqs=64"]}}
    done = aim("plan", "-f", several(one=change), "--compare", several(one={}), *MI300X)
    assert "### `AIMEndpoint default/one` restarts\n" in done.stdout
    assert "| pods | | restart |" in done.stdout


def test_another_list_of_adapters_is_a_restart():
    sql = {"name": "sql", "source": {"repository": "acme/sql"}}
    cached = "apiVersion: aim.engine.amd.com/v1alpha1\nkind: AIMCache\nmetadata: {name: models}\n"
    cached += f"spec: {{size: 1Ti, models: [{{id: {MODEL}}}, {{id: acme/sql}}]}}\n"
    before, after = (several(one={"adapters": adapters}) for adapters in ([], [sql]))
    done = aim("plan", "-f", f"{after}---\n{cached}", "--compare", f"{before}---\n{cached}", *MI300X)
    assert "### `AIMEndpoint default/one` changes and restarts\n" in done.stdout
    assert "| adapters |  | `sql` |" in done.stdout
    assert "| pods | | restart |" in done.stdout
    done = aim("plan", "-f", f"{before}---\n{cached}", "--compare", f"{after}---\n{cached}", *MI300X)
    assert "| adapters | `sql` |  |" in done.stdout


def test_caches_are_beside_them():
    done = aim("plan", "-f", EXAMPLES / "cache.yaml", "-f", several(one={}), *MI300X)
    assert "- `AIMCache default/models`: `PersistentVolumeClaim models-storage of " in done.stdout


def test_warnings_are_in_the_report():
    done = aim("plan", "-f", EXAMPLES / "endpoint-full.yaml", *MI300X)
    assert "- `recipe.customRecipe.namespace has no effect: recipes are cluster-scoped" in done.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("a `b` | c\n| d", "`a 'b' \u2502 c \u2502 d`"),
        ("[x](http://a) @team <img>", "`[x](http://a) @team <img>`"),
        ("x" * 1000, f"`{'x' * 600}`"),
        ("\u202e", ""),
    ],
)
def test_what_users_write_can_neither_link_nor_mention_nor_end_its_cell(text, shown):
    assert code(text) == shown


def test_it_is_for_markdown_alone():
    done = aim("plan", "-f", several(one={}), "--compare", several(one={}))
    assert (done.exit_code, "--compare is for -o markdown" in done.stderr) == (2, True)


@pytest.fixture
def running(monkeypatch):
    """A cluster whose endpoint `one` has been selected for, when there was another recipe alone."""
    [parent] = files.read_plan_input([str(EXAMPLES / "endpoint-short.yaml")], None).endpoints
    catalogue = files.recipe_catalogue(files.read_sources([files.shipped_recipes()]))
    inventory = simulate.simulate_inventory(simulate.usual_nodes(["MI300X"]))
    bare = {**parent, "metadata": {"name": "one", "namespace": "default", "uid": "u", "generation": 1}}
    bare["spec"] = {"modelId": MODEL, "replicas": 1}
    former = [one for one in catalogue if one["metadata"]["name"] == "qwen3-32b-mi300x-fp8"]
    status = simulate.sync(bare, simulate.SimulatedCluster(inventory, former), Config())["status"]
    cluster = StandInCluster({**bare, "status": {**status, "observedGeneration": 1}})
    cluster.all = lambda plural: {
        "aimrecipes": [*map(simulate.simulate_recipe, catalogue)],
        "aimendpoints": cluster.endpoints(),
    }.get(plural, [])
    cluster.inventory = lambda: inventory
    monkeypatch.setattr(commands.CommandOptions, "connect", lambda _: cluster)
    return cluster


def test_what_is_pinned_in_the_cluster_stays(running):
    assert running.endpoint("one")["status"]["resolved"]["recipe"] == "qwen3-32b-mi300x-fp8"
    done = aim("plan", "-f", several(one={"replicas": 2}), "--live", "--compare", "LIVE", "-o", "markdown")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "**1 changed without a restart.**" in done.stdout
    assert "| recipe | `qwen3-32b-mi300x-fp8` | `qwen3-32b-mi300x-fp8` |\n| replicas | `1` | `2` |" in done.stdout


def test_a_change_of_the_request_selects_anew_and_other_endpoints_of_the_cluster_are_no_part_of_it(running):
    running.found["other"] = {**running.found["one"], "metadata": {"name": "other", "namespace": "default"}}
    change = several(one={"precision": "bf16"}, two={})
    done = aim("plan", "-f", change, "--live", "--compare", "LIVE", "-o", "markdown")
    assert "**1 with another decision and a restart; 1 new.**" in done.stdout
    assert "| recipe | `qwen3-32b-mi300x-fp8` | `qwen3-32b-mi300x-bf16` |" in done.stdout
    assert "default/other" not in done.stdout
