"""Writes what vLLM's own recipes have: their flags for the shipped models, and what they recommend for all.

tests/testdata/engine-recipes/vllm-<version>.yaml has all flags for the shipped models, and verified-on-amd.yaml beside
it names models; aimlib/data/engines/vllm-<version>-recipes.yaml has, for every model, what a derived candidate may have
(`recommended` in aimlib/data/derive.yaml).

    .venv/bin/python tests/tools/engine_recipes.py
    .venv/bin/python tests/tools/engine_recipes.py --source FOLDER   # an unpacked source distribution

The source distribution is fetched once by pip, pinned by its hash, and kept in the user's cache; it is neither built
nor imported. Only flags, variables and names are taken from its folder recipes/ (Apache-2.0). Where the recipes here
differ is held by tests/tools/test_engine_recipes.py to tests/testdata/engine-recipes/differences.yaml.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "testdata" / "engine-recipes"
OPERATOR = ROOT / "aimlib" / "data"
VERSION = "0.33.0"
SHA256 = "f4c33c2503d52bb411146afa9618a4f48bed68912f617e6803ac8d76e4c74112"
"""Of vllm-0.33.0.tar.gz."""
FEATURES = ("tool_calling", "reasoning")
HEADER = f"""\
# Flags and variables of vLLM's own recipes for the models of this catalogue. Made by tests/tools/engine_recipes.py.
# Source: the folder recipes/ of vllm-{VERSION}.tar.gz (Apache-2.0), sha256 {SHA256}.
# By repository: flags always set, of tool calls and of reasoning together; by hardware what is added there.
"""


def fetch() -> Path:
    """The unpacked source distribution, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aim-engine" / f"vllm-{VERSION}"
    if not list(cache.glob("pip-*/vllm*/recipes")):
        cache.mkdir(parents=True, exist_ok=True)
        pinned = cache / "requirement.txt"
        pinned.write_text(f"vllm=={VERSION} --hash=sha256:{SHA256}\n")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-clean",
        ]
        command += ["--no-build-isolation", "--require-hashes", "--requirement", str(pinned), "--dest", str(cache)]
        # pip unpacks it, and then fails to describe it without the packages that build it: it is only read here.
        subprocess.run(command, env={**os.environ, "TMPDIR": str(cache)}, check=False, capture_output=True)
    found = list(cache.glob("pip-*/vllm*/recipes"))
    if not found:
        raise SystemExit(f"pip could not fetch vllm=={VERSION} as source")
    return found[0].parent


def pairs(words: Iterable[Any]) -> dict[str, str]:
    """Arguments by flag, in one spelling; a flag without a value has an empty one."""
    found: dict[str, str] = {}
    flag = ""
    for word in map(str, words):
        if word.startswith("-") and not word[1:2].isdigit():
            flag, _, value = word.partition("=")
            flag = flag.replace("_", "-") if not flag.startswith("-cc.") else flag
            found[flag] = value
        else:
            found[flag] = word
    return found


def described(recipe: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each repository that a recipe serves, with its flags."""
    model, features = recipe["model"], recipe.get("features") or {}
    base = pairs(model.get("base_args") or ())
    for name in FEATURES:
        base |= pairs((features.get(name) or {}).get("args") or ())
    hardware = {
        name: {"args": pairs(one.get("extra_args") or ()), "env": one.get("extra_env") or {}}
        for name, one in (recipe.get("hardware_overrides") or {}).items()
        if name in {"amd", "nvidia", "hopper", "blackwell"} and (one.get("extra_args") or one.get("extra_env"))
    }
    for variant in (recipe.get("variants") or {"default": {}}).values():
        args = base | pairs(variant.get("extra_args") or ())
        env = (model.get("base_env") or {}) | (variant.get("extra_env") or {})
        found = {"args": args, "hardware": deepcopy(hardware)} | ({"env": env} if env else {})
        yield variant.get("model_id") or model["model_id"], found


RECOMMENDED_HEADER = f"""\
# What vLLM's own recipes set for a model, as far as candidates that are derived may have it: `recommended` in
# derive.yaml, whose `groups` describes amd, hopper and blackwell. Made by tests/tools/engine_recipes.py; do not edit.
# Source: the folder recipes/ of vllm-{VERSION}.tar.gz (Apache-2.0), sha256 {SHA256}.
"""
VARIABLES = ("VLLM_", "AITER_")
"""How variables begin that are about the engine and its kernels; others are about a cluster's network or a driver."""


def recommended(flags: dict[str, Any], allowed: set[str], groups: Iterable[str]) -> dict[str, Any]:
    """The flags and variables of one repository that derived candidates may have."""

    def part(found: dict[str, Any]) -> dict[str, Any]:
        args = [f"{flag}={value}" if value else flag for flag, value in found["args"].items() if flag in allowed]
        env = {name: str(value) for name, value in found.get("env", {}).items() if name.startswith(VARIABLES)}
        return {key: value for key, value in (("args", args), ("env", env)) if value}

    by_group = {name: part(flags["hardware"][name]) for name in groups if name in flags["hardware"]}
    return part(flags) | {name: found for name, found in by_group.items() if found}


VERIFIED_HEADER = f"""\
# The models that vLLM {VERSION} marks as verified on AMD's GPUs, from its own recipes.
# Made by tests/tools/engine_recipes.py.
"""


def verified(folder: Path) -> list[str]:
    """The models whose recipe is marked as verified on one of AMD's Instinct GPUs."""
    recipes = (yaml.safe_load(path.read_text()) for path in sorted(folder.rglob("*.yaml")))
    return [one["model"]["model_id"] for one in recipes if _on_instinct(one["meta"].get("hardware") or {})]


def _on_instinct(hardware: dict[str, str]) -> bool:
    return any(name.startswith("mi3") and found == "verified" for name, found in hardware.items())


def main() -> None:
    """Reads the recipes and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="an unpacked source distribution, instead of fetching one")
    folder = (parser.parse_args().source or fetch()) / "recipes" / "models"
    ours = {
        str(name)
        for path in (ROOT / "recipes").glob("*.yaml")
        if path.stem != "kustomization"
        for spec in [yaml.safe_load(path.read_text())["spec"]]
        for name in (spec["modelId"], spec.get("checkpoint"))
        if name
    }
    rules = yaml.safe_load((OPERATOR / "derive.yaml").read_text())
    allowed, groups = set(rules["recommended"]["vllm"]), tuple(rules["groups"])
    found: dict[str, Any] = {}
    every: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.yaml")):
        for repository, flags in described(yaml.safe_load(path.read_text())):
            if repository in ours and flags["args"] | flags["hardware"]:
                found.setdefault(repository, flags)
            if setting := recommended(flags, allowed, groups):
                every.setdefault(repository, setting)
    DATA.mkdir(exist_ok=True)
    text = yaml.safe_dump(dict(sorted(found.items())), sort_keys=True, width=118, default_flow_style=None)
    (DATA / f"vllm-{VERSION}.yaml").write_text(HEADER + text)
    (DATA / "verified-on-amd.yaml").write_text(VERIFIED_HEADER + yaml.safe_dump(verified(folder)))
    target = OPERATOR / "engines" / f"vllm-{VERSION}-recipes.yaml"
    text = yaml.safe_dump(dict(sorted(every.items())), sort_keys=True, width=118, default_flow_style=None)
    target.write_text(RECOMMENDED_HEADER + text)
    print(f"{len(found)} repositories, {len(every)} with something recommended")


if __name__ == "__main__":
    main()
