"""What the operator knows of vLLM's arguments, held against the parser of the real one, which is a version older."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from aimlib.api.recipe import AIMRecipe
from aimlib.engines.catalogue import engine
from aimlib.selection.launch import Launch, launch
from tests.e2e.space import recipe
from tests.test_recipes import RECIPES

pytestmark = pytest.mark.engines

HERE = Path(__file__).parent
VLLM = engine("vllm")
CATALOGUE = HERE.parents[1] / "aimlib" / "data" / "engines" / f"vllm-{VLLM.version}.yaml"
FLAGS = yaml.safe_load(CATALOGUE.read_text())["flags"]
NEW = {"--monokernel", "--reasoning-effort-map", "--sleep-mode-backend", "--watchdog-config"}
"""Flags that 0.33 has and the engine here, 0.32, has not."""
SAMPLES = (None, "1", "0.5", "32k", "auto", "abc", "{}", "[1]", "None", "true")
"""Values, the first one being none at all, that each flag is given."""
A_RANK = "starts one rank for a load balancer over them, which a replica's one address is not"
BEYOND = {
    "--data-parallel-external-lb": A_RANK,
    "--data-parallel-hybrid-lb": A_RANK,
    "--data-parallel-rank": A_RANK,
    "--data-parallel-start-rank": A_RANK,
    "--config": "reads the file",
    "--chat-template": "looks for the file",
    "--data-parallel-multi-port-external-lb": "wants several ranks beside it",
    "--grpc-port": "wants a variable beside it",
    "--lora-modules": "looks into each value",
    "--tool-strict-level": "cannot be None before 0.33",
    "--model-loader-extra-config": "takes any text for an object's name",
    "--gpu-memory-utilization": "checks the range later, when it allocates",
}
"""Flags about whose values the two may differ, and what the engine does."""


def words(started: Launch, model: str) -> list[str]:
    """The arguments that the container of an endpoint has."""
    flags = VLLM.flags
    return [model, flags.served_model_name, model, flags.host, "0.0.0.0", flags.port, str(VLLM.port), *started.args]  # noqa: S104 - as in a pod


def started_with(arguments: list[str]) -> Launch:
    """What the operator makes of one configuration's arguments."""
    raw = recipe("x", modelId="a/b", hardware="CPU", configurations=[{"gpuCount": 0, "args": arguments}])
    spec = AIMRecipe.model_validate(raw).spec
    return launch(spec, spec.configurations[0])


def shipped() -> dict[str, list[str]]:
    """The command line of each configuration of each recipe for vLLM."""
    recipes = {stem: one.spec for stem, one in RECIPES.items() if one.spec.backend == "vllm"}
    return {
        f"{stem} with {configuration.gpu_count} GPUs": words(launch(spec, configuration), spec.loaded)
        for stem, spec in recipes.items()
        for configuration in spec.configurations
    }


def sampled() -> dict[str, Launch]:
    """Each flag that both know with each value, by its words."""
    known = sorted(FLAGS.keys() - NEW - BEYOND.keys())
    values = {flag: [*SAMPLES, *map(str, FLAGS[flag].get("choices", ())[:1])] for flag in known}
    spelt = [flag if value is None else f"{flag}={value}" for flag in known for value in values[flag]]
    return {word: started_with([word]) for word in spelt}


@pytest.fixture(scope="module")
def samples():
    return sampled()


@pytest.fixture(scope="module")
def said(programs, samples) -> dict:
    """What the engine's parser says of everything, in one run: it takes half a minute to be imported."""
    accepted = {f"a {word}": words(one, "a/b") for word, one in samples.items() if not one.problems}
    given = {f"g {word}": ["a/b", word] for word, one in samples.items() if one.problems}
    lines = json.dumps({**shipped(), **accepted, **given})
    command = [programs / "python", HERE / "parsing.py"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_it_accepts_every_configuration_of_every_shipped_recipe(said):
    names = shipped()
    assert len(names) > 100
    assert {name: why for name, why in said["errors"].items() if name in names} == {}


def test_it_has_the_flags_that_the_catalogue_has(said):
    known = said["flags"].keys() - {"-h"}
    assert known - FLAGS.keys() == set()
    assert FLAGS.keys() - known == NEW


def test_its_flags_have_the_other_names_of_the_catalogue(said):
    for flag in FLAGS.keys() - NEW:
        names = {name for name in said["flags"][flag] if not name.startswith("--no-")} - {flag}
        assert names == set(FLAGS[flag].get("aliases", ())), flag


def test_it_accepts_what_the_operator_accepts(samples, said):
    accepted = [word for word, one in samples.items() if not one.problems]
    assert len(accepted) > 500
    refused = {word: said["errors"][f"a {word}"] for word in accepted if f"a {word}" in said["errors"]}
    assert not refused, "\n".join(f"{word}: {why}" for word, why in refused.items())


def test_it_refuses_what_the_operator_refuses(samples, said):
    refused = {word: one.problems for word, one in samples.items() if one.problems}
    assert len(refused) > 500
    assert {word: why for word, why in refused.items() if f"g {word}" not in said["errors"]} == {}
