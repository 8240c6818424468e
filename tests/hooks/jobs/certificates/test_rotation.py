"""The whole program over months: whatever happens when, callers and server accept each other, and it comes to rest."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hooks.jobs.certificates.issuing import parse_certificates
from hooks.jobs.certificates.rotation import CA_LIFETIME, PROPAGATION, SERVER_LIFETIME, is_due
from hooks.jobs.certificates.secrets import CA_SECRET, SERVER_SECRET, TOKEN_SECRET
from tests.hooks.jobs.certificates.world import START, KilledError, World, trusted

LATE = timedelta(minutes=2)
"""How old what a server has mounted may be."""
STEPS = [timedelta(), timedelta(minutes=1), timedelta(minutes=11), timedelta(days=1), timedelta(days=25)]
DAY = timedelta(days=1)


def made(world: World, secret: str, key: str):
    return parse_certificates(world.text(secret, key))


class Life:
    """A cluster in which the program runs now and then; the server always has something up to LATE ago."""

    def __init__(self) -> None:
        self.world, self.now = World(), START
        self.world.run(self.now)
        self.history = [(START, self.world.server())]

    def run(self, killed_after: int | None) -> bool:
        """Whether the program came to its end."""
        self.world.left = killed_after
        try:
            self.world.run(self.now)
        except KilledError:
            return False
        finally:
            self.world.left = None
            self.history.append((self.now, self.world.server()))
        return True

    def servers(self) -> list[dict[str, str]]:
        """What the server may be: as of now, or of any time since LATE ago."""
        recent = [number for number, (at, _) in enumerate(self.history) if at >= self.now - LATE]
        return [server for _, server in self.history[max(0, min(recent, default=len(self.history)) - 1) :]]

    def refused(self) -> list[str]:
        """Who would not be accepted, or accept. A certificate that nobody renewed in time is no fault of an order."""
        return [name for one in self.servers() if valid(one, self.now) for name in self.world.refused(one, self.now)]


def valid(server: dict[str, str], now: datetime) -> bool:
    return parse_certificates(server["tls.crt"])[0].expires > now


@given(
    st.sampled_from([timedelta(), CA_LIFETIME * 2 / 3 - DAY * 2, CA_LIFETIME - DAY * 40]),
    st.lists(st.tuples(st.sampled_from(STEPS), st.none() | st.integers(0, 9)), min_size=1, max_size=15),
)
def test_whenever_it_runs_and_is_killed_clients_and_server_accept_each_other(rest, steps):
    life = Life()
    life.now += rest
    life.run(None)
    life.now += LATE * 2
    for step, killed_after in steps:
        life.now += step
        assert life.refused() == []
        life.run(killed_after)
        assert life.refused() == []
    for _ in range(4):
        life.now += DAY
        assert life.run(None)
        assert life.refused() == []
    [signing] = made(life.world, CA_SECRET, "ca.crt")
    [served] = made(life.world, SERVER_SECRET, "tls.crt")
    assert not is_due(signing, life.now)
    assert not is_due(served, life.now)
    assert served.issuer_key_id == signing.key_id


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=12))
def test_a_second_run_right_after_writes_nothing(steps):
    life = Life()
    life.now += CA_LIFETIME * 2 / 3 - DAY * 40
    for step in steps:
        life.now += step
        life.run(None)
        assert life.world.run(life.now) == []


def test_an_authority_is_replaced_in_three_stages_and_the_one_before_stays_until_it_expires():
    life = Life()
    world = life.world
    [first] = made(world, CA_SECRET, "ca.crt")
    [token] = world.text(TOKEN_SECRET, "hooks").split()
    life.now = START + CA_LIFETIME * 2 / 3
    assert set(world.run(life.now)) == {f"Secret {name}" for name in (TOKEN_SECRET, CA_SECRET, SERVER_SECRET)}
    [second] = made(world, CA_SECRET, "next.crt")
    new, *others = world.text(TOKEN_SECRET, "hooks").split()
    assert others == [token] != [new]
    assert made(world, SERVER_SECRET, "ca.crt") == (second, first)

    life.now += PROPAGATION
    assert len(world.run(life.now)) == 1 + len(world.objects)
    assert {trusted(target, one) for target, one in world.objects.items()} == {(second, first)}
    assert made(world, SERVER_SECRET, "tls.crt")[0].issuer_key_id == first.key_id

    life.now += PROPAGATION
    assert world.run(life.now) == [f"Secret {CA_SECRET}", f"Secret {SERVER_SECRET}"]
    assert made(world, CA_SECRET, "ca.crt") == (second,)
    assert made(world, CA_SECRET, "former.crt") == (first,)
    assert made(world, SERVER_SECRET, "tls.crt")[0].issuer_key_id == second.key_id

    life.now = first.expires
    world.run(life.now)
    assert {trusted(target, one) for target, one in world.objects.items()} == {(second,)}
    assert world.text(TOKEN_SECRET, "hooks").split() == [new]
    assert world.run(life.now) == []


def test_an_authority_that_a_client_lost_does_not_sign_before_every_client_has_it_again():
    life = Life()
    world = life.world
    for _ in range(2):
        life.now = max(life.now, START + CA_LIFETIME * 2 / 3) + PROPAGATION
        world.run(life.now)
    target, one = next(iter(world.objects.items()))
    for hook in one["spec"]["hooks"].values():
        del hook["webhook"]["caBundle"]
    life.now += PROPAGATION
    assert world.run(life.now) == [target.name, f"Secret {CA_SECRET}"]
    assert world.text(CA_SECRET, "next.crt")
    life.now += PROPAGATION
    world.run(life.now)
    assert not world.text(CA_SECRET, "next.crt")


def test_the_servers_certificate_is_renewed_alone_while_its_authority_is_in_time():
    world = World()
    world.run(START)
    assert world.run(START + SERVER_LIFETIME * 2 / 3 - timedelta(seconds=1)) == []
    assert world.run(START + SERVER_LIFETIME * 2 / 3) == [f"Secret {SERVER_SECRET}"]


def test_after_a_year_without_a_run_everything_is_renewed_at_once():
    world = World()
    world.run(START)
    now = START + CA_LIFETIME + DAY
    world.run(now)
    assert world.refused(world.server(), now) == []
    assert len(made(world, SERVER_SECRET, "ca.crt")) == 1
    assert world.run(now) == []


def test_an_authority_that_was_on_its_way_signs_when_the_one_before_has_expired():
    world = World()
    world.run(START)
    world.run(START + CA_LIFETIME * 2 / 3)
    [coming] = made(world, CA_SECRET, "next.crt")
    now = START + CA_LIFETIME
    world.run(now)
    assert made(world, CA_SECRET, "ca.crt") == (coming,)
    assert world.refused(world.server(), now) == []


def test_one_that_has_expired_on_its_way_is_forgotten():
    world = World()
    world.run(START)
    world.run(START + CA_LIFETIME * 2 / 3)
    now = START + CA_LIFETIME * 2
    world.run(now)
    assert world.refused(world.server(), now) == []
    assert not world.text(CA_SECRET, "next.crt")
