"""What a model's files tell without their weights, in a folder and at a hub."""

import json
import os
import struct

import pytest

from hooks.cli.folder_inspection import inspect_folder
from hooks.jobs.volume import inspection
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.hub_files import HubFiles
from hooks.jobs.volume.inspection import MAX_CONFIG, ListedFiles, inspect_files, loaded_weights
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
    assert inspect_folder(folder) == (CONFIG, size(), 10 * 20 + 5 + 14, None)


def test_a_folder_without_a_config(tmp_path):
    with pytest.raises(DownloadError, match=r"has no safetensors files: it has no weights that engines load"):
        inspect_folder(tmp_path)


@pytest.mark.parametrize("content", [b"[]", b"nonsense", b" " * (MAX_CONFIG + 1), b"[" * 100_000], ids=len)
def test_a_config_that_is_none(folder, content):
    (folder / "config.json").write_bytes(content)
    with pytest.raises(DownloadError, match=r"is no JSON object of at most 4 MiB"):
        inspect_folder(folder)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_safetensors_file(folder, content):
    (folder / "model-2.safetensors").write_bytes(content)
    with pytest.raises(DownloadError, match=r"model-2\.safetensors of \S+ is no safetensors file"):
        inspect_folder(folder)


def test_a_pointer_in_place_of_weights_is_named_as_one(folder):
    """As a clone without Git LFS has it: https://github.com/wangshuai67/hf-mirror-cli/issues/17."""
    (folder / "model-2.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(
        DownloadError, match=r"model-2\.safetensors of \S+ is a pointer of Git LFS, as a clone"
    ) as found:
        inspect_folder(folder)
    assert found.value.reason == "NotSafetensors"


@pytest.fixture
def client(hub):
    hub.add("acme/it", FILES)
    return HubClient(hub.url, "acme/it", "main")


def test_a_hub_and_little_of_it_is_read(client):
    commit = client.listing().commit
    assert inspect_files(HubFiles(client)) == (CONFIG, size(), 10 * 20 + 5 + 14, commit)


def test_a_hub_that_ignores_ranges(client, hub):
    hub.fault = Fault(whole=True)
    commit = client.listing().commit
    assert inspect_files(HubFiles(client)) == (CONFIG, size(), 10 * 20 + 5 + 14, commit)


def test_a_hub_that_refuses(client, hub):
    hub.fault = Fault(status=403, headers={"X-Error-Code": "GatedRepo"}, path="config.json")
    with pytest.raises(DownloadError, match="gated"):
        inspect_files(HubFiles(client))


def test_a_web_page_in_place_of_a_config_is_read_again(client, hub):
    hub.fault = Fault(status=200, headers={"Content-Type": "text/html"}, path="config.json")
    with pytest.raises(TransientError, match=r"sent a web page instead of config\.json: a proxy or a sign-in page"):
        inspect_files(HubFiles(client))


def test_a_hub_that_breaks_off(client, hub):
    hub.fault = Fault(cut=True, after=3, path="config.json")
    with pytest.raises(TransientError, match="cannot be reached"):
        inspect_files(HubFiles(client))


def test_weights_in_the_format_of_mistral_count_once(folder):
    (folder / "consolidated.safetensors").write_bytes(safetensors((1000, 1000)))
    assert inspect_folder(folder).size == size()
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (folder / name).unlink()
    assert inspect_folder(folder).parameters == 1_000_000


def index(*names):
    return json.dumps({"weight_map": {f"t{place}": name for place, name in enumerate(names)}}).encode()


def test_weights_that_the_index_does_not_name_are_not_counted(folder):
    """A quantized copy beside the shards: https://github.com/Blaizzy/mlx-vlm/pull/1464."""
    (folder / "model.safetensors").write_bytes(safetensors((1000, 1000)))
    (folder / "model.safetensors.index.json").write_bytes(index("model-1.safetensors", "model-2.safetensors"))
    assert inspect_folder(folder) == (CONFIG, size(), 10 * 20 + 5 + 14, None)


def test_weights_that_the_index_names_and_nobody_has_are_told(folder):
    """15 of 30 files: https://github.com/Neph0s/CoSER/issues/3; https://github.com/sgl-project/sglang/pull/32279."""
    (folder / "model.safetensors.index.json").write_bytes(index(*(f"model-{at}.safetensors" for at in range(1, 31))))
    said = (
        r"lacks model-10\.safetensors and 27 more of the 30 files that model\.safetensors\.index\.json names: engines"
    )
    with pytest.raises(DownloadError, match=said) as found:
        inspect_folder(folder)
    assert found.value.reason == "NotSafetensors"
    (folder / "model.safetensors.index.json").write_bytes(index("model-1.safetensors", "a\x1bb"))
    with pytest.raises(DownloadError, match=r"lacks ab of the 2 files"):
        inspect_folder(folder)


def test_an_index_beside_mistrals_files_alone_is_of_others(folder):
    (folder / "consolidated.safetensors").write_bytes(safetensors((7, 2)))
    (folder / "model.safetensors.index.json").write_bytes(index("model-1.safetensors"))
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (folder / name).unlink()
    assert inspect_folder(folder).parameters == 14


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"weight_map": []}', b'{"weight_map": {"a": 1}}', b"[" * 100_000, b" " * (1 << 20)],
    ids=len,
)
def test_an_index_that_is_none(folder, content, monkeypatch):
    monkeypatch.setattr(inspection, "MAX_WEIGHT_INDEX", 1 << 19)
    (folder / "model.safetensors.index.json").write_bytes(content)
    with pytest.raises(DownloadError, match=r"model\.safetensors\.index\.json of \S+ is no index of at most"):
        inspect_folder(folder)


def test_a_header_that_is_longer_than_the_first_part_is_read_whole(folder):
    (folder / "model-2.safetensors").write_bytes(safetensors(*[(7, 2)] * 5000))
    assert inspect_folder(folder).parameters == 10 * 20 + 5 + 14 * 5000


@pytest.mark.parametrize(
    ("config", "found"),
    [({}, {"quant_method": "modelopt", "quant_algo": "FP8"}), ({"quantization_config": {"a": 1}}, {"a": 1})],
    ids=["beside", "in it"],
)
def test_the_quantization_that_modelopt_writes_beside_the_config_is_read(folder, config, found):
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "hf_quant_config.json").write_text(json.dumps({"quantization": {"quant_algo": "FP8"}}))
    assert inspect_folder(folder).config == {**CONFIG, "quantization_config": found}


def test_a_quantization_beside_the_config_that_is_none(folder):
    (folder / "hf_quant_config.json").write_text(json.dumps({"quantization": "FP8"}))
    assert inspect_folder(folder).config == CONFIG
    (folder / "hf_quant_config.json").write_text("[]")
    with pytest.raises(DownloadError, match=r"hf_quant_config\.json of \S+ is no JSON object"):
        inspect_folder(folder)


def test_an_adapter_is_no_model_and_counts_for_none(folder):
    (folder / "adapter_model.safetensors").write_bytes(safetensors((10, 20)))
    assert inspect_folder(folder).size == size()
    for name in ("model-1.safetensors", "model-2.safetensors"):
        (folder / name).unlink()
    with pytest.raises(DownloadError, match=r"has no weights of a model: it is an adapter \(LoRA\)"):
        inspect_folder(folder)


def test_weights_of_which_files_are_missing_are_not_counted():
    names = [f"model-0000{number}-of-00004.safetensors" for number in range(1, 5)]
    assert loaded_weights(dict.fromkeys(names, 1), "acme/it") == names
    with pytest.raises(DownloadError, match=r"acme/it lacks some of the files that model-00001-of-00004\.safetensors"):
        loaded_weights(dict.fromkeys(names[:3], 1), "acme/it")


def test_what_is_no_file_is_not_read(folder):
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(DownloadError, match=r"has no config\.json, from which memory is computed"):
        inspect_folder(folder)


def test_a_folder_that_may_not_be_read(tmp_path):
    with pytest.raises(DownloadError, match="nowhere: No such file or directory"):
        inspect_folder(tmp_path / "nowhere")


class Many:
    """A model with very many files, or with endless headers."""

    name = "acme/many"

    def __init__(self, count, header=b""):
        self.sizes = {"config.json": 10, **{f"m{place}.safetensors": 2**50 for place in range(count)}}
        self.header, self.reads = header, 0

    def listing(self):
        return ListedFiles("c", self.sizes)

    def read(self, _, path, offset, length):
        self.reads += 1
        return (b"{}" if path == "config.json" else self.header)[offset : offset + length]


def test_a_list_of_a_hundred_thousand_files_is_refused_before_any_is_read():
    many = Many(100_000)
    with pytest.raises(DownloadError, match="lists 100000 safetensors files, and a model has at most 2048"):
        inspect_files(many)
    assert many.reads == 0


def test_headers_are_bounded_together(monkeypatch):
    monkeypatch.setattr(inspection, "MAX_HEADERS", 10_000)
    many = Many(100, safetensors(*[(1,)] * 100))
    with pytest.raises(DownloadError, match=r"has more than \S+ KiB of headers"):
        inspect_files(many)
    assert many.reads < 10


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["b.bin", "a.gguf"], r"GGUF \(a\.gguf\)"),
        (["pytorch_model.bin", "training_args.bin", "a/b.safetensors"], r"PyTorch's \(pytorch_model\.bin\)"),
        (["model.ckpt"], "no weights that engines load"),
        (["tokenizer.json"], "no weights that engines load"),
        (["unet/b.safetensors", "unet/a.safetensors"], r"but in folders \(unet/a\.safetensors\), where engines look"),
        (["a\x1b[31m.gguf"], r"GGUF \(a\[31m\.gguf\)"),
    ],
)
def test_a_repository_without_safetensors_says_what_it_has(paths, words):
    with pytest.raises(DownloadError, match=words):
        loaded_weights(dict.fromkeys(paths, 1), "acme/it")
