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


def test_prices_are_by_product():
    assert Config.model_validate({"gpuHourPrices": {"MI300X": 2}}).gpu_hour_prices == {"MI300X": 2.0}


def test_tokens_have_a_price_by_the_name_of_the_model():
    prices = {"Qwen/Qwen3-32B": {"prompt": 0.2, "generated": 0.8}, "vectors": {"prompt": 0.1, "generated": 0}}
    found = Config.model_validate({"tokenPrices": prices}).token_prices
    assert {name: (one.prompt, one.generated) for name, one in found.items()} == {
        "Qwen/Qwen3-32B": (0.2, 0.8),
        "vectors": (0.1, 0),
    }


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ({"a": {"prompt": 1}}, "generated"),
        ({"a": {"prompt": -1, "generated": 1}}, "greater than or equal to 0"),
        ({"a": {"prompt": float("inf"), "generated": 1}}, "finite"),
        ({"a": {"prompt": 1, "generated": 1, "cached": 1}}, "cached"),
        ({"a b": {"prompt": 1, "generated": 1}}, "should match pattern"),
    ],
)
def test_a_price_that_is_none_is_refused(prices, words):
    with pytest.raises(ValidationError, match=words):
        Config.model_validate({"tokenPrices": prices})


def test_hardware_of_the_settings_may_come():
    pool = {"product": "X9", "gpusPerNode": 4, "labels": {"pool": "x"}, "memoryGiB": 512}
    [found] = Config.model_validate(
        {"hardware": [{"name": "X9", "vendor": "nvidia"}], "hardwareMayCome": [pool]}
    ).hardware_may_come
    assert (found.product, found.gpus_per_node, found.memory_gib, found.cpus) == ("X9", 4, 512, None)


def test_prices_are_of_any_product_that_is_known_by_any_of_its_names():
    own = {"hardware": [{"name": "X9", "vendor": "nvidia", "aliases": ["X9-PCIe"]}]}
    prices = {"X9": 1.0, "X9-PCIe": 1.0, "MI250X": 2.0}
    assert Config.model_validate({**own, "gpuHourPrices": prices}).gpu_hour_prices == prices
    with pytest.raises(ValidationError, match="'X9' is not known"):
        Config.model_validate({"gpuHourPrices": {"X9": 1.0}})


def test_the_file_is_camel_case():
    config = Config.model_validate({"cpuPerDevice": 8, "images": {"vllm/gfx942": "example.com/vllm:1"}})
    assert (config.cpu_per_device, config.images) == (8, {"vllm/gfx942": "example.com/vllm:1"})


@pytest.mark.parametrize(
    "raw",
    [
        {"unknown": 1},
        {"gpuHourPrices": {"MI999X": 2}},
        {"gpuHourPrices": {"MI300X": 0}},
        {"cpuPerDevice": 0},
        {"memoryPerDevice": "much"},
        {"startupSeconds": 9},
        {"listedCandidates": 101},
        {"toleratedTaints": {"amd": "amd.com/gpu"}},
        {"hardwareMayCome": [{"product": "MI300X", "gpusPerNode": 8}]},
        {"hardwareMayCome": [{"product": "MI300X", "gpusPerNode": 8, "labels": {}}]},
        {"hardwareMayCome": [{"product": "MI300X", "gpusPerNode": 0, "labels": {"a": "b"}}]},
        {"hardwareMayCome": [{"product": "CPU", "gpusPerNode": 1, "labels": {"a": "b"}}]},
    ],
    ids=str,
)
def test_a_setting_that_is_wrong_is_refused(raw):
    with pytest.raises(ValidationError):
        Config.model_validate(raw)


MISTYPED = {
    "a setting": ({"imagse": {}}, "'imagse' is not known; did you mean images?"),
    "a setting in another case": ({"cpuperdevice": 8}, "'cpuperdevice' is not known; did you mean cpuPerDevice?"),
    "several settings": (
        {"cpusPerDevice": 8, "hub": []},
        "'cpusPerDevice' is not known; did you mean cpuPerDevice?; 'hub' is not known",
    ),
    "a field of a Secret": ({"tokenSecret": {"nmae": "x"}}, "'tokenSecret.nmae' is not known; did you mean name?"),
    "a field of a setting that may be absent": (
        {"caBundle": {"configMap": "a", "kye": "b"}},
        "'caBundle.kye' is not known; did you mean key?",
    ),
    "a vendor of a class": ({"runtimeClassNames": {"nvida": "a"}}, "'nvida' is not known; did you mean nvidia?"),
    "a vendor of an image": (
        {"images": {"vllm/amdd": "example.com/vllm:1"}},
        "'vllm/amdd' is not known; did you mean vllm/amd?",
    ),
    "an architecture": ({"images": {"vllm/gfx924": "a:1"}}, "'vllm/gfx924' is not known; did you mean vllm/gfx942?"),
    "an engine": ({"images": {"vlm/amd": "a:1"}}, "'vlm/amd' is not known; did you mean vllm/amd?"),
    "an engine alone": ({"images": {"vllm": "a:1"}}, "'vllm' is not known; did you mean "),
    "a vendor of taints": ({"toleratedTaints": {"amdd": []}}, "'amdd' is not known; did you mean amd?"),
    "a vendor like none": ({"toleratedTaints": {"intel": []}}, "'intel' is not known; known are amd, cpu, nvidia"),
    "a fact of a product": (
        {"hardware": [{"name": "X9", "vendor": "nvidia", "memroyGiB": 48}]},
        "'hardware[0].memroyGiB' is not known; did you mean memoryGiB?",
    ),
    "a fact of a pool": (
        {"hardwareMayCome": [{"product": "MI300X", "gpuPerNode": 8}]},
        "'hardwareMayCome[0].gpuPerNode' is not known; did you mean gpusPerNode?",
    ),
    "a product that may come": (
        {"hardwareMayCome": [{"product": "MI300", "gpusPerNode": 8, "labels": {"a": "b"}}]},
        "'hardwareMayCome: MI300' is not known; did you mean MI300X?",
    ),
    "a number for a name": ({1: 2}, "'1' is not known; known are images, "),
    "a name without end": ({"x" * 99: 2}, f"'{'x' * 80}' is not known"),
}


@pytest.mark.parametrize("case", MISTYPED)
def test_a_key_that_nothing_reads_is_refused_with_the_nearest_one(case):
    raw, sentence = MISTYPED[case]
    with pytest.raises(ValidationError) as error:
        Config.model_validate(raw)
    assert sentence in str(error.value)


def test_every_key_that_something_reads_is_known():
    images = {
        f"{engine}/{target}": "a:1" for engine in ("vllm", "sglang") for target in ("amd", "nvidia", "cpu", "sm_90")
    }
    taints = {"amd": ("a",), "nvidia": ("b",), "cpu": ("c",)}
    config = Config.model_validate({"images": images, "toleratedTaints": taints})
    assert (config.images, config.tolerated_taints) == (images, taints)
    assert Config(tolerated_taints={"amd": ()}).tolerated_taints == {"amd": ()}


@pytest.mark.parametrize("raw", [None, [], "images"])
def test_what_is_no_object_is_no_settings(raw):
    with pytest.raises(ValidationError, match="valid dictionary or instance"):
        Config.model_validate(raw)


def test_equal_settings_have_an_equal_digest_and_others_another():
    assert Config().digest == Config.model_validate({"cpuPerDevice": 4}).digest
    assert Config().digest != Config(cpu_per_device=8).digest


UNUSABLE_PRODUCTS = {
    "two of one name": ([{"name": "X9", "vendor": "amd"}, {"name": "x9", "vendor": "amd"}], "a product twice: x9"),
    "a label that is no pattern": ([{"name": "X9", "vendor": "nvidia", "labels": ["("]}], "no regular expression"),
    "a precision that is none": ([{"name": "X9", "vendor": "nvidia", "precisions": ["fp12"]}], "'fp12' is unknown"),
    "no product": ("X9", "valid"),
}


@pytest.mark.parametrize("case", UNUSABLE_PRODUCTS)
def test_products_that_cannot_be_used_are_refused(case):
    hardware, message = UNUSABLE_PRODUCTS[case]
    with pytest.raises(ValidationError, match=message):
        Config.model_validate({"hardware": hardware})


def test_a_product_of_ones_own_has_the_keys_of_the_table():
    stated = {"name": "X9", "vendor": "nvidia", "architecture": "sm_89", "labels": ["NVIDIA-X9"], "memoryGiB": 48}
    (own,) = Config.model_validate({"hardware": [stated | {"tflops": {"bf16": 100}, "bandwidthTBs": 1}]}).hardware
    assert (own.memory_gib, own.tflops) == (48, {"bf16": 100})
