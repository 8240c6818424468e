"""Canaries behind a gateway: real Envoy, real Prometheus, simulated engines, and clients that ask all the time.

Eight endpoints at once: a new version that is good, slower, failing or never there, as a change of the spec and as a
recipe that `updatePolicy: Auto` takes. Their canaries run side by side, so that all take no longer than one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from tests.dataplane import engine, running
from tests.dataplane.asking import Asking, asking
from tests.dataplane.canaries import INTERVAL, SERVES, canary, gateway, host, known, model, pods, ready_gateway, served
from tests.e2e.conftest import space_for
from tests.e2e.space import Raw, Space

LATE = 30
"""Seconds by which a machine of few cores may be late with two intervals."""
TAGS = {
    "good": "v2-answers-in-50ms",
    "slower": "v2-answers-in-500ms",
    "failing": "v2-answers-in-50ms-fails-half",
    "absent": "v2-crash-loop",
}
KINDS = ("spec", "recipe")
CASES = [f"{how}-{kind}" for how in TAGS for kind in KINDS]
REPLICAS = {"good-spec": 2}
ENDED = {"good": "Promoted", "slower": "Regressed", "failing": "Regressed", "absent": "CannotStart"}


@dataclass
class Watched:
    """What was seen of the canaries of all cases."""

    space: Space
    asked: Asking
    before: dict[str, set[str]] = field(default_factory=dict)
    """The pods that served."""
    tried: dict[str, set[str]] = field(default_factory=dict)
    """The pods of the new version, up to the end of its trial."""
    ended: dict[str, Raw] = field(default_factory=dict)
    """The canary's status at its end."""

    def look(self) -> bool:
        """Whether all have ended."""
        found = {one["metadata"]["name"]: one for one in self.space.get("aimendpoints")["items"]}
        for case in CASES:
            state = found[case]["status"].get("canary")
            if state is None or case in self.ended:
                continue
            self.tried.setdefault(case, set()).update(pods(self.space, case, "b"))
            if state["phase"] in {"Promoted", "RolledBack"}:
                self.ended[case] = state
        return len(self.ended) == len(CASES)


@pytest.fixture(scope="module")
def space(live_plane, hooks) -> Iterator[Space]:  # noqa: ARG001 - must be there
    """A namespace on nodes with GPUs for all."""
    if engine.is_real():
        pytest.skip("of simulated engines: a real one is not slower or failing by command")
    running.add_nodes(live_plane, running.nodes_like("mi300x"))
    with space_for(live_plane, "canaries") as made:
        yield made


@pytest.fixture(scope="module")
def watched(space) -> Iterator[Watched]:
    """All cases from the first version up to the end of the second, while clients ask."""
    space.apply(gateway("models"), *(known(case, SERVES, 2 if case.endswith("-recipe") else 1) for case in CASES))
    space.apply(*(served(case, SERVES, replicas=REPLICAS.get(case, 1)) for case in CASES))
    space.ready(*CASES, seconds=240)
    models = [model(case) for case in CASES]
    space.wait("the gateway", lambda: ready_gateway(space, "models", len(models)), 120)
    with asking(host(space, "models"), models) as asked:
        space.wait("answers", lambda: all(map(asked.settled, models)), 60)
        asked.told.clear()
        seen = Watched(space, asked)
        seen.before = {case: {*pods(space, case, "a")} for case in CASES}
        space.wait("enough requests", lambda: all(len(asked.of(name)) > 30 for name in models), 60)
        tags = {case: TAGS[case.partition("-")[0]] for case in CASES}
        changed = (served(case, tags[case], replicas=REPLICAS.get(case, 1)) for case in CASES if case.endswith("-spec"))
        space.apply(*changed, *(known(case, tags[case]) for case in CASES if case.endswith("-recipe")))
        space.wait("all canaries to have ended", seen.look, 180)
        space.ready(*CASES)
        yield seen


def ended_at(watched: Watched, case: str) -> float:
    """When its canary ended, in seconds since 1970."""
    return datetime.fromisoformat(watched.ended[case]["since"]).timestamp()


@pytest.mark.parametrize("case", CASES)
def test_each_new_version_ends_as_it_deserves(watched, case):
    assert watched.ended[case]["reason"] == ENDED[case.partition("-")[0]], watched.ended[case]


@pytest.mark.parametrize("case", [one for one in CASES if one.startswith(("slower", "failing"))])
def test_a_version_that_is_worse_is_gone_within_two_intervals(watched, case):
    # Counted from its first answer: before, pods of the gateway do not know of it yet.
    told = [one for one in watched.asked.of(model(case)) if one.reply and one.reply.who]
    first = next(one for one in told if one.reply.who != told[0].reply.who)
    assert ended_at(watched, case) - first.at <= 2 * INTERVAL + LATE
    failed = {one["name"] for one in watched.ended[case]["checks"] if one["verdict"] == "Failed"}
    assert failed >= ({"timeToFirstToken"} if case.startswith("slower") else {"errorRatio"})
    # All go to the version that serves at once; streams of the other end within its grace.
    watched.space.wait("its pods to go", lambda: not pods(watched.space, case, "b"))


@pytest.mark.parametrize("case", CASES)
def test_no_client_sees_an_error(watched, case):
    assert watched.asked.errors(model(case)) == []
    own = [one for one in watched.asked.of(model(case)) if one.from_engine]
    # What an engine answers is passed on, and ends with the version that does.
    assert bool(own) == case.startswith("failing")
    assert [one for one in own if one.at > ended_at(watched, case) + LATE] == []


@pytest.mark.parametrize("case", [one for one in CASES if one.startswith("good")])
def test_what_took_over_keeps_its_pods_and_restarts_nothing(watched, case):
    now = pods(watched.space, case, "b")
    assert watched.tried[case] <= now.keys()
    assert set(now.values()) == {0}
    watched.space.wait("the former pods to be gone", lambda: not pods(watched.space, case, "a"))
    chosen = watched.space.get("aimendpoint", case)["status"]["selectedRecipe"]["name"]
    assert chosen == f"{case}-1"


@pytest.mark.parametrize("case", [one for one in CASES if not one.startswith("good")])
def test_what_serves_stays_where_the_new_version_does_not(watched, case):
    assert {*pods(watched.space, case, "a")} == watched.before[case]


def test_a_canary_that_never_starts_gets_no_request(watched):
    for kind in KINDS:
        answered = {one.reply.who for one in watched.asked.of(model(f"absent-{kind}")) if one.reply}
        assert len(answered) == 1


def test_a_version_that_is_tried_next_is_not_blamed_for_the_one_that_failed(watched):
    """Both are on the same track, and what is compared are the last five minutes."""
    space, case = watched.space, "failing-spec"
    failed = watched.ended[case]["id"]
    # While they serve on, they are counted.
    selector = f"--selector=aim.engine.amd.com/endpoint={case}_b"
    space.wait("its pods to be gone", lambda: not space.names("pods", selector))
    space.apply(served(case, "v3-answers-in-50ms"))

    def ended() -> bool:
        state = canary(space, case)
        return state["id"] != failed and state["phase"] in {"Promoted", "RolledBack"}

    space.wait("the next version", ended, 90)
    assert canary(space, case)["reason"] == "Promoted", canary(space, case)
