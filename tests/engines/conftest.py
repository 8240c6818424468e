"""Pytest fixtures: the programs of the real engine, and one of it on loopback."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cluster.components import answers
from tests.cluster.processes import free_ports, running
from tests.dataplane.test_serving import MODEL, START_SECONDS
from tests.engines import installation, tiny_model

ARGS = ("--enforce-eager", "--dtype=bfloat16", "--max-model-len=2048", f"--served-model-name={MODEL}")


class LoopbackEngine(NamedTuple):
    """A vLLM that serves the tiny model."""

    port: int
    model: Path
    """The folder that it has loaded."""
    environment: dict[str, str]
    """In which its programs run."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the engine's programs."""
    return installation.ensure()


@pytest.fixture(scope="session")
def engine(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackEngine]:
    """A vLLM on loopback."""
    model, logs = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("logs")
    for name, data in tiny_model.files().items():
        (model / name).write_bytes(data)
    [port] = free_ports(1)
    command = (programs / "vllm", "serve", model, *ARGS, "--host=127.0.0.1", f"--port={port}")
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.defpath}",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    started = LoopbackEngine(port, model, environment)
    with running("vllm", command, logs, **environment) as process:
        process.wait_until(lambda: answers(f"{started.url}/health"), START_SECONDS)
        yield started
