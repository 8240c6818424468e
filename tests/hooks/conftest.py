"""The hook server in this process, and what it logs."""

import io
import json

import pytest

from hooks.observability.logs import JsonLines, logger
from hooks.server.app import create_app
from tests.controllers import groups

API = "aim.engine.amd.com/v1alpha1"


@pytest.fixture
def client():
    return create_app().test_client()


@pytest.fixture
def lines():
    """`lines()`: the log so far, as parsed lines."""
    [handler] = (one for one in logger().handlers if isinstance(one.formatter, JsonLines))
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)


@pytest.fixture
def endpoint():
    """`endpoint(**spec)`: the request of a sync while there is no inventory yet."""

    def request(**spec):
        metadata = {"name": "chat", "namespace": "team-a", "generation": 4}
        parent = {"apiVersion": API, "kind": "AIMEndpoint", "metadata": metadata, "spec": spec}
        related = {f"{kind}.{API}": {} for kind in ("AIMCache", "AIMInventory", "AIMRecipe")}
        body = {"controller": {}, "parent": parent, "children": groups("endpoint"), "related": related}
        return {**body, "finalizing": False}

    return request
