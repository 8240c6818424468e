"""RouteReady beside another optional kind: each is missing for itself alone."""

from datetime import UTC, datetime

from aimlib.api.endpoint import EndpointSpec
from aimlib.config import Config
from aimlib.protocol.observed import ChildState
from hooks.endpoint.children import OPTIONAL, OptionalChild
from hooks.endpoint.route import use_route
from hooks.endpoint.world import World

OTHER = OptionalChild("Fruit.example.com/v1", "fruits", "orchard", "fruit", lambda _spec: True, lambda _owner: None)
SPEC = {"modelId": "Qwen/Qwen3-32B", "service": {"route": {"parentRefs": [{"name": "edge"}]}}}
WORLD = World(
    name="chat",
    namespace="team-a",
    generation=1,
    spec=EndpointSpec.model_validate(SPEC),
    before={},
    changed_at=None,
    requested_at=None,
    now=datetime(2026, 11, 23, 12, tzinfo=UTC),
    happened=lambda: "2026-11-23T12:00:00Z",
    config=Config(),
    recipes=[],
    inventories=[],
    caches=[],
    storage_classes=[],
    children={},
    offers=lambda _kind: False,
    pods=None,
    log=None,
    live_metrics=None,
)
STATE = ChildState({"kind": "HTTPRoute"}, None, applied=False)


def reasons(verdicts):
    return [verdict.reason for verdict in verdicts]


def test_another_kind_that_is_missing_leaves_a_route_that_is_offered_as_it_is():
    found = use_route(WORLD, STATE, (OTHER,))
    assert reasons(found.conditions) == reasons(found.objections) == ["RoutePending"]


def test_of_two_kinds_that_are_missing_the_route_names_its_own_component():
    found = use_route(WORLD, None, (OTHER, *OPTIONAL))
    assert reasons(found.conditions) == ["ComponentMissing"]
    assert "component gateway-api" in found.conditions[0].message
    assert found.objections == ()
