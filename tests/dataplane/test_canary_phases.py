"""A canary that is promoted by hand: another spec and another gateway in each of its phases, while clients ask."""

from collections.abc import Iterator

import pytest

from tests.dataplane import engine, running
from tests.dataplane.asking import asking
from tests.dataplane.canaries import SERVES, TRIED, canary, gateway, host, known, model, pods, ready_gateway, served
from tests.e2e.conftest import space_for
from tests.e2e.space import Raw, Space

NAME = "phases"
LATE = "v5-answers-in-50ms-loads-in-6s"
"""While its second replica is loaded, it is being promoted."""


@pytest.fixture(scope="module")
def space(live_plane, hooks) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """An endpoint of two replicas behind a gateway of one."""
    if engine.is_real():
        pytest.skip("of simulated engines: a real one needs a GPU for two replicas")
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with space_for(live_plane, "phases") as made:
        made.apply(gateway("models", replicas=1), known(NAME), by_hand(SERVES))
        made.ready(NAME, seconds=120)
        made.wait("the gateway", lambda: ready_gateway(made, "models", 1), 120)
        yield made


def by_hand(tag: str, hold: int = 0) -> Raw:
    """The endpoint with this version; a step that holds is not left."""
    tried = {**TRIED, "steps": [{"weight": 50, "seconds": hold}], "promotion": "Manual"}
    return served(NAME, tag, replicas=2, deployment={"canary": tried})


def becomes(space: Space, phase: str, tag: str) -> None:
    """Wait for the version with this tag to be that far."""

    def arrived() -> bool:
        there = f"deployment.apps/{NAME}-b" in space.names("deployments")
        return (
            canary(space, NAME).get("phase") == phase and there and space.container(f"{NAME}-b")["image"].endswith(tag)
        )

    space.wait(f"{tag} to be {phase}", arrived, 120)


def ends(space: Space, phase: str) -> None:
    space.wait(f"a canary that is {phase}", lambda: canary(space, NAME)["phase"] == phase, 120)


def replace_gateway(space: Space) -> None:
    """Another pod takes the place of the one that serves, which lets its requests end."""
    space.kubectl("rollout", "restart", "deployment/models")
    space.kubectl("rollout", "status", "deployment/models", "--timeout=120s")


def promote(space: Space) -> None:
    by = f"aim.engine.amd.com/promote={canary(space, NAME)['id']}"
    space.kubectl("annotate", f"aimendpoint/{NAME}", by, "--overwrite")


def test_another_spec_and_another_gateway_in_each_phase_cost_no_request(space):
    with asking(host(space, "models"), [model(NAME)] * 2) as asked:
        space.wait("answers", lambda: asked.settled(model(NAME)), 60)
        asked.told.clear()
        serving = {*pods(space, NAME, "a")}
        for tag, hold, phase in (
            ("v2-never-ready", 0, "Starting"),
            ("v3-answers-in-50ms", 3600, "Progressing"),
            ("v4-answers-in-50ms", 0, "AwaitingPromotion"),
        ):
            space.apply(by_hand(tag, hold))
            becomes(space, phase, tag)
            replace_gateway(space)
            assert {*pods(space, NAME, "a")} == serving
        space.apply(by_hand(LATE))
        becomes(space, "AwaitingPromotion", LATE)
        promote(space)
        becomes(space, "Promoting", LATE)
        space.apply(by_hand("v6-answers-in-50ms"))
        replace_gateway(space)
        becomes(space, "AwaitingPromotion", "v6-answers-in-50ms")
        tried = {*pods(space, NAME, "b")}
        promote(space)
        ends(space, "Promoted")
        replace_gateway(space)
        space.ready(NAME)
        assert tried <= pods(space, NAME, "b").keys()
        space.apply(by_hand("v7-never-ready"))
        ends(space, "Starting")
        space.apply(by_hand("v6-answers-in-50ms"))
        ends(space, "RolledBack")
        replace_gateway(space)
        assert tried <= pods(space, NAME, "b").keys()
        assert asked.errors(model(NAME)) == []
        assert len(asked.told) > 100
