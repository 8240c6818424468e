"""Reads the command of a container that serves a model: which program it is, its model and its arguments."""

import re

from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.draft import Draft
from aimlib.migration.shell import commands, count

SHELLS = frozenset({"bash", "sh", "/bin/bash", "/bin/sh"})
SHELL_FLAGS = frozenset({"-c", "-lc", "-ec", "-exc"})
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
PROGRAMS = frozenset({"vllm", "sglang", "aim-generate", "aim-engine"})
"""Programs that serve models, beside modules of Python."""
GROUPING = re.compile(r"(?:.*/)?(?:ray|multi-node-serving\.sh)")
"""What a script starts before the server, so that pods of one replica find each other."""
OF_CONTAINER = re.compile(r"(?<!\$)\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")
"""A variable in the words of a container, as the kubelet puts it there, or the shell that it starts."""
VLLM_SERVER, SGLANG_SERVER = "vllm.entrypoints.openai.api_server", "sglang.launch_server"


def read_image(draft: Draft, image: str) -> None:
    """The engine in an image; its tag is not carried over, since a recipe has been tried with its own."""
    rows = load_data("migration")["images"]
    found = next((one for one in rows if re.search(one["found"], image)), {"backend": ""})
    draft.backend = draft.backend or found.get("backend", "")
    draft.other = found.get("other", "")
    draft.add(image, "changed", "the engine's image is the recipe's; spec.image replaces it")


def put_variables(draft: Draft) -> None:
    """Puts the variables of a container whose values are stated into its words."""
    used = set()

    def value(found: re.Match[str]) -> str:
        name = next(filter(None, found.groups()))
        used.add(name)
        return draft.stated.get(name, found[0])

    for words in (draft.entrypoint, draft.command, draft.words):
        words[:] = [OF_CONTAINER.sub(value, word) for word in words]
    for name in used & draft.stated.keys():
        draft.parts = [
            one._replace(outcome="changed", why="its value stands in the command")
            if one.text == name and one.outcome == "dropped"
            else one
            for one in draft.parts
        ]


def read_command(draft: Draft, words: list[str]) -> None:
    """The words of a command. InvalidInputError for one that serves no model."""
    words = _read_prefix(draft, words)
    match words:
        case _ if draft.other or not words:
            _read_other(draft, words)
        case [shell, flag, script, *_] if shell in SHELLS and flag in SHELL_FLAGS:
            _read_script(draft, script)
        case [shell, *_] if shell in SHELLS:
            raise InvalidInputError(f"{shell} is a shell: put the command that is started in it in its place")
        case ["aim-generate", model, *rest]:
            draft.set_source(model, "aim-generate")
            draft.words += [word for word in rest if word != "--serve"]
        case ["aim-engine", "launch", model, *rest]:
            _read_launch(draft, model, rest)
        case ["vllm", "serve", *rest]:
            _with_model(draft, "vllm", rest)
        case ["sglang", "serve", *rest]:
            _with_model(draft, "sglang", rest)
        case [python, "-m", module, *rest] if python.rpartition("/")[2].startswith("python"):
            _read_module(draft, module, rest)
        case [first, *_] if first.startswith(("-", "/", "$")) or re.fullmatch(r"[\w.-]+/[\w.:-]+", first):
            _with_model(draft, draft.backend, words)
        case _:
            raise InvalidInputError(f"{' '.join(words[:3])} serves no model: there is nothing to translate")


def _read_prefix(draft: Draft, words: list[str]) -> list[str]:
    """The words of a program, after the variables that are set for it alone; programs are known by their names.

    One text that is a whole command is read as a shell would.
    """
    while words and (words[0] in {"exec", "env", "nohup"} or ASSIGNMENT.fullmatch(words[0])):
        name, equals, value = words[0].partition("=")
        if equals:
            draft.set_variable(name, value)
        words = words[1:]
    if len(words) == 1 and " " in words[0].strip() and not words[0].startswith("-"):
        return ["sh", "-c", *words]
    name = words[0].rpartition("/")[2] if words else ""
    return [name, *words[1:]] if name in PROGRAMS or name.startswith("python") else words


def _read_other(draft: Draft, words: list[str]) -> None:
    """Arguments of an engine that is not here: the model is read, and the rest is named."""
    rest = iter([part for word in words for part in (word.split("=", 1) if word.startswith("-") else [word])])
    for word in rest:
        if word in {"--model-id", "--model"}:
            draft.set_source(next(rest, ""), word)
        elif word == "--num-shard" and (number := count(next(rest, ""))) is not None:
            draft.put("gpuCount", number, word)
        elif word.startswith("-"):
            draft.add(word, "dropped", f"it is a flag of {draft.other}; the engines are vLLM and SGLang")


def _with_model(draft: Draft, backend: str, words: list[str]) -> None:
    """Arguments of an engine, the first of which may be the model."""
    draft.backend = backend or draft.backend
    if words and not words[0].startswith("-"):
        draft.set_source(words[0], "model")
        words = words[1:]
    draft.words += words


def _read_module(draft: Draft, module: str, rest: list[str]) -> None:
    backends = {VLLM_SERVER: "vllm", SGLANG_SERVER: "sglang"}
    if module not in backends:
        raise InvalidInputError(f"python -m {module} serves no model: there is nothing to translate")
    draft.backend = backends[module]
    draft.words += rest


def _read_launch(draft: Draft, model: str, rest: list[str]) -> None:
    """`aim-engine launch MODEL GPUS` with its options."""
    draft.set_source(model, "aim-engine launch")
    if rest and (number := count(rest[0])) is not None:
        draft.put("gpuCount", number, "GPUs")
        rest = rest[1:]
    words = iter([part for word in rest for part in word.split("=", 1)])
    for word in words:
        value = next(words, "")
        match word:
            case "--precision":
                draft.put("precision", value, word)
            case "--backend":
                draft.set_backend(value, word)
            case "--cache-dir":
                draft.put("cache.enabled", True, word)
            case _:
                draft.add(word, "dropped", "it has no counterpart")


def _read_script(draft: Draft, script: str) -> None:
    """The command in a script that serves a model, with the variables that it exports; what else is done is dropped."""
    found = commands(script)
    if not found:
        raise InvalidInputError("an empty script serves no model")
    serving = next((one for one in reversed(found) if _serves(one)), found[-1])
    for one in found:
        if one[0] == "export":
            for name, equals, value in (word.partition("=") for word in one[1:]):
                draft.set_variable(name, value if equals else None)
        elif any(map(GROUPING.fullmatch, one)):
            draft.add(one[0], "changed", "the operator starts the pods of a replica")
        elif one is not serving and one[0] != "set":
            draft.add(one[0], "dropped", "what is done beside the server belongs into an image")
    read_command(draft, serving)


def _serves(words: list[str]) -> bool:
    """Whether a command is one of a program that serves models."""
    names = [word.rpartition("/")[2] for word in words if not ASSIGNMENT.fullmatch(word) and word != "exec"]
    return names[:1] != [] and (names[0] in PROGRAMS or VLLM_SERVER in words or SGLANG_SERVER in words)
