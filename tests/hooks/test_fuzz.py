"""Ten thousand broken bodies to the hooks: each is answered, in a sentence where it is refused, without a traceback."""

import json
import logging
import random
import secrets
from collections import Counter, defaultdict

import pytest

from hooks.observability.logs import logger
from hooks.server.app import create_app
from tests import reviews
from tests.cases import cases
from tests.playing import play

BODIES = 10_000
EACH = 30
"""About so many cases of each route are begun with."""
TEXTS = (
    "",
    "x" * 300,
    "ä\u0000\ud800",
    "1e999",
    "-1",
    "${jndi}",
    "true",
    "../..",
    "{{.}}",
    "[1",
    "2026-99-99T99:99:99Z",
)
VALUES = (None, True, False, 0, -1, 2**70, 1e308, 0.1, [], {}, [None], {"": None}, [[[[]]]], {"a": {"b": [1]}}, *TEXTS)
WRITTEN = tuple(map(json.dumps, VALUES))
BYTES = (b"\x00", b"\xff\xfe", b"{", b"]", b'"', b"\\u", b"NaN", b"1" * 400, b"[" * 5000)


def originals():
    """Requests of golden cases by route, as text."""
    found = defaultdict(list)
    for case in cases():
        found[case.hook].append(case)
    chosen = {route: known[:: max(len(known) // EACH, 1)] for route, known in found.items()}
    played = {route: [play(one.kind, one.hook, one.world).request for one in known] for route, known in chosen.items()}
    for case in reviews.cases():
        played.setdefault(f"{case.route}/token", []).append(reviews.body(case.world))
    return {route: [json.dumps(one) for one in known if isinstance(one, dict)] for route, known in played.items()}


def place(chance, body):
    """Somewhere in it: what holds a value, and by which key."""
    holder, key = body, chance.choice(list(body))
    while True:
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.15:
            return holder, key
        holder, key = inner, chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))


def spoil(chance, body):
    """One change of its structure."""
    if not isinstance(body, dict) or not body:
        return
    holder, key = place(chance, body)
    what = chance.randrange(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[chance.choice(TEXTS)] = holder.pop(key)
    elif what == 2:
        other, there = place(chance, body)
        holder[key] = json.loads(json.dumps(other[there]))
    elif what == 3 and isinstance(holder, list):
        holder.extend(holder[:1] * 3)
    else:
        holder[key] = json.loads(chance.choice(WRITTEN))


def mutated(chance, text):
    """A body with one to four things wrong; one in eight is broken as text."""
    body = json.loads(text)
    for _ in range(chance.randint(1, 4)):
        spoil(chance, body)
    raw = json.dumps(body).encode()
    if chance.random() < 1 / 8:
        at = chance.randrange(len(raw) + 1)
        raw = chance.choice((raw[:at], raw[:at] + chance.choice(BYTES) + raw[at:], b"", chance.choice(BYTES)))
    return raw


@pytest.fixture
def surprises():
    """What the hook server logs with a traceback, which belongs there."""
    found = []

    class Surprises(logging.Handler):
        def emit(self, record):
            if record.exc_info:
                found.append(record.exc_info[1])

    log, usual = logger(), logger().handlers[:]
    log.handlers[:] = [Surprises()]
    yield found
    log.handlers[:] = usual


@pytest.mark.slow
def test_no_body_brings_down_a_hook_or_shows_its_insides(surprises):
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - it is printed, to be used again
    client = create_app().test_client()
    texts = originals()
    routes = sorted(texts)
    served = (rule.rule for rule in client.application.url_map.iter_rules() if "POST" in rule.methods)
    assert routes == sorted(rule.replace("<token>", "token") for rule in served)
    codes = Counter()
    for number in range(BODIES):
        route = routes[number % len(routes)]
        before = len(surprises)
        reply = client.post(route, data=mutated(chance, chance.choice(texts[route])))
        where = f"seed {seed}, body {number} to {route}: {reply.status_code} {reply.text[:300]}"
        codes[reply.status_code] += 1
        assert reply.status_code in {200, 400, 422, 500}, where
        said = reply.get_json()
        assert isinstance(said, dict), where
        assert "Traceback" not in reply.text, where
        assert ("error" in said) == (reply.status_code != 200), where
        # What no API server would ever store may surprise; then the log knows why, and nothing changes.
        assert (reply.status_code == 500) == (len(surprises) > before), where
        assert reply.status_code != 500 or said == {"error": "internal error; see the hook server's log"}, where
    print(codes)
    assert min(codes[200], codes[400]) > BODIES // 50, "the bodies are broken too much, or too little"
    assert codes[500] < BODIES // 20
