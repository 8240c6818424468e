"""A recipe is examined by itself: which of its configurations can be used, and what is wrong with the others."""

import pytest

from aimlib.config import Config
from aimlib.selection.recipe_check import RecipeCheck, check_recipe, loaded_by
from tests.aimlib.make import FACTS, configuration, recipe

SIZES = [configuration(count) for count in (1, 2, 4, 8)]


def test_what_is_right_is_usable_without_a_word():
    assert check_recipe("r", recipe(*SIZES)) == RecipeCheck((1, 2, 4, 8), (), ())
    assert check_recipe("r", recipe(*SIZES)).problems == ()


@pytest.mark.parametrize(
    ("spec", "usable", "problems"),
    [
        (recipe(configurations=[]), (), ["there are no configurations"]),
        (recipe(configuration(1, enabled=False)), (), ["no configuration is enabled"]),
        (
            recipe(*SIZES, facts={**FACTS, "weightsGiB": 381}),
            (4, 8),
            ["1 GPU: memory: needs 394.", "2 GPUs: memory: needs "],
        ),
        (
            recipe(configuration(8), configuration(3)),
            (8,),
            [("3 GPUs: tensorParallel: needs tensor parallel 3; has 64 attention heads, which 3 does not divide")],
        ),
        (
            recipe(hardware="MI210", precision="fp8"),
            (),
            ["1 GPU: supported: needs fp8 weights; has MI210, which supports bf16"],
        ),
        (
            recipe(configuration(1, args=["--swap-space=4"]), configuration(2)),
            (2,),
            [
                (
                    "1 GPU: valid: needs arguments that vLLM 0.33.0 accepts; has arguments with errors: "
                    "--swap-space is not a flag of vLLM 0.33.0"
                )
            ],
        ),
        (recipe(configuration(0)), (), ["CPUs only: valid: needs gpuCount: 0 with hardware CPU only"]),
        (recipe(configuration(1, enabled=False, args=["--nope"]), configuration(2)), (2,), []),
    ],
    ids=[
        "without configurations",
        "with none enabled",
        "too large for one and two",
        "an odd degree",
        "a format that the hardware lacks",
        "an argument that is gone",
        "no GPUs on a GPU",
        "what is not enabled need not be right",
    ],
)
def test_what_is_wrong_is_said_by_number_of_gpus(spec, usable, problems):
    found = check_recipe("r", spec)
    assert found.usable == usable
    assert len(found.problems) == len(problems)
    assert all(said.startswith(start) for said, start in zip(found.problems, problems, strict=True))


def test_neither_the_cluster_nor_its_size_matters():
    many = recipe(configuration(64, args=["--tensor-parallel-size=8", "--pipeline-parallel-size=8"]))
    assert check_recipe("r", many).usable == (64,)


def test_a_recipe_for_processors_is_right_whatever_memory_a_node_has():
    assert check_recipe("r", recipe(configuration(0), hardware="CPU")).usable == (0,)
    assert check_recipe("r", recipe(configuration(0), hardware="CPU", backend="sglang")).usable == (0,)


def test_a_recipe_for_sglang_without_a_stated_part_of_the_memory_is_checked_with_the_engines_own():
    assert check_recipe("r", recipe(*SIZES, backend="sglang")).usable == (1, 2, 4, 8)


def test_what_is_left_out_and_what_could_not_be_checked_is_noted():
    env = [{"name": "HIP_VISIBLE_DEVICES", "value": "0"}]
    found = check_recipe("r", recipe(configuration(2, env=env), facts=None))
    assert found.usable == (2,)
    assert found.notes == (
        "2 GPUs: HIP_VISIBLE_DEVICES is dropped: the device plugin assigns GPUs to containers",
        "memory is not checked: the recipe has no facts",
    )


def test_the_counts_are_in_order_whatever_the_order_of_configurations():
    assert check_recipe("r", recipe(*reversed(SIZES))).usable == (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("hardware", "suggestion"), [("MI3000X", " (did you mean MI300X?)"), ("some GPU of tomorrow", "table: memory")]
)
def test_hardware_that_no_table_has_is_usable_and_noted(hardware, suggestion):
    found = check_recipe("r", recipe(*SIZES, hardware=hardware))
    assert (found.usable, found.problems) == ((1, 2, 4, 8), ())
    assert found.notes[0].startswith(f"hardware '{hardware}' is in no table")
    assert suggestion in found.notes[0]


def test_hardware_of_the_settings_is_checked_by_its_facts():
    small = Config.model_validate({"hardware": [{"name": "X9", "vendor": "nvidia", "memoryGiB": 24}]})
    found = check_recipe("r", recipe(configuration(1), hardware="X9"), small)
    assert (found.usable, found.notes) == ((), ())
    assert "of 24 GiB on X9" in found.problems[0]


@pytest.mark.parametrize(
    ("spec", "loaded"),
    [
        ({"modelId": "acme/x"}, "acme/x"),
        ({"modelId": "acme/x", "checkpoint": "acme/x-FP8"}, "acme/x-FP8"),
        ({"modelId": "acme/x", "source": "acme/x-AWQ"}, "acme/x-AWQ"),
        ({"modelId": "acme/x", "source": "s3://models/x"}, "acme/x"),
        ({"modelId": "acme/x", "source": 3}, "acme/x"),
        ({}, None),
    ],
)
def test_what_is_loaded_is_a_repository_and_of_files_on_a_server_their_id(spec, loaded):
    assert loaded_by({"spec": spec}) == loaded
