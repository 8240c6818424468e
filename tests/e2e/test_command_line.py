"""The command line against a real control plane: stored explanations, fresh ones, and plans that kubectl takes."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.e2e.space import endpoint
from tests.hooks.cli.commandline import EXAMPLES, aim, cache

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"


@pytest.fixture
def live(cluster, space):
    """`aim` with the cluster's kubeconfig and the space's namespace."""

    def run(*words):
        return aim(*words, "--kubeconfig", cluster.kubeconfig, "--namespace", space.namespace)

    return run


def test_a_running_endpoint_is_explained_as_it_was_decided(live, space):
    space.kubectl("apply", f"--filename={EXAMPLES / 'endpoint-short.yaml'}")
    space.ready("qwen-endpoint")
    done = live("explain", "qwen-endpoint")
    assert done.exit_code == 0
    stored = space.get("aimendpoint", "qwen-endpoint")["status"]["selection"]
    chosen = space.get("aimendpoint", "qwen-endpoint")["status"]["selectedRecipe"]
    facts = [str(chosen[key]) for key in ("name", "gpuCount", "hardware", "precision", "backend")]
    assert done.stdout.splitlines()[1].split()[:6] == ["1", *facts]
    assert f"AIMEndpoint {space.namespace}/qwen-endpoint: {stored['message']}" in done.stdout
    assert f"{len(stored['candidates'])} of {stored['considered']} candidates are listed" in done.stdout
    for spelling in (("aimendpoint/qwen-endpoint",), ("aimep", "qwen-endpoint")):
        assert live("explain", *spelling).stdout == done.stdout


def test_a_fresh_decision_lists_every_candidate(live, space):
    space.apply(endpoint("it", modelId="Qwen/Qwen3-32B"))
    space.ready("it")
    data = json.loads(live("explain", "it", "--fresh", "-o", "json").stdout)
    assert len(data["candidates"]) == data["considered"] > 20
    assert data["candidates"][0]["rank"] == 1


def test_what_nothing_fits_ends_with_exit_code_3_and_says_what_is_wrong(live, space):
    space.apply(endpoint("it", modelId="Qwen/Qwen3-32B", precision="int8"))
    space.becomes("it", "NothingFits")
    done = live("explain", "it")
    assert done.exit_code == 3
    assert "precision: requested precision int8, available" in done.stdout
    considered = space.get("aimendpoint", "it")["status"]["selection"]["considered"]
    assert considered > 20
    assert done.stdout.count(": requested ") == considered + 1  # each candidate, and the closest in the sentence
    unknown = live("explain", "nobody")
    assert unknown.exit_code == 1
    assert '"nobody" not found' in unknown.stderr


def test_a_file_is_planned_for_the_running_cluster_and_the_plan_is_accepted(live, space):
    done = live("plan", "--live", "-f", EXAMPLES / "endpoint-full.yaml")
    assert done.exit_code == 0, done.stderr
    said = space.kubectl("apply", "--dry-run=server", "--filename=-", input=done.stdout)
    assert said.count("created (server dry run)") == len(list(yaml.safe_load_all(done.stdout))) == 7
    as_json = live("plan", "--live", "-f", EXAMPLES / "endpoint-full.yaml", "-o", "json")
    assert space.kubectl("apply", "--dry-run=server", "--filename=-", input=as_json.stdout) == said


def test_a_plan_for_the_running_cluster_mounts_its_caches(live, space):
    space.kubectl("apply", "--filename=-", input=cache({"name": "there"}, models=[{"id": MODEL, "preload": False}]))
    done = live("plan", "--live", "-f", yaml.safe_dump(endpoint("it", modelId=MODEL)))
    assert done.exit_code == 0, done.stderr
    [deployment] = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "Deployment"]
    assert "claimName: there-storage" in yaml.safe_dump(deployment)
    assert f"planned as if AIMCache there had {MODEL}" in done.stderr
    said = space.kubectl("apply", "--dry-run=server", "--filename=-", input=done.stdout)
    assert said.count("created (server dry run)") == len(list(yaml.safe_load_all(done.stdout)))


def test_recipes_are_listed_with_the_endpoints_that_they_serve(space):
    space.apply(endpoint("it", modelId="Qwen/Qwen3-32B", recipe={"customRecipe": {"name": "qwen3-32b-mi325x-bf16"}}))
    space.ready("it")
    done = aim("recipes", "--live", "--kubeconfig", space.plane.kubeconfig)
    assert done.stdout.splitlines()[0].split()[-1] == "ENDPOINTS"
    [row] = [line for line in done.stdout.splitlines() if line.startswith("qwen3-32b-mi325x-bf16 ")]
    assert row.split()[-2] == "Ready"
    assert int(row.split()[-1]) >= 1


def test_it_works_as_a_plugin_of_kubectl(cluster, space, tmp_path):
    plugin = tmp_path / "kubectl-aim"
    plugin.write_text(f"#!{sys.executable}\nfrom hooks.cli.main import main\nmain()\n")
    plugin.chmod(0o755)
    complete = tmp_path / "kubectl_complete-aim"
    complete.write_text(
        f"#!{sys.executable}\nfrom hooks.cli.main import complete_for_kubectl\ncomplete_for_kubectl()\n"
    )
    complete.chmod(0o755)
    environment = cluster.environment
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    environment["PYTHONPATH"] = str(EXAMPLES.parents[1])

    def kubectl(*words):
        return subprocess.run(["kubectl", *words], env=environment, capture_output=True, text=True, check=True).stdout

    assert "Usage: kubectl aim plan [OPTIONS]" in kubectl("aim", "plan", "--help")
    space.apply(endpoint("it", modelId="Qwen/Qwen3-32B"))
    space.ready("it")
    assert "qwen3-32b" in kubectl("aim", "explain", "it", "-n", space.namespace)
    assert kubectl("__complete", "aim", "pl").splitlines()[0].startswith("plan\t")
    assert kubectl("__complete", "aim", "plan", "-f", "").splitlines()[-1] == ":0"
