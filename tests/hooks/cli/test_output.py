"""Commands for programs: each has `-o`, data has standard output for itself, and what was changed is an object."""

import json
import shlex

import pytest
import yaml

from hooks.cli import clock
from tests.docs.cli import WITHOUT_OUTPUT
from tests.docs.test_transcripts import LEAVES
from tests.hooks.cli.commandline import aim, recipe
from tests.hooks.cli.standin_cluster import MODEL, READY, StandInCluster, pod, stored

TWO = {**READY, "history": [], "replicas": {"desired": 2, "ready": 2}}
READS = {"json": json.loads, "yaml": yaml.safe_load}
CHANGES = (
    f"run {MODEL}",
    f"run {MODEL} --detach --name it",
    "switch it --gpus 1",
    "scale it 2",
    "scale it 2 --dry-run",
    "stop it --detach",
    "stop it --dry-run",
    "start it",
    "wait it",
)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(clock, "pause", lambda _: None)


def _outputs(name):
    return next((set(one.type.choices) for one in LEAVES[name].params if "--output" in one.opts), None)


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_command_has_json_yaml_and_a_table_or_a_reason_not_to(name):
    found = _outputs(name)
    assert (found is None) == (name in WITHOUT_OUTPUT)
    assert found is None or found >= {"json", "yaml", "table"}


def test_reasons_are_of_commands_that_are_there():
    assert WITHOUT_OUTPUT.keys() <= LEAVES.keys()


@pytest.mark.parametrize("output", READS)
@pytest.mark.parametrize("command", CHANGES)
def test_what_was_changed_or_waited_for_is_an_endpoint_and_nothing_else(aim_on, command, output):
    standin = StandInCluster(stored(), becomes=[TWO] * 9, pods=[pod()])
    before = stored()
    done = aim_on(standin, *shlex.split(command), "-o", output)
    assert done.exit_code == 0, done.output
    found = READS[output](done.stdout)
    assert found["kind"] == "AIMEndpoint"
    if "--dry-run" in command:
        assert found["spec"] != before["spec"]
        assert standin.found["it"] == before
    else:
        assert found == standin.found[found["metadata"]["name"]]


def test_a_dry_run_of_a_run_is_json_where_that_is_requested(aim_on):
    done = aim_on(StandInCluster(), "run", MODEL, "--dry-run", "-o", "json")
    assert json.loads(done.stdout)["spec"] == {"modelId": MODEL}
    assert done.stderr.startswith("one with 1 GPU")


def test_an_endpoint_that_failed_is_printed_and_the_code_is_the_same(aim_on):
    failed = {"phase": "Failed", "conditions": [{**READY["conditions"][0], "status": "False"}]}
    done = aim_on(StandInCluster(stored(status=failed)), "wait", "it", "-o", "json")
    assert done.exit_code == 4
    assert json.loads(done.stdout)["status"]["phase"] == "Failed"


def test_an_address_as_data(aim_on):
    url = READY["endpoints"]["internal"]
    done = aim_on(StandInCluster(stored()), "url", "it", "-o", "json")
    assert json.loads(done.stdout) == {"name": "it", "namespace": "team", "model": MODEL, "url": url}
    variables = aim_on(StandInCluster(stored()), "url", "it", "--openai", "-o", "yaml")
    assert yaml.safe_load(variables.stdout) == {
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "none",
        "OPENAI_MODEL": MODEL,
    }


def test_a_log_as_data(aim_on):
    log = "INFO fine\nERROR torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB.\n"
    done = aim_on(StandInCluster(stored(), pods=[pod()], log=log), "logs", "it", "-o", "json")
    found = json.loads(done.stdout)
    assert (found["pod"], found["lines"]) == ("it-1", log.splitlines())
    fine = aim_on(StandInCluster(stored(), pods=[pod()], log="fine\n"), "logs", "it", "-o", "json")
    assert json.loads(fine.stdout)["cause"] is None


def test_copies_of_images_as_data():
    done = aim("images", "--mirror", "r.example.com/aim", "--hardware", "MI300X", "-o", "json")
    found = json.loads(done.stdout)["items"]
    [engine] = [one for one in found if one["image"].startswith("vllm/vllm-openai-rocm")]
    assert engine["from"].startswith("docker.io/vllm/vllm-openai-rocm")
    assert engine["to"].startswith("r.example.com/aim/vllm/vllm-openai-rocm")


def test_recipes_of_ones_own_in_each_form():
    own = recipe("own")
    derived = ("recipes", "derive", "--model", "example/model", "--recipes", own, "--hardware", "H100")
    listed = json.loads(aim(*derived, "-o", "json").stdout)["items"]
    assert listed == [*yaml.safe_load_all(aim(*derived).stdout)]
    rows = aim(*derived, "-o", "table").stdout.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [one["metadata"]["name"] for one in listed]
    [checked] = json.loads(aim("recipes", "check", own, "-o", "json").stdout)["items"]
    assert (checked["name"], checked["phase"]) == ("own", "Ready")
