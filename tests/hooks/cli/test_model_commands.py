"""`aim model inspect` prints an AIMModel that explain and plan take, or says what is wrong."""

import json

import pytest
import yaml

from aimlib.api import API_VERSION
from aimlib.api.described_model import ModelSpec
from hooks.jobs.volume.registry import LOGIN_VARIABLE
from tests.hooks.cli.commandline import NODES, aim, endpoint
from tests.hooks.jobs.volume.artifacts import Registry
from tests.hooks.jobs.volume.bucket import KEYS, Bucket
from tests.hooks.jobs.volume.test_inspection import safetensors
from tests.hooks.jobs.volume.tracking import TrackingServer
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


def test_the_facts_of_a_folder_in_each_form(folder):
    done = aim("model", "inspect", folder, "--as", "acme/it")
    assert json.loads(aim("model", "inspect", folder, "--as", "acme/it", "-o", "json").stdout) == yaml.safe_load(
        done.stdout
    )
    head, first, *_ = aim("model", "inspect", folder, "--as", "acme/it", "-o", "table").stdout.splitlines()
    assert (head.split(), first.split()) == (["FACT", "VALUE"], ["modelId", "acme/it"])


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


@pytest.mark.parametrize("place", ["./nowhere", "../nowhere", "/nowhere/at/all"])
def test_a_folder_that_is_not_there_is_no_repository(hub, place):
    done = aim("model", "inspect", place, "--hub", hub.url)
    assert (done.exit_code, done.stderr.strip()) == (2, f"Error: there is no folder {place}")


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


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("pvc://models/mine", "here, `aim model inspect FOLDER --as acme/mine` writes"),
        ("s3://models/mine", "here, `aim model inspect s3://models/mine --as acme/mine` writes"),
    ],
)
def test_a_model_of_another_source_is_read_there(source, said):
    models = [{"id": "acme/mine", "source": source, "maxSize": "2Gi"}]
    cache = {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "own"}, "spec": {"models": models}}
    done = aim("explain", "-f", endpoint(modelId="acme/mine"), "-f", yaml.safe_dump(cache), "--hardware", "H100")
    assert done.exit_code == 3
    assert said in done.stdout


WEIGHTS = safetensors((4, 5)) + bytes(300_000)


@pytest.fixture
def sources(hub, monkeypatch):
    """A source of each kind with the same model, the options for its server, and how many bytes it has sent."""
    for name, text in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), KEYS, strict=True):
        monkeypatch.setenv(name, text)
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", LOGIN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    contents = {**files(), "model.safetensors": WEIGHTS}
    bucket, registry, tracking = Bucket(), Registry(), TrackingServer()
    hub.add("acme/there", contents)
    registry.push("v1", contents)
    tracking.put(contents)
    tracking.register("2")
    for path, content in contents.items():
        bucket.put(f"chat/v1/{path}", content)
    yield {
        "hf": ("hf://acme/there@main",),
        "s3": ("s3://models/chat/v1", "--endpoint", bucket.url),
        "oci": (f"oci://{registry.host}/models/chat:v1", "--endpoint", registry.url),
        "mlflow": ("mlflow://chat@champion", "--endpoint", tracking.url),
    }
    for server in (bucket, registry, tracking):
        server.stop()


@pytest.mark.parametrize("kind", ["hf", "s3", "oci", "mlflow"])
def test_a_source_becomes_a_model_by_an_id_of_its_own(sources, kind):
    done = aim("model", "inspect", *sources[kind], "--as", "acme/mine-8b")
    assert done.exit_code == 0, done.stderr
    spec = yaml.safe_load(done.stdout)["spec"]
    source, *server = sources[kind]
    stated = {"source": source, "access": {"endpoint": server[1]}} if server else {}
    assert {key: spec[key] for key in ("source", "access") if key in spec} == stated
    assert ModelSpec.model_validate(spec).loaded == spec["modelId"] == "acme/mine-8b"
    assert spec["facts"]["architecture"] == "Qwen3ForCausalLM"
    note = "endpoints of acme/mine-8b download it from" if server else "an endpoint has that as model.source"
    assert note in done.stderr


def test_a_folder_on_a_claim_becomes_a_model_whose_endpoints_name_it(tmp_path):
    for path, content in files().items():
        (tmp_path / path).write_bytes(content)
    done = aim("model", "inspect", "pvc://team-models", "--as", "acme/mine-8b", "--source-folder", str(tmp_path))
    assert done.exit_code == 0, done.stderr
    spec = yaml.safe_load(done.stdout)["spec"]
    assert (spec["modelId"], "source" in spec, spec["facts"]["architecture"]) == (
        *("acme/mine-8b", False, "Qwen3ForCausalLM"),
    )
    assert "an endpoint has that as model.source" in done.stderr


def test_what_is_not_simulated_of_a_claim_is_told():
    model = {"id": "acme/mine", "source": "pvc://team-models/mine"}
    done = aim("explain", "-f", endpoint(model=model), "--hardware", "H100")
    assert done.exit_code == 3
    assert "here, `aim model inspect FOLDER --as acme/mine` writes" in done.stdout


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("s3://models/chat",), "state by --as which one endpoints request"),
        (("ftp://models/chat", "--as", "acme/x"), "must be a source such as"),
        (("pvc://claim/chat", "--as", "acme/x"), "--source-folder goes with pvc://claim/folder"),
        (("s3://models/chat", "--as", "acme/x", "--source-folder", "/x"), "--source-folder goes with pvc://"),
        (("mlflow://chat@champion", "--as", "acme/x"), "access.endpoint has to name it"),
    ],
)
def test_a_source_that_cannot_be_read_has_a_message(words, part):
    done = aim("model", "inspect", *words)
    assert (done.exit_code, part in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr
