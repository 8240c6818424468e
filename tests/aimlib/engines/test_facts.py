"""What is known of each engine beside its flags: how it is started, its images, its memory, its metrics."""

import pytest

from aimlib.engines.catalogue import MemoryFraction, engine, engines
from aimlib.hardware.products import products

BACKENDS = ("vllm", "sglang")


@pytest.mark.parametrize(
    ("backend", "line"),
    [
        ("vllm", ("vllm", "serve", "a/b")),
        ("sglang", ("python3", "-m", "sglang.launch_server", "--model-path", "a/b")),
    ],
)
def test_the_model_stands_where_the_engine_wants_it(backend, line):
    assert engine(backend).start("a/b") == line


@pytest.mark.parametrize(
    ("backend", "vendor", "architecture", "image"),
    [
        ("vllm", "amd", "gfx90a", "vllm/vllm-openai-rocm:v0.33.0"),
        ("vllm", "amd", "gfx942", "vllm/vllm-openai-rocm:v0.33.0"),
        ("vllm", "amd", "gfx1250", None),
        ("vllm", "nvidia", "sm_90", "vllm/vllm-openai:v0.33.0"),
        ("vllm", "cpu", None, "vllm/vllm-openai-cpu:v0.33.0"),
        ("vllm", "intel", None, None),
        ("sglang", "amd", "gfx90a", None),
        ("sglang", "amd", "gfx942", "lmsysorg/sglang:v0.5.23-rocm10-mi30x"),
        ("sglang", "amd", "gfx950", "lmsysorg/sglang:v0.5.23-rocm10-mi35x"),
        ("sglang", "nvidia", "sm_90", "lmsysorg/sglang:v0.5.23"),
        ("sglang", "nvidia", "sm_75", None),
    ],
)
def test_the_image_is_chosen_by_vendor_and_architecture(backend, vendor, architecture, image):
    assert engine(backend).image(vendor, architecture) == image


def test_vllm_has_an_image_for_every_product():
    assert all(engine("vllm").image(found.vendor, found.architecture) for found in products())


@pytest.mark.parametrize("found", engines(), ids=lambda found: found.name)
def test_images_are_pinned_to_the_version_that_the_flags_are_of(found):
    tags = [image.rpartition(":")[2] for images in found.images.values() for image in images.values() if image]
    assert tags
    assert all(tag.split("-")[0] == f"v{found.version}" for tag in tags)


@pytest.mark.parametrize(
    ("memory", "ranks", "fraction"),
    # SGLang on 192 GiB with one rank: 512 + 1.5 x 16384 + 128 + 2 x 512 + 1536 MiB are set aside.
    [(192, 1, 0.859), (192, 8, 0.854), (79.6, 1, 0.81), (15, 1, 0.657), (1, 8, 0.0)],
)
def test_sglang_plans_with_what_its_reserve_leaves(memory, ranks, fraction):
    assert engine("sglang").default_memory_fraction(memory, ranks) == fraction


@pytest.mark.parametrize(("memory", "groups", "fraction"), [(192, 8, 0.76), (15, 8, 0.645), (15, 1, 0.657)])
def test_sglang_sets_more_aside_for_groups_of_data_parallel_attention(memory, groups, fraction):
    ranks = 8 if memory == 192 else 1
    assert engine("sglang").default_memory_fraction(memory, ranks, groups) == fraction


def test_vllm_plans_with_a_fixed_part():
    assert engine("vllm").default_memory_fraction(64, 1) == 0.92


@pytest.mark.parametrize("facts", [{}, {"fixed": 0.9, "reserve": [{"tokens": 1, "batch": 1}]}])
def test_a_memory_fraction_is_fixed_or_computed(facts):
    with pytest.raises(ValueError, match="either fixed or reserve"):
        MemoryFraction.model_validate(facts)


def test_each_engine_names_every_metric_in_its_own_way():
    for found in engines():
        others = [name for name in found.metrics.model_dump().values() if not name.startswith(f"{found.name}:")]
        assert {name.partition("{")[0] for name in others} <= {"http_requests_total"}, "vLLM's HTTP server counts too"
