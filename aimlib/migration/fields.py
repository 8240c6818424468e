"""Translates objects and values of other systems, field by field, by the rows of `data/migration.yaml`."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.draft import Answers, Draft, Translation
from aimlib.migration.forms import as_model, as_workspace
from aimlib.migration.kinds import FOREIGN_KINDS, instead_of
from aimlib.migration.scaled import finish_scaling, set_autoscaled, set_least, set_scale
from aimlib.migration.server_command import read_command

NO_COUNTERPART: Raw = {"outcome": "dropped", "why": "it has no counterpart"}
SET_BY_SERVERS = frozenset(
    {
        "creationTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Fields of `metadata` that nobody writes: the API server and controllers set them."""
KUBECTL_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HUB_TOKENS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
GPU_RESOURCES = frozenset({"amd.com/gpu", "nvidia.com/gpu"})
Path = tuple[str, ...]


def translate_object(system: str, found: Raw, answers: Answers) -> Translation:
    """The endpoint for an object of another system. InvalidInputError for one of another kind."""
    kinds = FOREIGN_KINDS[system]
    if found.get("kind") not in kinds:
        raise InvalidInputError(
            f"kind {found.get('kind')} is not translated here: {' or '.join(kinds)} is{instead_of(found)}"
        )
    if system == "kaito" and "tuning" in found:
        raise InvalidInputError("a Workspace that tunes a model serves none: there is nothing to translate")
    return _translate(system, as_workspace(_as_written(found)), answers)


def _as_written(found: Raw) -> Raw:
    """An object without what servers add to it, as `kubectl get -o yaml` prints it."""
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        return found
    kept = {key: value for key, value in metadata.items() if key not in SET_BY_SERVERS}
    if isinstance(annotations := kept.get("annotations"), dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != KUBECTL_APPLIED}
        kept = {key: value for key, value in kept.items() if key != "annotations" or value}
    return {**found, "metadata": kept}


def translate_values(values: Raw, answers: Answers) -> list[Translation]:
    """The endpoints for values of the earlier chart, or for each model of KubeAI's or of the vLLM production stack."""
    catalog = values.get("catalog")
    if isinstance(catalog, dict) and catalog:
        enabled = {name: one for name, one in catalog.items() if isinstance(one, dict) and one.get("enabled")}
        if not enabled:
            raise InvalidInputError("catalog enables no model of KubeAI")
        return [_translate("kubeai", as_model(name, one), answers) for name, one in enabled.items()]
    engine = values.get("servingEngineSpec")
    if not isinstance(engine, dict):
        return [_translate("chart", values, answers)]
    models = engine.get("modelSpec")
    if not isinstance(models, list) or not models:
        raise InvalidInputError("servingEngineSpec.modelSpec lists no model")
    return [
        _translate("stack", {**values, "servingEngineSpec": {**engine, "modelSpec": [model]}}, answers)
        for model in models
    ]


def _translate(system: str, found: Raw, answers: Answers) -> Translation:
    draft = Draft(answers)
    draft.images = load_data("migration")["images_of_models"].get(system)
    if system == "stack":
        draft.backend = "vllm"
    for path, value, row in _fields(system, (), found, NO_COUNTERPART):
        text = ".".join(path)
        try:
            _apply(draft, row, path, value)
        except (ValueError, TypeError, AttributeError, KeyError):
            draft.add(text, "needs you", "its value has another form than is known")
    # The words of a container count in this order, wherever they stand.
    read_command(draft, [*draft.entrypoint, *draft.command])
    finish_scaling(draft)
    return draft.finish()


def _fields(system: str, path: Path, value: Any, above: Raw) -> Iterator[tuple[Path, Any, Raw]]:  # noqa: ANN401 - JSON
    """The fields of an object, each with its row; fields that no row is below are whole."""
    row = _row(system, path) or above
    if value is None:
        return
    children: Mapping[str, Any] = (
        {str(place): one for place, one in enumerate(value)} if isinstance(value, list) else value
    )
    if isinstance(children, dict) and children and _deeper(system, path):
        for key, one in children.items():
            yield from _fields(system, (*path, str(key)), one, row)
    elif path:
        yield path, value, row


@cache
def _patterns(system: str) -> tuple[tuple[Path, Raw], ...]:
    """The rows of a system, those without wildcards first."""
    rows = load_data("migration")["fields"][system].items()
    return tuple(sorted(((_split(text), row) for text, row in rows), key=lambda one: one[0].count("*")))


def _split(text: str) -> Path:
    """The keys of a pattern; one with dots of its own stands in brackets."""
    return tuple(key.strip("[]") for key in re.split(r"\.(?![^\[]*\])", text))


def _row(system: str, path: Path) -> Raw | None:
    return next(
        (row for pattern, row in _patterns(system) if len(pattern) == len(path) and _below(path, pattern)), None
    )


def _deeper(system: str, path: Path) -> bool:
    return any(len(pattern) > len(path) and _below(path, pattern) for pattern, _ in _patterns(system))


def _below(path: Path, pattern: Path) -> bool:
    return all(word in {"*", key} for key, word in zip(path, pattern, strict=False))


def _apply(draft: Draft, row: Raw, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    text = ".".join(path)
    target = row.get("to")
    if target is None:
        draft.add(text, row["outcome"], row["why"])
    elif setter := SETTERS.get(target):
        setter(draft, path, value)
    else:
        draft.put(target, str(value) if target.startswith("resources.") else value, text)


def _set_gpus(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    draft.put("gpuCount", int(value), ".".join(path))


def _set_backend(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    name = str(value).lower()
    if name in {"vllm", "sglang"}:
        draft.backend = name
        draft.put("backend", name, ".".join(path))
    elif name == "auto":
        draft.add(".".join(path), "changed", "the engine is selected")
    else:
        draft.add(".".join(path), "dropped", f"the engines are vLLM and SGLang, not {value}")


def _set_flag(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    name = path[-1].replace("LoRA", "Lora")
    flag = "--" + re.sub(r"([A-Z])", lambda found: f"-{found[1].lower()}", name).replace("_", "-")
    if value is False:
        if flag in load_data("migration")["on"]:
            draft.words.append(f"--no-{flag[2:]}")
        else:
            draft.add(".".join(path), "changed", f"{flag} is left out")
        return
    draft.words += [flag] if value is True else [flag, str(value)]


def _set_args(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    words = [str(one) for one in value]
    draft.words += [part for word in words for part in (word.split(" ", 1) if word.startswith("--") else [word])]
    draft.add(".".join(path), "kept", "each argument by itself")


def _set_env(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    for one in value:
        reference = (one.get("valueFrom") or {}).get("secretKeyRef")
        if reference and one["name"] in HUB_TOKENS:
            draft.set_token({"name": reference["name"], "key": reference["key"]}, f"{'.'.join(path)} {one['name']}")
        elif "valueFrom" in one:
            draft.add(f"{'.'.join(path)} {one['name']}", "needs you", "spec.engine.env has references to Secrets")
        else:
            draft.set_variable(str(one["name"]), str(one.get("value", "")))


def _set_resource(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if path[-1] in GPU_RESOURCES:
        draft.listed = (int(value), ".".join(path))
    else:
        draft.add(".".join(path), "changed", "the recipe has what else a replica needs")


def _set_profile(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    name, _, number = str(value).partition(":")
    if name.startswith("cpu"):
        draft.put("gpuCount", 0, ".".join(path))
        return
    draft.listed = (int(number or 1), ".".join(path))
    draft.add(f"{'.'.join(path)} {name}", "changed", "hardware is selected; recipe.hardware states it")


def _set_cached(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if value not in {"Never", "None", ""} if isinstance(value, str) else True:
        draft.spec["cache"] = {"enabled": True}
    draft.add(".".join(path), "changed", "cache.enabled: a claim of the endpoint, filled by a download")


def _set_list(target: str) -> Callable[[Draft, Path, Any], None]:
    """Sets a list of names from one name, a list of them, or a list of references."""

    def put(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
        found = value if isinstance(value, list) else [value]
        names = [one["name"] if isinstance(one, dict) else str(one) for one in found]
        draft.put(target, names, ".".join(path))

    return put


def _set_name(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    setattr(draft, path[-1], str(value))
    draft.add(".".join(path), "kept", f"metadata.{path[-1]}")


def _set_preset(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if "/" in str(value):
        draft.set_source(str(value), ".".join(path))
    else:
        draft.add(".".join(path), "needs you", f"{value} is a name of KAITO's; state the model's id by --model")


def _set_token(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """A token, or the Secret that has it, of which charts call the key otherwise."""
    if isinstance(value, dict):
        key = value.get("secretKey") or value["key"]
        draft.set_token({"name": value.get("secretName") or value["name"], "key": key}, ".".join(path))
    else:
        draft.needs_token(".".join(path))


def _set_uri(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if not isinstance(value, str):
        raise TypeError(value)
    draft.set_source(value, ".".join(path))


def _set_nodes(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if int(value) > 1:
        draft.add(".".join(path), "dropped", "a replica is on one node")
    else:
        draft.add(".".join(path), "changed", "a replica is on one node")


SETTERS: Mapping[str, Callable[[Draft, Path, Any], None]] = {
    "model": _set_uri,
    "source": _set_uri,
    "served": _set_uri,
    "command": lambda draft, _, value: draft.entrypoint.extend(map(str, value)),
    "words": lambda draft, _, value: draft.command.extend(map(str, value)),
    "tool choice": lambda draft, _, value: draft.words.extend(["--enable-auto-tool-choice"] if value else []),
    "gpus": _set_gpus,
    "devices": lambda draft, path, value: setattr(draft, "listed", (int(value), ".".join(path))),
    "resource gpus": _set_resource,
    "backend": _set_backend,
    "recipe": lambda draft, path, value: draft.put("recipe.customRecipe", {"name": str(value)}, ".".join(path)),
    "flag": _set_flag,
    "args": _set_args,
    "env": _set_env,
    "variable": lambda draft, path, value: draft.set_variable(path[-1], str(value)),
    "name": _set_name,
    "namespace": _set_name,
    "profile": _set_profile,
    "cached": _set_cached,
    "autoscaled": set_autoscaled,
    "scaling.minReplicas": set_least,
    "scale": set_scale,
    "nodes": _set_nodes,
    "node label": lambda draft, path, value: draft.spec.setdefault("nodeSelector", {}).update({path[-1]: str(value)}),
    "preset": _set_preset,
    "token": _set_token,
    "token secret": lambda draft, path, value: draft.set_token({"name": str(value)}, ".".join(path)),
    "pull secrets": _set_list("image.pullSecrets"),
    "hardware": _set_list("recipe.hardware"),
    "goal": lambda draft, path, value: draft.put("recipe.goal", str(value), ".".join(path)),
}
"""What is more than one field of the endpoint, by the name in a row."""
