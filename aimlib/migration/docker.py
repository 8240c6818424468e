"""Translates `docker run`, as typed or in a systemd unit, and compose files."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.draft import Answers, Draft, Translation
from aimlib.migration.finish import finish
from aimlib.migration.server_command import read_command, read_image
from aimlib.migration.shell import commands, count, joined_lines, with_defaults

RUN = re.compile(r"(?:docker|podman|nerdctl)\s+(?:container\s+)?run\s")
MEMORY_TEXT = re.compile(r"(\d+)([bkmg]?)b?", re.IGNORECASE)
LONGEST_COMMAND = 65_536
"""Characters: half of what Linux lets one argument of a program have."""
MODEL_FLAGS = frozenset({"--model", "--model-path"})
"""By which the command of an image that is not known names a model."""
MEMORY_UNITS = {"": "", "b": "", "k": "Ki", "m": "Mi", "g": "Gi"}
SWITCHES = "ditPq"
"""Short options without a value, which people write together with others: `-dp 80:80`."""
CDI_DEVICE = re.compile(r"(?:nvidia|amd)\.com/gpu=(.+)")


def translate_docker(text: str, answers: Answers) -> Translation:
    """The endpoint for a `docker run`. InvalidInputError for what is none, or serves no model."""
    draft = Draft(answers)
    words, others = _run_words(text)
    if others:
        draft.add("docker run", "needs you", f"{others} more of them: each is translated by itself")
    while words and words[0].startswith("-"):
        words = _read_option(draft, words)
    if not words:
        raise InvalidInputError("docker run without an image: there is nothing to translate")
    read_image(draft, words[0])
    read_command(draft, [*draft.entrypoint, *words[1:]])
    return finish(draft)


def translate_compose(found: Raw, answers: Answers) -> list[Translation]:
    """The endpoints for the services of a compose file that serve a model; the others are named."""
    services = found.get("services")
    if not isinstance(services, dict) or not services:
        raise InvalidInputError("a compose file has services")
    translated, refused = [], []
    for name, service in services.items():
        try:
            translated.append(_translate_service(str(name), service, answers))
        except InvalidInputError as error:
            refused.append(f"service {name}: {error}")
    if not translated:
        raise InvalidInputError("\n".join(refused))
    notes = Draft(answers)
    for text in refused:
        notes.add(text.partition(": ")[0], "dropped", text.partition(": ")[2])
    first = translated[0]
    return [first._replace(parts=(*first.parts, *notes.parts)), *translated[1:]]


def _run_words(text: str) -> tuple[list[str], int]:
    """The words after the first `docker run`, and how many more of these commands follow."""
    if len(text) > LONGEST_COMMAND:
        raise InvalidInputError(f"a command is read up to {LONGEST_COMMAND} characters, and this one is longer")
    first, *others = RUN.split(f"{joined_lines(text)}\n")[1:] or [None]
    if first is None:
        raise InvalidInputError("this is no `docker run`: it begins with docker, podman or nerdctl, and run")
    return next(iter(commands(first.partition("\n")[0])), []), len(others)


def _read_option(draft: Draft, words: list[str]) -> list[str]:
    """Reads one option with its value; returns the words after it."""
    data = load_data("migration")
    word, rest = words[0], words[1:]
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        letters = word[1:].lstrip(SWITCHES)
        if not letters:
            return rest
        name, value = f"-{letters[0]}", letters[1:].removeprefix("=")
        equals = "=" if letters[1:] else ""
    key = name.lstrip("-")
    key = data["aliases"].get(key, key) if not name.startswith("--") else {"net": "network"}.get(key, key)
    row = data["options"].get(key)
    if row is None:
        raise InvalidInputError(f"{name} is no option of docker run that is known here; leave it out, with its value")
    if row["value"] and not equals:
        if not rest:
            raise InvalidInputError(f"{name} needs a value")
        value, rest = rest[0], rest[1:]
    _apply_option(draft, key, value)
    return rest


def _apply_option(draft: Draft, key: str, value: str) -> None:
    row = load_data("migration")["options"][key]
    if read := OPTION_READERS.get(row.get("to", "")):
        read(draft, value)
    else:
        draft.add(f"--{key}", row["outcome"], row["why"])


def _read_variable(draft: Draft, value: str) -> None:
    name, equals, content = value.partition("=")
    draft.set_variable(name, content if equals else None)


def _read_port(draft: Draft, value: str) -> None:
    """The port of the host, which clients know, becomes that of the Service."""
    port = count(value.partition("/")[0].split(":")[-2:][0])
    if port is not None:
        draft.put("service.port", port, f"--publish {value}")
    else:
        draft.add(f"--publish {value}", "needs you", "service.port is one port")


def _read_name(draft: Draft, value: str) -> None:
    draft.name = value
    draft.add("--name", "kept", "metadata.name")


def _read_cpus(draft: Draft, value: str) -> None:
    draft.put("resources.cpuLimit", value, "--cpus")
    draft.spec["resources"]["cpu"] = value


def _read_gpus(draft: Draft, value: str) -> None:
    text = value.strip("\"'").removeprefix("count=")
    if (number := count(text)) is not None:
        draft.listed = (number, "--gpus")
    elif "device=" in text:
        draft.list_devices(text.partition("device=")[2].strip("\"'"), "--gpus")
    else:
        draft.add(
            f"--gpus {text}", "changed", "how many that is depends on the node; the degree of tensor parallelism counts"
        )


def _read_volume(draft: Draft, value: str) -> None:
    inside = next((part for part in reversed(value.split(":")) if part.startswith("/")), value)
    _mount(draft, inside, f"--volume {value}")


def _read_mount(draft: Draft, value: str) -> None:
    fields = dict(part.partition("=")[::2] for part in value.split(","))
    inside = next((fields[key] for key in ("target", "dst", "destination") if key in fields), "")
    _mount(draft, inside, f"--mount {value}")


def _mount(draft: Draft, inside: str, text: str) -> None:
    """A folder in which models are kept becomes a claim of the endpoint; others have no counterpart."""
    if inside.rstrip("/") in load_data("migration")["volumes"]:
        draft.spec["cache"] = {"enabled": True}
        why = "cache.enabled: a claim of the endpoint, filled by a download; `aim cache import` copies a folder instead"
        draft.add(text, "changed", why)
    else:
        draft.add(text, "dropped", "models are kept in a cache, or on a claim by model.source")


def _read_entrypoint(draft: Draft, value: str) -> None:
    draft.entrypoint = _words_of(value)
    draft.add("--entrypoint", "changed", "the beginning of the command")


def _read_device(draft: Draft, value: str) -> None:
    """A GPU by its name for the container runtime; the other devices are the plugin's."""
    if not (found := CDI_DEVICE.fullmatch(value)):
        draft.add("--device", "changed", "the device plugin of the nodes does that")
    elif found[1] == "all":
        _read_gpus(draft, "all")
    else:
        draft.listed = ((draft.listed or (0, ""))[0] + 1, "--device")


def _read_memory(draft: Draft, value: str) -> None:
    found = MEMORY_TEXT.fullmatch(value)
    if not found:
        draft.add("--memory", "needs you", "resources.memoryLimit, such as 64Gi")
        return
    amount = f"{found[1]}{MEMORY_UNITS[found[2].lower()]}"
    draft.put("resources.memoryLimit", amount, "--memory")
    draft.spec["resources"]["memory"] = amount


OPTION_READERS: Mapping[str, Callable[[Draft, str], None]] = {
    "gpus": _read_gpus,
    "env": _read_variable,
    "volume": _read_volume,
    "mount": _read_mount,
    "entrypoint": _read_entrypoint,
    "device": _read_device,
    "publish": _read_port,
    "name": _read_name,
    "memory": _read_memory,
    "cpus": _read_cpus,
}
"""Options whose value is read, by what they set."""


def _translate_service(name: str, service: Any, answers: Answers) -> Translation:  # noqa: ANN401 - YAML
    if not isinstance(service, dict) or not service.get("image"):
        raise InvalidInputError("it has no image")
    draft = Draft(answers)
    draft.name = name
    service = _defaults(service)
    rows = load_data("migration")["compose"]
    for key, value in service.items():
        row = rows.get(key, {})
        if option := row.get("option"):
            for one in value if isinstance(value, list) else [value]:
                _apply_option(draft, option, _short(one))
        elif row.get("to") == "env":
            for variable, content in _variables_of(value):
                draft.set_variable(variable, content)
        elif row.get("to") == "deploy":
            _read_deploy(draft, value)
        elif not row:
            draft.add(str(key), "dropped", "it has no counterpart")
    read_image(draft, str(service["image"]))
    read_command(draft, [*_words_of(service.get("entrypoint")), *_words_of(service.get("command"))])
    if not (draft.backend or draft.model or MODEL_FLAGS & {word.partition("=")[0] for word in draft.words}):
        raise InvalidInputError("it is no model server that is known here, and stays where it is")
    return finish(draft)


def _defaults(value: Any) -> Any:  # noqa: ANN401 - YAML
    """Variables that state a default have it, as where nobody sets them."""
    if isinstance(value, dict):
        return {key: _defaults(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_defaults(one) for one in value]
    return with_defaults(value) if isinstance(value, str) else value


def _short(value: Any) -> str:  # noqa: ANN401 - YAML
    """The short form of what compose files have a long one for: ports, volumes, files of variables and GPUs."""
    if not isinstance(value, dict):
        return str(value)
    if "count" in value or "device_ids" in value:
        devices = value.get("device_ids")
        listed = ",".join(map(str, devices)) if isinstance(devices, list) else ""
        return f"device={listed}" if listed else str(value.get("count"))
    ends = [(key, value[key]) for key in ("published", "source", "target", "path") if key in value]
    return ":".join(str(one) for _, one in ends)


def _words_of(value: Any) -> list[str]:  # noqa: ANN401 - YAML
    if isinstance(value, list):
        return [str(word) for word in value]
    return [word for command in commands(" ".join(str(value or "").splitlines())) for word in command]


def _variables_of(value: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        yield from ((str(name), None if one is None else str(one)) for name, one in value.items())
        return
    for one in value if isinstance(value, list) else ():
        name, equals, content = str(one).partition("=")
        yield name, content if equals else None


def _read_deploy(draft: Draft, value: Any) -> None:  # noqa: ANN401 - YAML
    """Replicas, limits, and devices that a service reserves, by number or by list; the rest is for swarms."""
    limits = {"memory": _read_memory, "cpus": _read_cpus}
    for path, one in _leaves(value, "deploy"):
        field = path.rpartition(".")[2]
        if path == "deploy.replicas" and (replicas := count(str(one))) is not None:
            draft.put("replicas", replicas, path)
        elif path in {f"deploy.resources.limits.{name}" for name in limits}:
            limits[field](draft, str(one))
        elif path == "deploy.resources.reservations.devices" and isinstance(one, list):
            found = [_short(device) or "all" for device in one if isinstance(device, dict)]
            numbers = [len(text.split(",")) if "=" in text else count(text) or 0 for text in found]
            if "all" in found:
                draft.add(f"{path} all", "changed", "all of a node is no number")
            elif not all(numbers):
                draft.add(path, "needs you", "gpuCount; count is a number or all, and device_ids are a list")
            elif sum(numbers):
                draft.listed = (sum(numbers), path)
        else:
            draft.add(path, "dropped", "only replicas, limits and the devices that it reserves have a counterpart")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _leaves(one, f"{path}.{key}")
    else:
        yield path, value
