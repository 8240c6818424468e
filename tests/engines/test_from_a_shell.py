"""From the name of a model to the answer of the real engine, by the commands of the README's first screen."""

import time
from collections.abc import Iterator

import pytest

from tests.dataplane.test_from_a_shell import aim
from tests.dataplane.test_serving import MODEL, START_SECONDS, cached_model
from tests.e2e.space import Space

pytestmark = pytest.mark.engines

NAME = "qwen3-0-6b"
"""As `aim run` names it."""


@pytest.fixture(scope="module")
def space(live_plane, live_operator) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """A namespace with the model, without an endpoint."""
    with cached_model(live_plane, "engine-shell") as made:
        yield made


def test_one_command_leads_from_a_model_to_an_answer_of_the_real_engine(space):
    began = time.monotonic()
    done = aim(space, "run", MODEL, "--gpus", "0", "--timeout", f"{START_SECONDS}s", typed="Who are you?\n")
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(" tokens, the first after ") == 1
    print(f"from `aim run` to the end of a vLLM's answer: {seconds:.0f} s")


def test_a_question_through_a_pipe_is_answered(space):
    done = aim(space, "chat", NAME, typed="Hi")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr.endswith(" tokens/s\n")
