"""What a model's files tell without their weights, in a folder and at a hub."""

import json
import struct

import pytest

from hooks.cli.folder_inspection import inspect_folder
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.inspection import MAX_CONFIG, inspect_hub
from tests.hub import Fault

CONFIG = {"num_hidden_layers": 2}


def safetensors(*shapes, after=100):
    header = {f"t{place}": {"dtype": "BF16", "shape": list(shape)} for place, shape in enumerate(shapes)}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    return struct.pack("<Q", len(text)) + text + b"x" * after


FILES = {
    "config.json": json.dumps(CONFIG).encode(),
    "model-1.safetensors": safetensors((10, 20), (5,), after=20_000),
    "model-2.safetensors": safetensors((7, 2)),
    "original/other.safetensors": safetensors((1000, 1000)),
    "tokenizer.json": b"{}",
}
SHAPES = ([1e300] * 9, [2**40, 2**40], [-5], [True], "123", [1] * 17, [1e999], None)


def shaped(shape):
    text = json.dumps({"a": {"shape": shape}}).encode()
    return struct.pack("<Q", len(text)) + text


BROKEN = {
    **{f"the shape {str(shape)[:20]}": shaped(shape) for shape in SHAPES},
    "too short": b"abc",
    "no JSON": struct.pack("<Q", 3) + b"abc",
    "no tensors": struct.pack("<Q", 8) + b'{"a": 1}',
    "no object": struct.pack("<Q", 3) + b"[1]",
    "endless": struct.pack("<Q", 1 << 60),
}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def size():
    return sum(len(FILES[f"model-{number}.safetensors"]) for number in (1, 2))


def test_a_folder(folder):
    assert inspect_folder(folder) == (CONFIG, size(), 10 * 20 + 5 + 14)


def test_a_folder_without_a_config(tmp_path):
    with pytest.raises(DownloadError, match=r"config\.json: No such file"):
        inspect_folder(tmp_path)


@pytest.mark.parametrize("content", [b"[]", b"nonsense", b" " * (MAX_CONFIG + 1), b"[" * 100_000], ids=len)
def test_a_config_that_is_none(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(DownloadError, match=r"is no JSON object of at most 4 MiB"):
        inspect_folder(folder)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_safetensors_file(folder, content):
    (folder / "model-2.safetensors").write_bytes(content)
    with pytest.raises(DownloadError, match=r"model-2\.safetensors is no safetensors file"):
        inspect_folder(folder)


@pytest.fixture
def client(hub):
    hub.add("acme/it", FILES)
    return HubClient(hub.url, "acme/it", "main")


def test_a_hub_and_little_of_it_is_read(client):
    assert inspect_hub(client) == (CONFIG, size(), 10 * 20 + 5 + 14)


def test_a_hub_that_ignores_ranges(client, hub):
    hub.fault = Fault(whole=True)
    assert inspect_hub(client) == (CONFIG, size(), 10 * 20 + 5 + 14)


def test_a_hub_that_refuses(client, hub):
    hub.fault = Fault(status=403, headers={"X-Error-Code": "GatedRepo"}, path="config.json")
    with pytest.raises(DownloadError, match="gated"):
        inspect_hub(client)


def test_a_hub_that_breaks_off(client, hub):
    hub.fault = Fault(cut=True, after=3, path="config.json")
    with pytest.raises(TransientError, match="cannot be reached"):
        inspect_hub(client)
