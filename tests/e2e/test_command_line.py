"""The command line against a real control plane: stored explanations, fresh ones, and plans that kubectl takes."""

import json
import re
import subprocess
import sys
import tarfile

import pytest
import yaml

from tests.aimlib.migration.test_migration import CASES, translated
from tests.cluster.plane import KubectlError
from tests.e2e.space import endpoint
from tests.hooks.cli.commandline import EXAMPLES, aim, cache

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
TO_LIST = re.compile(r"the cluster's list (\w+) must allow ([^, ]+)")


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
    assert "has no AIMEndpoint nobody; `aim status` lists those that it has" in unknown.stderr


def test_a_file_is_planned_for_the_running_cluster_and_the_plan_is_accepted(live, space):
    done = live("plan", "--live", "-f", EXAMPLES / "endpoint-full.yaml")
    assert done.exit_code == 0, done.stderr
    said = space.kubectl("apply", "--dry-run=server", "--filename=-", input=done.stdout)
    assert said.count("created (server dry run)") == len(list(yaml.safe_load_all(done.stdout))) == 9
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


def test_an_endpoint_is_run_shown_switched_stopped_and_started(live, space):
    done = live("run", MODEL, "--name", "it", "--hardware", "MI300X", "--detach")
    assert done.exit_code == 0, done.output
    assert live("run", MODEL, "--name", "it", "--hardware", "MI300X", "--detach").stderr == (
        "AIMEndpoint it is there already\n"
    )
    waited = live("wait", "it", "--timeout", "60s")
    assert waited.exit_code == 0, waited.output
    [pod] = space.names("pods")
    shown = live("status", "it").stdout
    assert pod.removeprefix("pod/") in shown
    assert "replicas  1 of 1 ready" in shown
    assert live("status").stdout.splitlines()[1].split()[:3] == ["it", MODEL, "MI300X"]
    assert live("url", "it").stdout == f"http://it.{space.namespace}.svc:8000/v1\n"
    assert live("top").stdout.splitlines()[1].startswith("it ")
    before = space.get("aimendpoint", "it")["spec"]
    refused = live("switch", "it", "--gpus", "3")
    assert refused.exit_code == 3
    assert "requested 3 GPUs" in refused.stdout
    assert live("switch", "it", "--gpus", "2", "--dry-run").exit_code == 0
    assert space.get("aimendpoint", "it")["spec"] == before
    switched = live("switch", "it", "--gpus", "2", "--timeout", "60s")
    assert switched.exit_code == 0, switched.output
    assert space.get("aimendpoint", "it")["status"]["resolved"]["gpuCount"] == 2
    stopped = live("stop", "it", "--timeout", "60s")
    assert stopped.exit_code == 0, stopped.output
    assert live("chat", "it", "-p", "Hi").stderr.startswith("Error: no replica of it is ready: Stopped")
    assert live("start", "it", "--timeout", "60s").exit_code == 0


def test_an_installation_is_examined(live):
    done = live("doctor", "-o", "json")
    found = {one["check"]: one for one in json.loads(done.stdout)["items"]}
    assert {one["check"] for one in found.values() if one["result"] == "unknown"} == set()
    for check in ("Kubernetes", "CRDs", "controllers", "webhooks", "GPUs", "recipes", "your rights"):
        assert found[check]["result"] == "ok", found[check]


def test_a_load_for_a_replica_is_what_the_api_server_accepts(live, space):
    space.apply(endpoint("it", modelId=MODEL, recipe={"hardware": ["MI300X"]}))
    space.ready("it")
    done = live("bench", "it", "--workload", "128/16@2", "--requests", "4", "--dry-run")
    assert done.exit_code == 0, done.output
    [container] = yaml.safe_load(done.stdout)["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["vllm", "bench", "serve"]
    assert f"--model={MODEL}" in container["args"]
    said = space.kubectl("create", "--dry-run=server", "--filename=-", input=done.stdout)
    assert "created (server dry run)" in said


def test_images_and_usage_of_an_installation_are_listed(live, space, cluster):
    space.apply(endpoint("it", modelId=MODEL))
    space.ready("it")
    done = aim("images", "--live", "-o", "json", "--kubeconfig", cluster.kubeconfig)
    assert done.exit_code == 0, done.output
    used = {user for one in json.loads(done.stdout)["items"] for user in one["usedBy"]}
    assert f"AIMEndpoint {space.namespace}/it" in used
    [row] = [one for one in json.loads(live("usage", "-o", "json").stdout)["items"] if one["model"] == MODEL]
    assert row["gpus"] == space.get("aimendpoint", "it")["status"]["resolved"]["gpuCount"]
    assert row["gpuHours"] >= 0


def test_a_report_of_an_installation_has_no_secret(live, space, tmp_path):
    made = endpoint("it", modelId=MODEL)
    made["metadata"]["annotations"] = {"example.com/note": "s3cr3t-of-the-test"}
    space.apply(made)
    space.ready("it")
    path = tmp_path / "report.tar.gz"
    done = live("bug-report", "--file", path)
    assert done.exit_code == 0, done.output
    with tarfile.open(path) as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive.getmembers()}
    assert not [name for name, text in texts.items() if "s3cr3t-of-the-test" in text]
    controller = yaml.safe_load(space.kubectl("get", "compositecontroller", "aimendpoint", "--output=yaml"))
    sent = controller["metadata"]["annotations"]["aim.engine.amd.com/caller-token"]
    assert not [name for name, text in texts.items() if sent in text]
    listed = json.loads(texts["report/aimendpoints.json"])["items"]
    assert [one["metadata"]["name"] for one in listed] == ["it"]
    pods = json.loads(texts[f"report/{space.namespace}/pods.json"])["items"]
    assert len(pods) == len(space.names("pods"))


def test_what_is_not_there_is_a_sentence(live, space):
    done = live("scale", "nobody", "2")
    assert done.exit_code == 1
    there_is_none = "it has none, and `aim run MODEL` makes one"
    assert done.stderr == f"Error: namespace {space.namespace} has no AIMEndpoint nobody; {there_is_none}\n"


def test_recipes_are_listed_with_the_endpoints_that_they_serve(space):
    space.apply(endpoint("it", modelId="Qwen/Qwen3-32B", recipe={"customRecipe": {"name": "qwen3-32b-mi325x-bf16"}}))
    space.ready("it")
    done = aim("recipes", "--live", "--kubeconfig", space.plane.kubeconfig)
    assert done.stdout.splitlines()[0].split()[-1] == "ENDPOINTS"
    [row] = [line for line in done.stdout.splitlines() if line.startswith("qwen3-32b-mi325x-bf16 ")]
    assert row.split()[-2] == "Ready"
    assert int(row.split()[-1]) >= 1


def test_what_is_translated_is_accepted_once_the_lists_have_what_the_table_names(cluster, space, request):
    objects, named = [], []
    for place, case in enumerate(CASES):
        found = translated(case)
        named += [one for part in found.parts for one in TO_LIST.findall(part.why)]
        for one in found.objects:
            one["metadata"] = {"name": f"{one['metadata']['name'][:30]}-{place}"}
            objects.append(one)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})

    def refused():
        try:
            printed = space.kubectl("apply", "--dry-run=server", "--filename=-", input=text)
        except KubectlError as error:
            return str(error)
        assert printed.count("created (server dry run)") == len(objects)
        return ""

    before = cluster.get("configmap", "aim-admission", "--namespace=aim-system")["data"]
    assert {key for key, _ in named} == {"serviceAnnotations", "tokenSecrets", "tolerations"}
    assert "is not allowed in this cluster" in refused()
    request.addfinalizer(lambda: _set_lists(cluster, before))
    _set_lists(cluster, {key: "\n".join([before[key], *(name for of, name in named if of == key)]) for key, _ in named})
    cluster.wait_for("the lists to be seen", lambda: not refused())


def _set_lists(cluster, lists):
    target = ("configmap", "aim-admission", "--namespace=aim-system")
    cluster.kubectl("patch", *target, "--type=merge", f"--patch={json.dumps({'data': lists})}")


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
