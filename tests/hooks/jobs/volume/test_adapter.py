"""What a download tells of a LoRA adapter: by its adapter_config.json, whoever wrote that."""

import json

import pytest

from aimlib.api.adapter import AdapterFacts
from hooks.jobs.volume import adapter, index

ADAPTER = "acme/qwen3-sql"
CONFIG = {"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-32B", "r": 16}
WEIGHTS = "adapter_model.safetensors"


def listed(here, config, weights=WEIGHTS):
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    here.hub.add(ADAPTER, {"adapter_config.json": text, weights: 40_000})
    return here.download(model=ADAPTER)


def test_its_base_model_and_its_rank_are_reported(here):
    found = listed(here, CONFIG)
    assert found.adapter == AdapterFacts(base_model="Qwen/Qwen3-32B", rank=16)
    assert found.report().adapter == found.adapter


@pytest.mark.parametrize(
    ("changes", "base", "rank"),
    [
        ({"rank_pattern": {"layers.0.mlp": 64, "o_proj": 8}}, "Qwen/Qwen3-32B", 64),
        ({"rank_pattern": {"o_proj": 513}}, "Qwen/Qwen3-32B", None),
        ({"rank_pattern": {"o_proj": True}}, "Qwen/Qwen3-32B", None),
        ({"rank_pattern": ["o_proj"]}, "Qwen/Qwen3-32B", None),
        ({"r": "16"}, "Qwen/Qwen3-32B", None),
        ({"r": 10**400}, "Qwen/Qwen3-32B", None),
        ({"base_model_name_or_path": "/data/qwen"}, None, 16),
        ({"base_model_name_or_path": "a\u202eb/c\n"}, None, 16),
        ({"base_model_name_or_path": None}, None, 16),
    ],
)
def test_of_what_its_author_wrote_only_what_has_the_form_is_told(here, changes, base, rank):
    assert listed(here, CONFIG | changes).adapter == AdapterFacts(base_model=base, rank=rank)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"use_dora": False, "modules_to_save": ["embed_tokens", "lm_head"]}, "modules_to_save"),
        ({"bias": "lora_only"}, "bias"),
        ({"use_dora": False, "modules_to_save": None, "bias": "none", "use_rslora": True}, None),
        ({"modules_to_save": []}, None),
    ],
)
def test_what_no_engine_loads_beside_lora_is_told(here, changes, key):
    assert listed(here, CONFIG | changes).adapter.unloadable == key


@pytest.mark.parametrize(
    "config",
    [
        CONFIG | {"peft_type": "PROMPT_TUNING"},
        [],
        b"{",
        b"\xff",
        b"[" * 100_000,
        b" " * (adapter.MAX_ADAPTER_CONFIG + 1),
    ],
)
def test_what_is_no_lora_adapter_has_no_facts(here, config):
    assert listed(here, config).adapter is None


def test_weights_that_are_no_safetensors_are_no_adapter(here):
    assert listed(here, CONFIG, "adapter_model.bin").adapter is None


def test_offline_the_same_is_told(here):
    found = listed(here, CONFIG)
    index.update_index(here.root, lambda before: before.without(found.key), here.said.append)
    assert here.download(model=ADAPTER, offline=True).adapter == found.adapter


def test_an_index_that_is_made_anew_has_it(here):
    found = listed(here, CONFIG)
    here.volume.index_file.write_text("{")
    again = index.load_index(here.root, here.said.append).models[found.key]
    assert again.adapter == found.adapter


def test_an_index_of_an_earlier_release_is_completed(here):
    found = listed(here, CONFIG)
    index.update_index(
        here.root, lambda before: before.having(found.model_copy(update={"adapter": None})), here.said.append
    )
    assert here.download(model=ADAPTER).adapter == found.adapter


def test_a_configuration_that_links_to_no_blob_is_not_read(here):
    found = listed(here, CONFIG)
    repo = here.volume.repo(ADAPTER)
    path = repo.snapshot(found.commit) / "adapter_config.json"
    path.unlink()
    path.symlink_to("/etc/hostname")
    assert adapter.adapter_facts(repo, found.commit, ["adapter_config.json", WEIGHTS]) is None
