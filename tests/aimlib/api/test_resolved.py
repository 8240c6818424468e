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
        ({"nodes": 64}, "gpuCount must be a multiple of nodes, found 1 and 64"),
        ({"nodes": 2, "gpuCount": 0}, "gpuCount must be a multiple of nodes, found 0 and 2"),
        ({"nodes": 3, "gpuCount": 8}, "gpuCount must be a multiple of nodes, found 8 and 3"),
        ({"image": ""}, "at least 1 character"),
        ({"vendor": ""}, "at least 1 character"),
        ({"deviceClaim": CLAIM | {"driver": "x.com", "partition": "cpx"}}, "x.com has no known attribute that tells"),
        (
            {"deviceClaim": CLAIM | {"driver": "gpu.nvidia.com", "oneGPU": True}},
            "gpu.nvidia.com has no known attribute",
        ),
    ],
)
def test_what_no_selection_stores_is_not_read(more, words):
    with pytest.raises(ValidationError, match=words):
        Resolved.model_validate(STORED | more)
