"""Models beside each other: two on shares of one device and two on partitions of one GPU, behind one gateway."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.cluster.plane import HERE
from tests.dataplane import engine, openai_client, running
from tests.dataplane.canaries import gateway, host, ready_gateway
from tests.e2e.conftest import space_for
from tests.e2e.optional_kinds import slices_component
from tests.e2e.space import SECONDS, Space, endpoint, recipe
from tests.e2e.test_device_claims import ARGS, FACTS, SERVERS, allocated

SLICES = HERE / "slices"
FILES = (SERVERS["h100-dra-2"], SLICES / "mi300x.yaml")
"""A server with one H100 that claims may share, and one with two whole MI300X and a third that is cut into eight."""
PLACES = {
    "summary": {"recipe": {"hardware": ["H100"]}, "accelerators": {"gpuShare": "30Gi"}},
    "translation": {"recipe": {"hardware": ["H100"]}, "accelerators": {"gpuShare": "40Gi"}},
    "search": {"recipe": {"hardware": ["MI300X"]}},
    "rerank": {"recipe": {"hardware": ["MI300X"]}},
}
"""What each endpoint requests."""


def model(name: str) -> str:
    return f"simulated/{name}"


@pytest.fixture(scope="module")
def space(live_plane, live_operator) -> Iterator[Space]:
    """A namespace with the endpoints, on servers whose GPUs a driver gives out, and a gateway."""
    if engine.is_real():
        pytest.skip("of simulated engines: a real one needs a GPU that can be shared")
    with slices_component(live_plane, live_operator):
        live_plane.kubectl("apply", "--server-side", f"--filename={SLICES / 'classes.yaml'}")
        running.add_nodes(live_plane, running.nodes_of(FILES))
        with space_for(live_plane, "sharing") as made:
            for name, place in PLACES.items():
                [hardware] = place["recipe"]["hardware"]
                sizes = [{"gpuCount": 1, "args": ARGS}]
                made.apply(
                    recipe(name, modelId=model(name), hardware=hardware, facts=FACTS, configurations=sizes),
                    endpoint(name, modelId=model(name), **place),
                )
            made.apply(gateway("front"))
            made.ready(*PLACES, seconds=2 * SECONDS)
            made.wait("the gateway", lambda: ready_gateway(made, "front", len(PLACES)), 2 * SECONDS)
            yield made


def test_two_models_are_on_one_device_and_two_on_partitions_of_one_gpu(space):
    found = allocated(space)
    assert found["summary"] == found["translation"] == ["gpu-0"]
    parts = found["search"] + found["rerank"]
    assert len({*parts}) == 2
    assert {parents(space)[one] for one in parts} == {"0000:02:00.0"}
    for name in ("search", "rerank"):
        assert "a partition is enough" in space.get("aimendpoint", name)["status"]["selection"]["message"]


def parents(space: Space) -> dict[str, str]:
    """The address of the GPU of each partition that slices have."""
    slices = space.get("resourceslices")["items"]
    devices = [device for one in slices for device in one["spec"]["devices"]]
    told = {device["name"]: device["attributes"].get("parentPciAddr", {}).get("string") for device in devices}
    return {name: gpu for name, gpu in told.items() if gpu}


def test_each_answers_through_the_gateway(space):
    with OpenAI(base_url=f"http://{host(space, 'front')}/v1", api_key="any", max_retries=3) as user:
        assert [one.id for one in user.models.list()] == sorted(map(model, PLACES))
        for name in PLACES:
            assert user.chat.completions.create(model=model(name), messages=openai_client.QUESTION).model == model(name)
