"""Models that people ask for, on GPUs that they have, are explained with both numbers where they do not fit."""

import json

import pytest

from tests.files import TESTDATA, read
from tests.hooks.cli.commandline import aim

TABLE = read(TESTDATA / "explain.yaml")
CELLS = [(model, hardware) for model, row in TABLE["fits"].items() for hardware in row]
UNLISTED = """
apiVersion: v1
kind: Node
metadata:
  name: unlisted
  labels:
    nvidia.com/gpu.product: NVIDIA-Q7000
    nvidia.com/gpu.memory: "98304"
    nvidia.com/gpu.count: "8"
    nvidia.com/gpu.compute.major: "9"
    nvidia.com/gpu.compute.minor: "0"
status:
  allocatable: {cpu: "128", memory: 1024Gi, ephemeral-storage: 4Ti, nvidia.com/gpu: "8"}
"""
FLOOR = 8192
"""Tokens of context that everything that fits has."""


def explained(model, hardware):
    where = ("--cluster", UNLISTED) if hardware == "unlisted" else ("--hardware", hardware)
    done = aim("explain", "--model", model, *where, "-o", "json")
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize(("model", "hardware"), CELLS)
def test_a_model_is_served_on_the_fewest_gpus_that_it_fits_on_or_lacks_memory(model, hardware):
    expected = TABLE["fits"][model][hardware]
    code, found = explained(model, hardware)
    best = found["candidates"][0]
    if expected == "no":
        assert code == 3
        assert best["rule"] == "memory"
        derived = [one for one in found["candidates"] if one["rule"] == "memory"]  # a recipe may be for other GPUs
        assert best["gpuCount"] == max(one["gpuCount"] for one in derived)
        assert f"fits (rejected by memory: {len(derived)}" in found["message"]
        assert "; closest is derived-" in found["message"]
    else:
        assert code == 0
        assert f"{best['precision']} {best['gpuCount']}" == expected
        assert best["contextTokens"] >= FLOOR
        assert "and validated by nobody" in found["message"]
    noted = "NVIDIA-Q7000 is in no table of GPU products"
    assert any(noted in warning for warning in found["warnings"]) == (hardware == "unlisted" and expected != "no")


@pytest.mark.parametrize("model", TABLE["quantized"])
@pytest.mark.parametrize("hardware", ["MI300X", "unlisted"])
def test_a_quantized_repository_is_served_by_its_own_id(model, hardware):
    code, found = explained(model, hardware)
    assert code == 0
    best = found["candidates"][0]
    assert (best["checkpoint"], best["precision"]) == (model, "int4")
    assert TABLE["quantized"][model] in found["message"]


def test_every_flag_of_what_is_chosen_is_the_engines():
    code, found = explained("MiniMaxAI/MiniMax-M2", "MI300X")
    assert code == 0
    assert not any(one.get("rule") == "valid" for one in found["candidates"])
