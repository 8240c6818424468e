"""Whatever is wrong with the input is said in sentences that name file, line and field, and ends with exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from aimlib.api import API_VERSION
from hooks.cli import main
from tests.hooks.cli.commandline import EXAMPLES, NODES, aim, endpoint, recipe

SHORT = EXAMPLES / "endpoint-short.yaml"
QWEN = "Qwen/Qwen3-32B"


def refused(*words, input=None):  # noqa: A002 - as in subprocess.run
    """What standard error says when the input is refused."""
    done = aim(*words, input=input)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [\n", ":2:1: "),
        ("a: b: c\n", ":1:5: mapping values are not allowed"),
        ("a: 1\na: 2\n", ":2:1: duplicate key 'a'"),
        ("a: \x00\n", "not YAML: "),
        ("{a: 1,\n", ":2:1: "),
        ("just words\n", ":1: not an object with apiVersion, kind and metadata"),
        ("- 1\n", ":1: not an object"),
        ("a: &a [*a]\n", ":1:4: an alias makes it contain itself"),
        ("? [a]\n: b\n", "unhashable key"),
        ("\n{a: " * 3000 + "1" + "}" * 3000, ":102:1: it is nested more than 100 levels deep"),
        ("kind: X\n", "apiVersion: is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: {}\n", ":3: X: metadata: name is missing"),
        ("apiVersion: v1\nkind: X\nmetadata: []\n", ":3: X: metadata: must be an object, found a list"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: A_b}\n", "metadata.name: must match"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: a, labels: {b: 1}}\n", "metadata.labels.b: must be text, found 1"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
            ":2: Pod a: kind: only AIMEndpoint, AIMCache, AIMRecipe, AIMModel and",
        ),
        ("apiVersion: a/v1\nkind: InferenceService\nmetadata: {name: a}\n", "; `aim migrate kserve` translates it\n"),
        ("apiVersion: a/v1\nkind: ScaledObject\nmetadata: {name: a}\n", "; scaling of an AIMEndpoint takes its place"),
        ("apiVersion: v1\nkind: List\nitems: [1]\n", ":3: not an object"),
        (f"apiVersion: {API_VERSION}\nkind: AIMRecipeList\nitems: []\n", "no AIMEndpoint"),
        ("# nothing\n---\n", "no AIMEndpoint"),
    ],
)
def test_text_that_is_no_object(text, said):
    assert said in refused("plan", "-f", text)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"modelId": QWEN, "gpucount": 1}, "spec.gpucount: unknown field; did you mean spec.gpuCount?"),
        (
            {"modelId": QWEN, "recipe": {"name": "mine"}},
            "spec.recipe.name: unknown field; did you mean spec.recipe.customRecipe.name?",
        ),
        (
            {"modelId": QWEN, "customRecipe": {}},
            "spec.customRecipe: unknown field; did you mean spec.recipe.customRecipe?",
        ),
        ({"modelId": QWEN, "zzz": 1}, "spec.zzz: unknown field\n"),
        ({"modelId": QWEN, "recipe": {"fallback": [{"precison": "fp8"}]}}, "spec.recipe.fallback[0].precison: unknown"),
        ({"modelId": QWEN, "gpuCount": "two"}, "spec.gpuCount: must be a whole number, found 'two'"),
        ({"modelId": QWEN, "gpuCount": True}, "spec.gpuCount: must be a whole number, found true"),
        ({"modelId": QWEN, "gpuCount": 65}, "spec.gpuCount: must be at most 64, found 65"),
        ({"modelId": QWEN, "replicas": -1}, "spec.replicas: must be at least 0, found -1"),
        ({"modelId": None}, "state which model to serve: modelId or model.id"),
        ({"modelId": "a b"}, "spec.modelId: must match"),
        (
            {"modelId": QWEN, "model": {"source": "oci+native://a/b"}},
            "spec.model.source: must match its format: a source such as hf://Qwen/Qwen3-32B@main",
        ),
        ({"modelId": ""}, "spec.modelId: must have at least 1 characters, found ''"),
        ({"modelId": "a" * 257}, "spec.modelId: must have at most 256 characters"),
        ({"modelId": QWEN, "backend": "tensorrt"}, "spec.backend: must be one of auto, vllm, sglang, found 'tensorrt'"),
        ({"modelId": QWEN, "precision": "fp99"}, "spec.precision: must be one of auto, bf16, bfloat16"),
        ({"modelId": QWEN, "cache": []}, "spec.cache: must be an object, found a list"),
        ({"modelId": QWEN, "cache": {"size": "much"}}, "spec.cache.size: must match"),
        ({"modelId": QWEN, "image": {"pullSecrets": {}}}, "spec.image.pullSecrets: must be a list, found an object"),
        ({"modelId": QWEN, "image": {"pullSecrets": ["a"] * 17}}, "must have at most 16 items"),
        ({"modelId": QWEN, "service": {"annotations": {str(n): "" for n in range(33)}}}, "at most 32 entries"),
        ({"modelId": QWEN, "recipe": {"customRecipe": {}}}, "spec.recipe.customRecipe: name is missing"),
        ({"modelId": QWEN, "deployment": {"strategy": {"rollingUpdate": {"maxSurge": "x"}}}}, "maxSurge: must match"),
        ({}, "state which model to serve: modelId or model.id"),
        ({"modelId": QWEN, "model": {"id": "other"}}, "modelId and model.id are the same setting"),
        (
            {"modelId": QWEN, "gpuCount": 1, "resources": {"gpuCount": 2}},
            "gpuCount and resources.gpuCount are the same",
        ),
        ({"modelId": QWEN, "autoSelect": False}, "autoSelect: false selects nothing by itself"),
        (
            {"modelId": QWEN, "deployment": {"canary": {"steps": [{"weight": 5}], "duration": 60}}},
            "deployment.canary: state either steps, or trafficSplit and duration",
        ),
    ],
)
def test_an_endpoint_that_the_api_server_would_refuse(spec, said):
    for command in ("plan", "explain"):
        assert said in refused(command, "-f", endpoint(**spec))


def test_findings_name_the_line_of_the_field_each():
    text = SHORT.read_text().replace("gpuCount:", "gpucount:").replace("precision:", "precison:")
    first, second = refused("plan", "-f", text).splitlines()
    assert first.startswith("Error: ")
    assert ":7: AIMEndpoint qwen-endpoint: spec.gpucount: unknown field; did you mean spec.gpuCount?" in first
    assert ":8: AIMEndpoint qwen-endpoint: spec.precison: unknown field; did you mean spec.precision?" in second
    nested = endpoint(modelId=QWEN, recipe={"fallback": [{"gpuCount": 1}, {"gpuCount": "x"}]})
    [line] = refused("plan", "-f", nested).splitlines()
    assert f":{nested.splitlines().index('    - gpuCount: x') + 1}: " in line


def test_json_has_no_lines_but_all_the_rest():
    wanted = json.dumps(yaml.safe_load(endpoint(modelId=QWEN, gpucount=1)))
    assert refused("plan", "-f", "-", input=wanted).startswith("Error: standard input: AIMEndpoint it: spec.gpucount")


def test_nesting_without_end():
    deep = endpoint(modelId=QWEN) + "  cache: " + "{cache: " * 3000 + "1" + "}" * 3000 + "\n"
    assert "it is nested more than 100 levels deep" in refused("plan", "-f", deep)
    assert refused("plan", "-f", '{"a":\n' * 100_000) == "Error: the input is nested too deeply\n"


def test_settings_are_read_like_objects(tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("[" * 100_000)
    said = refused("plan", "-f", endpoint(modelId=QWEN), "--config", str(settings))
    assert f"{settings}:1:101: it is nested more than 100 levels deep" in said


def test_another_version_of_the_api():
    text = SHORT.read_text().replace("/v1alpha1", "/v1")
    assert "apiVersion: 'aim.engine.amd.com/v1' is not served; it is aim.engine.amd.com/v1alpha1" in refused(
        "plan", "-f", text
    )


def test_a_spec_that_is_missing():
    assert "spec: is missing" in refused("plan", "-f", SHORT.read_text().split("spec:")[0])


def test_a_recipe_beside_the_endpoint_is_held_to_its_schema_too():
    text = f"{endpoint(modelId=QWEN)}---\n{recipe('mine', hardwear='MI300X')}"
    assert "AIMRecipe mine: spec.hardwear: unknown field; did you mean spec.hardware?" in refused("plan", "-f", text)


def test_the_cluster_cannot_be_reached(tmp_path):
    done = aim("recipes", "--live", "--kubeconfig", tmp_path / "nothing")
    assert (done.exit_code, done.stderr) == (1, f"Error: --kubeconfig {tmp_path / 'nothing'}: there is no such file\n")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("")
    for command in (("explain", "x"), ("recipes", "--live"), ("plan", "--live", "-f", SHORT)):
        done = aim(*command, "--kubeconfig", kubeconfig)
        assert done.exit_code == 1
        assert "Error: no cluster is configured: " in done.stderr
        assert done.stderr.endswith("; name one by --kubeconfig or KUBECONFIG\n")
    kubeconfig.write_text(yaml.safe_dump(NOWHERE))
    done = aim("explain", "x", "--kubeconfig", kubeconfig)
    assert done.exit_code == 1
    assert "Error: the cluster cannot be reached at 127.0.0.1:1: " in done.stderr
    done = aim("explain", "x", "--kubeconfig", kubeconfig, "--context", "none")
    assert done.exit_code == 1
    assert "none" in done.stderr


NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "me", "user": {}}],
}


def test_files_that_are_not_there_or_not_right(tmp_path):
    assert refused("plan", "-f", tmp_path / "none.yaml").endswith("none.yaml: No such file or directory\n")
    assert "no *.yaml, *.yml or *.json in this folder" in refused("plan", "-f", tmp_path)
    assert "none: No such file" in refused("plan", "-f", SHORT, "--recipes", tmp_path / "none")
    assert "none: No such file" in refused("plan", "-f", SHORT, "--config", tmp_path / "none")
    assert "only AIMRecipe belongs among the recipes" in refused("plan", "-f", SHORT, "--recipes", SHORT)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "binary.yaml: not YAML: " in refused("plan", "-f", tmp_path / "binary.yaml")


def test_two_recipes_of_one_name(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(recipe("same"))
    said = refused("recipes", "--recipes", tmp_path)
    assert "b.yaml:1: " in said or "b.yaml:" in said
    assert "metadata.name: this name is taken by" in said
    assert "a.yaml:" in said


def test_settings_that_are_wrong(tmp_path):
    settings = tmp_path / "config.yaml"
    for text, said in (
        ("sharedMemori: 1Gi\n", "settings: 'sharedMemori' is not known; did you mean sharedMemory?"),
        ("a: b: c\n", "mapping values are not allowed"),
        ("- 1\n", "config.yaml: settings: "),
    ):
        settings.write_text(text)
        assert said in refused("plan", "-f", SHORT, "--config", settings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "Pod"}, "Pod mi300x-0: kind: a cluster is described by Node, AIMNode or AIMInventory, and"),
        (
            {"status": {"allocatable": {"amd.com/gpu": "many"}}},
            "Node mi300x-0: status.allocatable: 'many' is not a quantity",
        ),
        ({"status": {"allocatable": []}}, "Node mi300x-0: status.allocatable: "),
        ({"spec": {"taints": [{"key": "a"}]}}, "Node mi300x-0: spec.taints[0].effect: "),
        ({"kind": "AIMNode"}, "AIMNode mi300x-0: spec is missing"),
        ({"kind": "AIMNode", "spec": {"usable": "perhaps"}}, "AIMNode mi300x-0: spec: usable: "),
        ({"kind": "AIMInventory", "status": None}, "AIMInventory mi300x-0: status is missing"),
    ],
)
def test_a_cluster_that_cannot_be_read(changes, said):
    node = next(yaml.safe_load_all((NODES / "mi300x.yaml").read_text()))
    assert said in refused("plan", "-f", SHORT, "--cluster", yaml.safe_dump({**node, **changes}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan",), "name an AIMEndpoint or AIMCache: -f FILE"),
        (("explain",), "name an AIMEndpoint: -f FILE, or its NAME in the running cluster"),
        (("explain", "x", "-f", "y"), "name an AIMEndpoint"),
        (("explain", "pod/x"), "pod/x: only an AIMEndpoint can be explained"),
        (("plan", "-f", "-", "--cluster", "-"), "standard input (-) can be read only once"),
        (("plan", "-f", "x", "--live", "--cluster", "y"), "--cluster, --hardware and --recipes replace"),
        (("explain", "x", "--recipes", "y"), "--cluster, --hardware and --recipes replace"),
        (("recipes", "--live", "--recipes", "y"), "--cluster, --hardware and --recipes replace"),
        (("plan", "-f", "x", "-o", "xml"), "'xml' is not one of"),
        (("completion", "tcsh"), "'tcsh' is not one of"),
        (("plam",), "No such command 'plam'"),
    ],
)
def test_a_command_line_that_is_wrong(words, said):
    assert said in refused(*words)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("qwen", "--model", QWEN), "or a --model"),
        (("--model", "no model"), "--model: AIMEndpoint model-1: spec.modelId: "),
        (("--model", QWEN, "--hardware", "MI300Y"), "--hardware MI300Y: no known GPU product; did you mean MI300X?"),
        (("--model", QWEN, "--hardware", "?"), "no known GPU product; known are "),
        (("--model", QWEN, "--hardware", "CPU", "--cluster", NODES), "two ways to describe a cluster"),
        (("--model", QWEN, "--hardware", "CPU", "--live"), "replace the running cluster"),
    ],
)
def test_models_and_hardware_that_are_none(args, words):
    assert words in refused("explain", *args)


def test_an_output_that_cannot_be_written_is_an_error_in_one_line():
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hooks.cli.main", "recipes"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (74, b"Error: the output cannot be written: No space left on device\n")


class Unwritable:
    """A standard output that cannot be written."""

    def __init__(self, error):
        self.error = error

    def flush(self):
        raise self.error

    close = flush


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device"), 74, "Error: the output cannot be written: No space left on device\n"),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
    ],
)
def test_the_end_of_a_program_whose_output_cannot_be_written(monkeypatch, capsys, error, code, said):
    monkeypatch.setattr(main, "cli", lambda **_: None)
    monkeypatch.setattr(main.gc, "disable", lambda: None)
    monkeypatch.setattr(sys, "stdout", Unwritable(error))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == code
    assert capsys.readouterr().err == said
