"""The operator's settings have defaults that work, and refuse what they do not know."""

import pytest
from pydantic import ValidationError

from aimlib.config import Config


def test_an_empty_file_is_a_working_configuration():
    config = Config.model_validate({})
    assert config.tolerated_taints == {"amd": ("amd.com/gpu",), "nvidia": ("nvidia.com/gpu",)}
    assert (config.token_secret.name, config.token_secret.key) == ("huggingface-token", "token")
    assert config.listed_candidates == 20


@pytest.mark.parametrize("taint", ["amd-gpu-unhealthy", "amd-gpu-driver-upgrade", "amd-dcm", "node.kubernetes.io/x"])
def test_a_taint_that_says_broken_is_not_tolerated(taint):
    assert taint not in {key for keys in Config().tolerated_taints.values() for key in keys}


def test_the_file_is_camel_case():
    config = Config.model_validate({"cpuPerDevice": 8, "images": {"vllm/gfx942": "example.com/vllm:1"}})
    assert (config.cpu_per_device, config.images) == (8, {"vllm/gfx942": "example.com/vllm:1"})


@pytest.mark.parametrize(
    "raw",
    [
        {"unknown": 1},
        {"cpuPerDevice": 0},
        {"memoryPerDevice": "much"},
        {"startupSeconds": 9},
        {"listedCandidates": 101},
        {"toleratedTaints": {"amd": "amd.com/gpu"}},
    ],
    ids=str,
)
def test_a_setting_that_is_wrong_is_refused(raw):
    with pytest.raises(ValidationError):
        Config.model_validate(raw)


def test_equal_settings_have_an_equal_digest_and_others_another():
    assert Config().digest == Config.model_validate({"cpuPerDevice": 4}).digest
    assert Config().digest != Config(cpu_per_device=8).digest
