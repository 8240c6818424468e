"""Sets fields of the endpoint by the name in a row of the table, where that is more than one field."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from aimlib.data import load_data
from aimlib.migration.draft import RECIPE_NODES, Draft
from aimlib.migration.exposed import set_disruptions, set_http_route, set_ingress
from aimlib.migration.mounted import set_mount
from aimlib.migration.scaled import set_autoscaled, set_least, set_metric, set_scale, set_trigger
from aimlib.migration.server_command import read_image

HUB_TOKENS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})
GPU_RESOURCES = frozenset({"amd.com/gpu", "nvidia.com/gpu"})
LANGUAGE_MODELS = frozenset({"huggingface", "vllm", "sglang", "safetensors", "custom"})
"""Formats of KServe's runtimes that have language models."""
FLAG_AND_VALUE = re.compile(r"--[\w.-]+ ")
"""An argument that has both, as people write it into a list; JSON after a `=` has blanks, too."""
Path = tuple[str, ...]


def _set_gpus(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    draft.put("gpuCount", int(value), ".".join(path))


def _set_flag(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    flag = _flag(path)
    if value is False:
        if flag in load_data("migration")["on"]:
            draft.words.append(f"--no-{flag[2:]}")
        else:
            draft.add(".".join(path), "changed", f"{flag} is left out")
        return
    draft.words += [flag] if value is True else [flag, str(value)]


def _flag(path: Path) -> str:
    name = path[-1].replace("LoRA", "Lora")
    return "--" + re.sub(r"([A-Z])", lambda found: f"-{found[1].lower()}", name).replace("_", "-")


def _set_flag_instead(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """A flag in the place of the same one, with its value, that is stated elsewhere."""
    flag = _flag(path)
    if flag in draft.words:
        place = draft.words.index(flag)
        del draft.words[place : place + 1 + (not "".join(draft.words[place + 1 : place + 2]).startswith("--"))]
        draft.add(flag, "changed", f"engine.args: {'.'.join(path)} counts")
    _set_flag(draft, path, value)


def _set_args(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    words = [str(one) for one in value]
    draft.words += [part for word in words for part in (word.split(" ", 1) if FLAG_AND_VALUE.match(word) else [word])]
    draft.add(".".join(path), "kept", "each argument by itself")


def _set_env(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    for one in value:
        reference = (one.get("valueFrom") or {}).get("secretKeyRef")
        if reference and one["name"] in HUB_TOKENS:
            draft.set_token({"name": reference["name"], "key": reference["key"]}, f"{'.'.join(path)} {one['name']}")
        elif (one.get("valueFrom") or {}).keys() & {"fieldRef", "resourceFieldRef"}:
            draft.add(f"{'.'.join(path)} {one['name']}", "needs you", "fields of a pod are no variables of an endpoint")
        elif "valueFrom" in one:
            draft.add(f"{'.'.join(path)} {one['name']}", "needs you", "spec.engine.env has references to Secrets")
        else:
            name, text = str(one["name"]), str(one.get("value", ""))
            if not _may_be_secret(name):
                draft.stated[name] = text
            draft.set_variable(name, text)


def _may_be_secret(name: str) -> bool:
    secret = next(row["found"] for row in load_data("migration")["variables"] if row.get("to") == "secret")
    return re.fullmatch(secret, name) is not None


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
        draft.spec.setdefault("cache", {})["enabled"] = True
    draft.add(".".join(path), "changed", "cache.enabled: a claim of the endpoint, filled by a download")


def _set_volume(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """The size of a claim that there is wherever it is stated."""
    draft.put("cache.size", str(value), ".".join(path))
    draft.spec["cache"]["enabled"] = True


def _set_access_modes(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """Of the modes of a claim the one that lets most pods use it."""
    draft.put("cache.accessMode", "ReadWriteMany" if "ReadWriteMany" in value else "ReadWriteOnce", ".".join(path))


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


def _set_own_name(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """The name of a workload; the endpoint would have a Deployment of that name as well."""
    draft.workload, draft.name = path[0], str(value)
    if draft.answers.name not in {None, value}:
        draft.add(".".join(path), "changed", "--name states it")
    elif draft.workload == "Deployment":
        draft.taken[draft.workload] = (draft.name, ".".join(path))
    else:
        draft.add(".".join(path), "kept", "metadata.name")


def _set_taken(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """The name of an object beside a workload, of whose kind the endpoint has one of its own name."""
    draft.taken[path[0]] = (str(value), ".".join(path))


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


def _set_hub(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """A repository of the hub, of which NIM states the owner by itself, with the Secret for it."""
    text = ".".join(path)
    revision = f"@{value['revision']}" if value.get("revision") else ""
    draft.set_source(f"hf://{value['namespace']}/{value['modelName']}{revision}", text)
    draft.spec.setdefault("cache", {})["enabled"] = True
    if secret := value.get("authSecret"):
        draft.set_token({"name": secret, "key": "HF_TOKEN"}, f"{text}.authSecret")


def _set_framework(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """What a model is of: the engines serve language models alone."""
    name = str(value["name"])
    if name.lower() in LANGUAGE_MODELS:
        draft.add(".".join(path), "changed", "the recipe has the engine")
    else:
        draft.add(f"{'.'.join(path)} {name}", "needs you", "the engines are vLLM and SGLang, for language models")


def _set_group_size(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    """How many pods a replica has, which its containers know by a variable."""
    draft.nodes = int(value)
    draft.stated["LWS_GROUP_SIZE"] = str(value)
    draft.add(".".join(path), "changed", RECIPE_NODES)


def _set_nodes(draft: Draft, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    if int(value) > 1:
        draft.add(".".join(path), "dropped", RECIPE_NODES)
    else:
        draft.add(".".join(path), "changed", RECIPE_NODES)


SETTERS: Mapping[str, Callable[[Draft, Path, Any], None]] = {
    "adapters": lambda draft, path, value: draft.adapter_lists.append((".".join(path), value)),
    "model": _set_uri,
    "source": _set_uri,
    "served": _set_uri,
    "command": lambda draft, _, value: draft.entrypoint.extend(map(str, value)),
    "hub": _set_hub,
    "data parallelism": lambda draft, _, value: draft.words.extend(["--data-parallel-size", str(value)]),
    "expert parallelism": lambda draft, _, value: draft.words.extend(["--enable-expert-parallel"] if value else []),
    "words": lambda draft, _, value: draft.command.extend(map(str, value)),
    "tool choice": lambda draft, _, value: draft.words.extend(["--enable-auto-tool-choice"] if value else []),
    "gpus": _set_gpus,
    "devices": lambda draft, path, value: setattr(draft, "listed", (int(value), ".".join(path))),
    "resource gpus": _set_resource,
    "backend": lambda draft, path, value: draft.set_backend(str(value), ".".join(path)),
    "tensor": lambda draft, path, value: draft.set_degree("tensor", int(value), ".".join(path)),
    "pipeline": lambda draft, path, value: draft.set_degree("pipeline", int(value), ".".join(path)),
    "recipe": lambda draft, path, value: draft.put("recipe.customRecipe", {"name": str(value)}, ".".join(path)),
    "flag": _set_flag,
    "flag instead": _set_flag_instead,
    "args": _set_args,
    "env": _set_env,
    "variable": lambda draft, path, value: draft.set_variable(path[-1], str(value)),
    "name": _set_name,
    "namespace": _set_name,
    "profile": _set_profile,
    "cached": _set_cached,
    "volume": _set_volume,
    "access modes": _set_access_modes,
    "autoscaled": set_autoscaled,
    "trigger": set_trigger,
    "metric": set_metric,
    "mount": set_mount,
    "image": lambda draft, _, value: read_image(draft, str(value)),
    "own name": _set_own_name,
    "taken": _set_taken,
    "group size": _set_group_size,
    "disruptions": set_disruptions,
    "http route": set_http_route,
    "ingress": set_ingress,
    "scraped": lambda draft, path, value: draft.put("monitoring.enabled", str(value) == "true", ".".join(path)),
    "scaling.minReplicas": set_least,
    "scale": set_scale,
    "framework": _set_framework,
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
