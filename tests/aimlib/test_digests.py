"""The digest of what is asked: a new release must find the digests that earlier ones wrote, or it decides anew."""

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.selection.select import decided_for

MODEL = {"modelId": "Qwen/Qwen3-32B"}
WRITTEN = {
    "b8b6a8e7": {},
    "44916e7d": {"gpuCount": 0},
    "72615ec1": {"precision": "bfloat16", "backend": "vllm", "gpuCount": 2},
    "30f4a949": {"recipe": {"goal": "cost", "fallback": [{"precision": "auto"}, {"gpuCount": 4}]}},
    "1d2df0ae": {"recipe": {"customRecipe": {"name": "mine"}}, "model": {"id": "Qwen/Qwen3-32B", "revision": "main"}},
    "8ad62e49": {"image": {"repository": "registry.example/engine"}},
}


@pytest.mark.parametrize(("digest", "asked"), WRITTEN.items(), ids=WRITTEN)
def test_digests_in_statuses_stay_valid(digest, asked):
    assert decided_for(EndpointSpec.model_validate(MODEL | asked)) == digest


def test_zero_gpus_are_not_the_same_as_any():
    assert decided_for(EndpointSpec.model_validate(MODEL | {"gpuCount": 0})) != decided_for(
        EndpointSpec.model_validate(MODEL)
    )
