"""What the real engine answers is what is recorded of it, to which the simulated one is held."""

import os

import pytest
import yaml

from tests.cluster.components import answers
from tests.cluster.processes import free_ports, running
from tests.dataplane import conversation
from tests.dataplane.test_serving import MODEL, START_SECONDS
from tests.engines import tiny_model

pytestmark = pytest.mark.engines

RECORDED = yaml.safe_load((conversation.RECORDED / "vllm-0.32.0.yaml").read_text())
ARGS = ("--enforce-eager", "--dtype=bfloat16", "--max-model-len=2048", f"--served-model-name={MODEL}")


@pytest.fixture(scope="module")
def answered(programs, tmp_path_factory):
    """The answers of a vLLM on loopback."""
    model, logs = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("logs")
    for name, data in tiny_model.files().items():
        (model / name).write_bytes(data)
    [port] = free_ports(1)
    command = (programs / "vllm", "serve", model, *ARGS, "--host=127.0.0.1", f"--port={port}")
    environment = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    path = f"{programs}{os.pathsep}{os.defpath}"
    with running("vllm", command, logs, PATH=path, **environment) as process:
        process.wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), START_SECONDS)
        yield conversation.ask(f"http://127.0.0.1:{port}", MODEL)


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_has_the_recorded_shape(answered, name):
    assert conversation.shape(answered[name]) == conversation.shape(RECORDED[name])
