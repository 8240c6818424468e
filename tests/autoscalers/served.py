"""Endpoints with simulated engines behind a gateway, as the tests of scaling make them and look at them."""

from collections.abc import Iterator

from tests.autoscalers.load import GATEWAY
from tests.dataplane import commands
from tests.dataplane.canaries import IMAGE, ready_gateway
from tests.e2e.space import Raw, Space, endpoint, recipe

SECONDS = 240


def model(name: str) -> str:
    return f"simulated/{name}"


def described(name: str, tag: str) -> Iterator[Raw]:
    """The recipe of a model, whose engine behaves by the tag of its image (simulated/behaviour.py)."""
    image = {"image": {**IMAGE, "tag": tag}}
    yield recipe(name, modelId=model(name), configurations=[{"gpuCount": 1}], **image)


def scaled(name: str, scaling: Raw | None, **more: object) -> Raw:
    """An endpoint of that model that Prometheus scrapes, and that something scales where that is stated."""
    stated = {"scaling": scaling} if scaling else {}
    return endpoint(name, modelId=model(name), monitoring={"enabled": True}, **stated, **more)


def serve(space: Space, name: str, tag: str, scaling: Raw | None, **more: object) -> None:
    """Make an endpoint, and wait until it is ready and the gateway routes to it and to those before it."""
    space.apply(*described(name, tag), scaled(name, scaling, **more))
    space.ready(name, seconds=SECONDS)
    routes = len(space.names("aimendpoints"))
    space.wait("the gateway", lambda: ready_gateway(space, GATEWAY, routes), SECONDS)


def status(space: Space, name: str) -> Raw:
    return dict(space.get("aimendpoint", name)["status"])


def pods(space: Space, name: str) -> list[str]:
    """The pods of the endpoint, of both tracks, those included that are going."""
    return space.names("pods", f"--selector=app.kubernetes.io/instance={name}")


def idle(space: Space, name: str) -> bool:
    return status(space, name)["phase"] == "Idle" and not pods(space, name)


def ready_replicas(space: Space, name: str) -> int:
    return len(commands.addresses(space, name))


def accepted(space: Space, name: str) -> bool:
    """Whether KEDA has taken the ScaledObject of an endpoint."""
    found = space.names("scaledobjects", "--ignore-not-found")
    return f"scaledobject.keda.sh/{name}" in found and ("Ready", "True") in conditions(space, name)


def conditions(space: Space, name: str) -> set[tuple[str, str]]:
    """Type and status of the conditions of the ScaledObject."""
    found = space.get("scaledobject", name).get("status", {}).get("conditions", ())
    return {(one["type"], one["status"]) for one in found}
