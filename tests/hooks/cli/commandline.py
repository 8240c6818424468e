"""The command line run in this process, and small objects to give it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from aimlib.api import API_VERSION
from hooks.cli.main import cli
from tests.kustomize import ROOT

EXAMPLES = ROOT / "manifests" / "examples"
NODES = ROOT / "tests" / "cluster" / "nodes"


def aim(*words: Any, input: str | None = None) -> Result:  # noqa: A002 - as in subprocess.run
    """What `aim` does; a word that is YAML, with a newline in it, is put into a file."""
    with tempfile.TemporaryDirectory() as folder:
        done = CliRunner().invoke(
            cli, [_word(word, Path(folder), place) for place, word in enumerate(words)], input=input
        )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def on_terminal(*words: Any, columns: int = 80, **environment: str) -> str:
    """What `aim` prints on a terminal of this width, both streams together, without the carriage returns."""
    shown, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "NO_COLOR"}}
    command = [sys.executable, "-m", "hooks.cli.main", *map(str, words)]
    environment = {**inherited, "TERM": "xterm", **environment}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=inside, stderr=inside, env=environment, cwd=ROOT
    )
    os.close(inside)
    printed = b""
    with suppress(OSError):  # how a terminal ends
        while part := os.read(shown, 65536):
            printed += part
    process.wait()
    os.close(shown)
    return printed.decode().replace("\r\n", "\n")


def _word(word: object, folder: Path, place: int) -> str:
    if not isinstance(word, str) or "\n" not in word:
        return str(word)
    file = folder / f"{place}.yaml"
    file.write_text(word, encoding="utf-8")
    return str(file)


def endpoint(metadata: dict[str, Any] | None = None, **spec: Any) -> str:
    """An AIMEndpoint as YAML."""
    return yaml.safe_dump(
        {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": metadata or {"name": "it"}, "spec": spec}
    )


def cache(metadata: dict[str, Any] | None = None, **spec: Any) -> str:
    """An AIMCache as YAML."""
    return yaml.safe_dump(
        {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": metadata or {"name": "models"}, "spec": spec}
    )


def recipe(name: str, tokens: int = 4096, **changes: Any) -> str:
    """An AIMRecipe as YAML, for `example/model` on one MI300X unless changed; a change to None leaves a field out."""
    facts = {"weightsGiB": 100, "layers": 80, "attentionHeads": 64, "keyValueHeads": 8, "headDim": 128}
    spec = {
        "modelId": "example/model",
        "hardware": "MI300X",
        "precision": "bf16",
        "backend": "vllm",
        "facts": {**facts, "maxContext": tokens},
        "configurations": [{"gpuCount": 1, "args": [f"--max-model-len={tokens}", "--gpu-memory-utilization=0.9"]}],
    }
    kept = {key: value for key, value in {**spec, **changes}.items() if value is not None}
    return yaml.safe_dump({"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": name}, "spec": kept})
