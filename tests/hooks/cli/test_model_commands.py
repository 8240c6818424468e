"""`aim model inspect` prints an AIMModel that explain and plan take, or says what is wrong."""

import json

import pytest
import yaml

from tests.hooks.cli.commandline import NODES, aim, endpoint
from tests.hooks.jobs.volume.test_inspection import safetensors
from tests.hub import Hub

CONFIG = {
    "architectures": ["Qwen3ForCausalLM"],
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 4096,
    "max_position_embeddings": 40960,
}


def files(**changes):
    return {"config.json": json.dumps({**CONFIG, **changes}).encode(), "model.safetensors": safetensors((4, 5))}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "acme-8b"
    made.mkdir()
    for name, content in files().items():
        (made / name).write_bytes(content)
    return made


@pytest.fixture
def hub(monkeypatch):
    with Hub() as made:
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setenv("HF_TOKEN_PATH", "/nowhere/token")
        yield made


def test_a_folder_becomes_a_model_that_explain_takes(folder):
    done = aim("model", "inspect", folder, "--as", "acme/acme-8b")
    assert done.exit_code == 0
    found = yaml.safe_load(done.stdout)
    assert (found["kind"], found["metadata"]["name"]) == ("AIMModel", "acme-8b-bf16")
    assert found["spec"]["modelId"] == "acme/acme-8b"
    assert found["spec"]["facts"]["architecture"] == "Qwen3ForCausalLM"
    wish = endpoint(modelId="acme/acme-8b")
    explained = aim("explain", "-f", wish, "-f", done.stdout, "--cluster", NODES / "mi300x.yaml", "-o", "json")
    assert explained.exit_code == 0
    best = json.loads(explained.stdout)["candidates"][0]
    assert (best["recipe"], best["hardware"]) == ("derived-acme-8b-mi300x-bf16", "MI300X")
    shown = aim("explain", "-f", wish, "-f", done.stdout, "--cluster", NODES / "mi300x.yaml")
    assert "derived from AIMModel acme-8b-bf16: memory" in shown.stdout


def test_a_repository_is_asked_for_at_the_hub_or_its_mirror(hub, monkeypatch):
    hub.add("acme/it-AWQ", files(quantization_config={"quant_method": "awq"}, auto_map={"AutoModel": "a.B"}))
    done = aim("model", "inspect", "acme/it-AWQ", "--as", "acme/it", "--hub", hub.url)
    found = yaml.safe_load(done.stdout)
    assert found["metadata"]["name"] == "it-int4"
    assert (found["spec"]["modelId"], found["spec"]["source"]) == ("acme/it", "acme/it-AWQ")
    assert "acme/it-AWQ has code of its own (auto_map), which derived candidates never run" in done.stderr
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    found = yaml.safe_load(aim("model", "inspect", "acme/it-AWQ").stdout)
    assert (found["spec"]["modelId"], "source" in found["spec"]) == ("acme/it-AWQ", False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acme/none",), "has no model acme/none"),
        (("acme/it", "--revision", "v9"), "acme/it at "),
        (("acme/empty",), "acme/empty has no safetensors files"),
        (("acme/odd",), "the config.json of acme/odd lacks what memory is computed from"),
        (("acme/it", "--as", "no id"), "name an id by --as"),
    ],
)
def test_what_is_wrong_is_said(hub, words, said):
    hub.add("acme/it", files())
    hub.add("acme/empty", {"config.json": files()["config.json"]})
    hub.add("acme/odd", {**files(), "config.json": b"{}"})
    done = aim("model", "inspect", *words, "--hub", hub.url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
