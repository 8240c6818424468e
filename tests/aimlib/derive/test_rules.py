"""The table of rules is about engines, flags and GPUs that there are."""

import pytest

from aimlib.api.model_facts import ModelFacts, Quantization
from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.derive.recommended import recommended
from aimlib.derive.rules import lengths, precision_of, rules
from aimlib.engines.catalogue import engines, parse_args
from aimlib.engines.flags import flag_table
from aimlib.hardware.products import known_products, products
from tests.aimlib.make import FACTS
from tests.files import read_all
from tests.test_recipes import FOLDER, RECIPES

ARCHITECTURES = {one.architecture for one in products()}


@pytest.mark.parametrize("engine", [one.name for one in engines()])
def test_every_flag_is_the_engines(engine):
    table = flag_table(engine)
    for flag in (*rules().portable[engine], *rules().alike[engine], *rules().own[engine]):
        named = table.find(flag)
        assert named is not None
        assert named.name == flag
    for row in rules().defaults:
        assert row.engine != engine or not parse_args(engine, row.args).errors


@pytest.mark.parametrize("engine", engines(), ids=lambda one: one.name)
def test_what_is_computed_or_runs_code_is_taken_from_no_recipe(engine):
    flags = engine.flags
    assert {flags.tensor_parallel, flags.max_model_len, flags.trust_remote_code} <= {*rules().own[engine.name]}
    assert not {*rules().own[engine.name]} & {*rules().portable[engine.name], *rules().alike[engine.name]}


def test_rows_name_architectures_that_there_are():
    rows = (*rules().defaults, *(row for rows in rules().kernels.values() for row in rows))
    assert {name for row in rows for name in row.architectures or ()} <= ARCHITECTURES
    assert {name for row in rows for name in row.quantizations or ()} <= {None, *Quantization.__args__}
    assert {name for family in rules().families for name in family} <= ARCHITECTURES


def backends(engine, args):
    chosen = {*rules().alike[engine]}
    return {(one.flag, str(one.value).upper()) for one in parse_args(engine, args).arguments if one.flag in chosen}


def test_backends_are_those_that_recipes_here_or_the_engines_makers_name_for_the_architecture():
    by_name, mi300x = {one.name: one for one in engines()}, known_products().product("MI300X")
    models = [one for path in (FOLDER / "models").glob("*.yaml") for one in read_all(path)]
    theirs = {
        (spec["modelId"], spec["facts"].get("architecture"))
        for spec in (one["spec"] for one in models if one["kind"] == "AIMModel")
    }
    for row in (one for one in rules().defaults if one.models):
        wanted = backends(row.engine, row.args)
        here = {
            one.spec.facts.architecture
            for one in RECIPES.values()
            for configuration in one.spec.configurations
            if one.spec.facts and wanted <= backends(row.engine, configuration.args)
        }
        guides = {
            architecture
            for model, architecture in theirs
            if wanted <= backends(row.engine, recommended(by_name[row.engine], [model], mi300x).args)
        }
        assert {*row.models} <= here | guides


def test_each_format_has_a_precision():
    assert {*rules().formats} == {*Quantization.__args__}
    assert {*rules().formats.values()} <= {*PRECISION_SPELLINGS.values()}
    assert {*rules().kernels} <= {*rules().formats}


@pytest.mark.parametrize(("quantization", "precision"), [(None, "bf16"), ("fp8-block", "fp8"), ("awq", "int4")])
def test_the_precision_is_that_of_the_format(quantization, precision):
    facts = {**FACTS, "quantization": quantization} if quantization else FACTS
    assert precision_of(ModelFacts.model_validate(facts)) == precision


@pytest.mark.parametrize(
    ("longest", "tried"),
    [
        (4096, (4096,)),
        (8192, (8192,)),
        (40960, (40960, 32768, 16384, 8192)),
        (131072, (131072, 65536, 32768, 16384, 8192)),
        (10_485_760, (131072, 65536, 32768, 16384, 8192)),
    ],
)
def test_contexts_are_tried_from_the_longest_down(longest, tried):
    assert lengths(ModelFacts.model_validate({**FACTS, "maxContext": longest})) == tried
