"""`aim migrate`: what it prints, where, and how it ends; and that what comes of it plans to what ran before."""

import json
import shlex

import pytest
import yaml

from tests.hooks.cli.commandline import aim, on_terminal

WHOLE = "docker run -p 8001:8000 vllm/vllm-openai --model Qwen/Qwen3-32B -tp 2 --dtype bfloat16 --max-model-len 8192"


def test_objects_are_printed_and_the_table_is_apart_from_them():
    done = aim("migrate", "docker", WHOLE)
    assert done.exit_code == 0
    assert yaml.safe_load(done.stdout)["spec"] == {
        "modelId": "Qwen/Qwen3-32B",
        "service": {"port": 8001},
        "gpuCount": 2,
        "precision": "bf16",
        "engine": {"args": ["--max-model-len", "8192"]},
    }
    assert done.stderr.splitlines()[0].split() == ["PART", "OUTCOME", "WHY"]


def test_a_docker_run_as_typed_is_the_quoted_one():
    quoted = aim("migrate", "docker", "--name", "mine", f"{WHOLE} --name x")
    typed = aim("migrate", "docker", "--name", "mine", *shlex.split(WHOLE), "--name", "x")
    assert (typed.exit_code, typed.stdout, typed.stderr) == (quoted.exit_code, quoted.stdout, quoted.stderr)
    assert yaml.safe_load(typed.stdout)["metadata"]["name"] == "mine"
    after = aim("migrate", "docker", WHOLE, "--name", "mine")
    assert yaml.safe_load(after.stdout)["metadata"]["name"] == "mine"


def test_an_object_without_a_kind_is_no_object():
    done = aim("migrate", "kserve", "-", input="a: b\n")
    assert done.exit_code == 2
    assert "no object of Kubernetes, which has a kind: InferenceService or LLMInferenceService" in done.stderr


def test_what_is_translated_plans_to_the_same_model_precision_gpus_context_and_port():
    translated = aim("migrate", "docker", WHOLE)
    planned = aim("plan", "-f", translated.stdout, "--hardware", "MI300X", "-o", "json")
    assert planned.exit_code == 0, planned.stderr
    items = json.loads(planned.stdout)["items"]
    children = {one["kind"]: one for one in items if one["spec"].get("clusterIP") != "None"}
    [container] = children["Deployment"]["spec"]["template"]["spec"]["containers"]
    words = [*container.get("command", ()), *container["args"]]
    assert "Qwen/Qwen3-32B" in words
    assert words[words.index("--max-model-len") + 1] == "8192"
    assert words[words.index("--tensor-parallel-size") + 1] == "2"
    assert container["resources"]["limits"]["amd.com/gpu"] == "2"
    assert children["Service"]["spec"]["ports"][0]["port"] == 8001
    explained = aim("explain", "-f", translated.stdout, "--hardware", "MI300X", "-o", "json")
    assert json.loads(explained.stdout)["candidates"][0]["precision"] == "bf16"


def test_something_lost_ends_with_3_and_the_table_alone_may_be_printed():
    done = aim("migrate", "docker", "-", "-o", "table", input=f"ExecStart={WHOLE} --lora-modules x=y\n")
    assert done.exit_code == 3
    assert done.stderr == ""
    assert "--lora-modules" in done.stdout


def test_a_terminal_of_80_columns_is_enough():
    shown = on_terminal("migrate", "docker", WHOLE, "-o", "table", NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def test_values_of_several_files_and_settings():
    words = ("-f", "modelId: a/b\naim_engine: {gpu_count: 1}\n", "-f", "aim_engine: {gpu_count: 2}\n")
    done = aim(
        "migrate", "helm", *words, "--set", "service.port=80", "--set-string", "aim_engine.precision=fp8", "-o", "json"
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout)["spec"] == {
        "modelId": "a/b",
        "gpuCount": 2,
        "precision": "fp8",
        "service": {"port": 80},
    }


@pytest.mark.parametrize(
    ("system", "found"),
    [
        ("kubeai", {"kind": "Model", "spec": {"url": "hf://a/b", "resourceProfile": "x:1"}}),
        ("compose", {"services": {"x": {"image": "vllm", "command": "a/b -tp 1"}}}),
    ],
)
def test_files_of_other_systems(system, found):
    done = aim("migrate", system, yaml.safe_dump(found), "--name", "mine")
    assert done.exit_code == 0, done.stderr
    assert yaml.safe_load(done.stdout)["metadata"]["name"] == "mine"


@pytest.mark.parametrize(
    ("words", "namespace"),
    [
        (("docker", WHOLE), "team"),
        (("compose", "services: {x: {image: vllm, command: a/b -tp 1}}\n"), "team"),
        (("helm", "--set", "modelId=a/b", "--set", "aim_engine.gpu_count=1"), "team"),
        (("kubeai", "{kind: Model, metadata: {name: x}, spec: {url: 'hf://a/b', resourceProfile: 'x:1'}}\n"), "team"),
        (("kubeai", "{kind: Model, metadata: {namespace: own}, spec: {url: 'hf://a/b'}}\n"), "own"),
    ],
    ids=str,
)
def test_a_namespace_is_stated_where_the_origin_has_none(words, namespace):
    done = aim("migrate", *words, "--namespace", "team")
    assert yaml.safe_load(done.stdout)["metadata"]["namespace"] == namespace


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("docker", "docker run x myserver --api-key s3cr3t"),
        ("docker", "docker run vllm/vllm-openai bash -c 'login --token s3cr3t'"),
        ("kubeai", "kind: Model\nspec: {url: 'hf://a/b?token=s3cr3t'}\n"),
    ],
)
def test_a_refusal_quotes_no_secret(system, text):
    done = aim("migrate", system, text)
    assert done.exit_code == 2
    assert "s3cr3t" not in done.output
    assert "(hidden)" in done.stderr


def test_of_several_objects_a_refusal_quotes_no_secret():
    objects = [
        {"kind": "Deployment", "metadata": {"name": name}, "spec": {"template": {"spec": {"containers": [one]}}}}
        for name, one in (
            ("a", {"name": "a", "image": "vllm/vllm-openai", "args": ["--model=a/b"]}),
            ("b", {"name": "b", "image": "vllm/vllm-openai", "command": ["other", "--token", "s3cr3t"]}),
        )
    ]
    done = aim("migrate", "deployment", yaml.safe_dump_all(objects))
    assert "b" in done.stderr
    assert "other --token (hidden)" in done.stderr
    assert "s3cr3t" not in done.output


def test_what_serves_nothing_is_a_sentence():
    done = aim("migrate", "docker", "docker run x rocm-smi")
    assert (done.exit_code, done.stderr) == (2, "Error: rocm-smi serves no model: there is nothing to translate\n")
    assert aim("migrate", "kserve", "kind: Pod\nmetadata: {}\n").exit_code == 2
