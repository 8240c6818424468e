"""From the name of a model to its answers, by the command line alone, through the API server and a kubelet."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.cluster.plane import ROOT
from tests.dataplane import engine, running
from tests.e2e.conftest import space_for
from tests.e2e.space import Space, recipe

MODEL = "simulated/shell"
NAME = "shell"
"""The last part of the model's id."""
ANSWER = "I am a simulated engine"


@pytest.fixture(scope="module")
def space(live_plane, live_operator) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """A namespace without an endpoint."""
    if engine.is_real():
        pytest.skip("of simulated engines: the real one is chatted with by test_serving.py")
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with space_for(live_plane, "shell") as made:
        made.apply(recipe("shell-recipe", modelId=MODEL))
        yield made


def aim(space: Space, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """What a command prints, to which this is typed."""
    command = [sys.executable, "-m", "hooks.cli.main", *words, "--namespace", space.namespace]
    environment = {**os.environ, **space.plane.environment}
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=typed, capture_output=True, text=True, timeout=600, check=False
    )


def test_one_command_leads_from_a_model_to_a_conversation(space):
    began = time.monotonic()
    done = aim(space, "run", MODEL, typed="Who are you?\nReally?\n")
    assert done.returncode == 0, done.stderr
    print(f"from `aim run` to the end of a conversation of two questions: {time.monotonic() - began:.0f} s")
    assert done.stdout.count(ANSWER) == 2
    assert done.stderr.count(" tokens, the first after ") == 2


def test_a_question_is_asked_by_the_name_of_a_model_and_through_a_pipe(space):
    for done in (aim(space, "chat", NAME, "-p", "Hi"), aim(space, "chat", MODEL, typed="Hi")):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(ANSWER)
        assert done.stderr.endswith(" tokens/s\n")


def test_a_prompt_that_is_longer_than_a_length_of_two_bytes_passes(space):
    done = aim(space, "chat", NAME, typed="word " * 20_000)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(ANSWER)
