"""What an autoscaler gets from the agent: a number, or a status that is none."""

import asyncio
import json

import pytest

from aimlib.gateway.table import ModelTable
from hooks.gateway_agent import demand
from hooks.gateway_agent.demand import Demand

TARGET = {"name": "team-a/small/a", "host": "small.team-a.svc", "port": 8000, "progress": "Idle", "idleSeconds": 30}
OTHER = {**TARGET, "name": "team-a/other/a"}


def table(*targets):
    return ModelTable.model_validate({"models": [{"name": one["name"], "targets": [one]} for one in targets]})


class World:
    """One agent; Envoy's numbers are what the test says."""

    def __init__(self):
        self.table, self.held, self.counts, self.asked = table(TARGET, OTHER), {}, {}, 0
        self.demand = Demand(lambda: self.table, lambda: self.held, self.read)

    def read(self):
        self.asked += 1
        return self.counts

    async def get(self, endpoint="team-a/small"):
        status, body = await self.demand.answer(endpoint)
        return status, json.loads(body)


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.fixture
def at_once(monkeypatch):
    """Envoy is asked each time."""
    monkeypatch.setattr(demand, "AGE_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_requests_that_are_held_and_those_that_run_are_its_demand():
    async def scenario():
        world = World()
        assert await world.get() == (200, {"demand": 0})
        world.held = {"team-a/small/a": 3}
        assert await world.get() == (200, {"demand": 3})
        world.counts = {"cluster.team-a/small/a.upstream_rq_active": 5}
        assert await world.get() == (200, {"demand": 5})
        world.held, world.counts = {}, {}
        assert await world.get() == (200, {"demand": 1})
        assert await world.get("team-a/other") == (200, {"demand": 0})

    run(scenario)


@pytest.mark.parametrize(
    "endpoint", ["", "team-a", "team-a/", "team-a/small/a", "team-a/none", "../metrics", "%00" * 9]
)
def test_an_endpoint_that_it_does_not_route_to_is_unknown_without_being_repeated(endpoint):
    async def scenario():
        world = World()
        status, body = await world.get(endpoint)
        assert (status, world.asked) == (404, 0)
        assert body == {"error": "there is no such endpoint: /demand/NAMESPACE/ENDPOINT"}

    run(scenario)


@pytest.mark.usefixtures("at_once")
def test_what_is_not_known_is_no_number():
    async def scenario():
        world = World()
        world.counts = None
        assert await world.get() == (503, {"error": "Envoy does not answer"})
        world.table = None
        assert await world.get() == (503, {"error": "the table of models is not there yet"})

    run(scenario)


def test_many_endpoints_are_one_look_at_envoy():
    async def scenario():
        world = World()
        await asyncio.gather(*(world.get(name) for name in ("team-a/small", "team-a/other") * 20))
        assert world.asked == 1

    run(scenario)


@pytest.mark.usefixtures("at_once")
def test_what_leaves_the_table_is_forgotten():
    async def scenario():
        world = World()
        world.held = {"team-a/small/a": 1}
        await world.get()
        world.table, world.held = table(OTHER), {}
        assert (await world.get())[0] == 404
        await world.get("team-a/other")
        assert world.demand._leases.keys() == {"team-a/other"}
        world.table = table(TARGET, OTHER)
        assert await world.get() == (200, {"demand": 0})

    run(scenario)
