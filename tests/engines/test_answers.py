"""What the real engine answers is what is recorded of it, to which the simulated one is held."""

import pytest
import yaml

from tests.dataplane import conversation
from tests.dataplane.test_serving import MODEL

pytestmark = pytest.mark.engines

RECORDED = yaml.safe_load((conversation.RECORDED / "vllm-0.32.0.yaml").read_text())


@pytest.fixture(scope="module")
def answered(engine):
    """The answers of a vLLM on loopback."""
    return conversation.ask(engine.url, MODEL)


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_has_the_recorded_shape(answered, name):
    assert conversation.shape(answered[name]) == conversation.shape(RECORDED[name])
