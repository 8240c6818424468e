"""The selected configuration as statuses store it."""

import pytest
from pydantic import ValidationError

from aimlib.api.resolved import Resolved

STORED = {
    "decidedFor": "digest",
    "recipe": "chat-mi300x",
    "modelId": "acme/chat",
    "checkpoint": "acme/chat",
    "backend": "vllm",
    "precision": "bf16",
    "gpuCount": 1,
    "image": "docker.io/vllm/vllm-openai-rocm:v1",
    "product": "MI300X",
    "vendor": "amd",
}
CLAIM = {"deviceClass": "gpu.amd.com", "driver": "gpu.amd.com", "leastMemory": "191Gi"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"source": "hf://acme/chat"},
        {"source": "s3://models/chat"},
        {"source": "s3://models/chat", "access": {"endpoint": "http://minio.storage.svc:9000"}},
        {"source": "mlflow://chat@champion", "access": {"endpoint": "http://mlflow.mlflow.svc:5000"}},
    ],
)
def test_a_source_and_how_its_server_is_reached(more):
    stored = Resolved.model_validate(STORED | more).wire()
    assert stored.get("source") == more.get("source")
    assert stored["recipe"] == STORED["recipe"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"source": "nowhere"}, "should match pattern"),
        ({"access": {"region": "eu-west-1"}}, "access is how a server is reached"),
        ({"source": "hf://acme/chat", "access": {}}, "access is how a server is reached"),
        ({"source": "mlflow://chat@champion"}, "needs access.endpoint"),
        ({"vendor": ""}, "at least 1 character"),
        ({"deviceClaim": CLAIM | {"driver": "x.com"}}, "should be 'gpu.amd.com' or 'gpu.nvidia.com'"),
    ],
)
def test_what_no_selection_stores_is_not_read(more, words):
    with pytest.raises(ValidationError, match=words):
        Resolved.model_validate(STORED | more)


@pytest.mark.parametrize(("nodes", "gpus", "each"), [(None, 8, 8), (2, 16, 8), (64, 1, 1), (3, 8, 3)])
def test_each_node_has_its_part_of_the_gpus_and_one_at_least(nodes, gpus, each):
    """Whoever edits the status may state what no selection does."""
    assert Resolved.model_validate(STORED | {"nodes": nodes, "gpuCount": gpus}).gpus_per_node == each
