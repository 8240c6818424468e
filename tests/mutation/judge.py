"""What an answer to any body must be.

1. Its code is 200, 400, 401 or 422, it is JSON, and has an error where it is not 200. A body that no API server could
   send may also be a 500, which changes nothing; then the log knows why, and the answer tells nothing of it.
2. The same body has the same answer, at once and at the end of the run.
3. Where nothing asks for it, nothing is lost: where the parent's spec is as it was, every child that the original
   answer had and that is observed is in the answer, or the answer is none. Of a cache that is its claim, since Jobs and
   reports end by what else is observed.
4. An object that the API server would store is answered 200, unless a rule between its fields refuses it there, too;
   and one object that is odd is no reason to refuse another.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from aimlib.config import Config
from hooks.observability.logs import logger
from hooks.server.app import call_hook, create_app, hooks
from tests.e2e.rule_cases import rules
from tests.mutation.requests import Mutated, mutated, originals
from tests.world import NOON

CODES = {200, 400, 401, 422}
STORED = {"another text", "another object"}
"""Ways whose bodies an API server could send."""
NOTHING = {"error": "internal error; see the hook server's log"}
AGAIN = 50
"""Every so many, a body comes once more at the end of a run."""
WITH_GATEWAYS = {"ScaledObject"}
"""Kinds of children that come and go with the gateways that route to an endpoint."""
OF_INSPECTION = "-inspection"
"""In the names of what reads the files of a model, which ends once a recipe is there for it and no choice is pinned."""
LOST = {"/endpoint/sync": None, "/cache/sync": {"PersistentVolumeClaim"}}
"""The kinds of children that may not be lost, by route; all where it is None."""


class Answer(NamedTuple):
    """An HTTP status, the text, and what was logged with a traceback."""

    code: int
    text: str
    logged: str


class Finding(NamedTuple):
    """A body whose answer is not what it must be."""

    number: int
    route: str
    way: str
    words: str


class Report(NamedTuple):
    """What came of a run."""

    seed: int
    codes: Counter[tuple[str, int]]
    findings: list[Finding]
    seconds: float


class Server:
    """The hooks as they are served, at one moment."""

    def __init__(self) -> None:
        self.hooks = hooks(Config())
        self.client = create_app(Config()).test_client()
        self.logged: list[str] = []

    def answer(self, route: str, body: bytes) -> Answer:
        self.logged.clear()
        if hook := self.hooks.get(route):
            _, said, code = call_hook(hook, body, NOON)
            text = json.dumps(said)
        else:
            reply = self.client.post(route, data=body)
            text, code = reply.text, reply.status_code
        return Answer(code, text, "; ".join(self.logged))


@contextmanager
def served() -> Iterator[Server]:
    """The hooks, whose log is read instead of written."""
    server = Server()

    class Tracebacks(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and (error := record.exc_info[1]):
                trace, at = error.__traceback__, ""
                while trace:
                    at, trace = (
                        f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}",
                        trace.tb_next,
                    )
                server.logged.append(f"{error!r:.200} at {at}")

    log, usual = logger(), logger().handlers[:]
    log.handlers[:] = [Tracebacks()]
    try:
        yield server
    finally:
        log.handlers[:] = usual


def run(count: int, seed: int, begin: int = 0) -> Report:
    """Make so many bodies, ask, and judge the answers."""
    started, texts = time.perf_counter(), originals()
    codes: Counter[tuple[str, int]] = Counter()
    findings: list[Finding] = []
    later: list[tuple[int, Mutated, Answer]] = []
    usual: dict[tuple[str, str], Answer] = {}
    with served() as server:
        routes = {rule.rule for rule in server.client.application.url_map.iter_rules() if "POST" in rule.methods}
        assert set(texts) == {one.replace("<token>", "token") for one in routes}
        for number in range(begin, begin + count):
            made = mutated(seed, number, texts)
            answer = server.answer(made.route, made.body)
            codes[made.way, answer.code] += 1
            key = (made.route, made.original)
            if key not in usual:
                usual[key] = server.answer(made.route, made.original.encode())
            words = [*objections(made, answer, usual[key])]
            if server.answer(made.route, made.body) != answer:
                words.append("the same body had another answer")
            findings += [Finding(number, made.route, made.way, one) for one in words]
            if number % AGAIN == 0:
                later.append((number, made, answer))
        for number, made, answer in later:
            if server.answer(made.route, made.body) != answer:
                findings.append(Finding(number, made.route, made.way, "the same body had another answer at the end"))
    return Report(seed, codes, findings, time.perf_counter() - started)


def objections(made: Mutated, answer: Answer, usual: Answer) -> Iterator[str]:
    """What is wrong with an answer, going by the one to the original."""
    said = json.loads(answer.text)
    surprised = answer.code == 500 and made.way not in STORED and said == NOTHING and answer.logged
    if not surprised and (answer.code not in CODES or answer.logged):
        yield f"{answer.code}: {answer.logged or answer.text[:200]}"
    elif "Traceback" in answer.text or not isinstance(said, dict) or ("error" in said) != (answer.code != 200):
        yield f"{answer.code}: {answer.text[:200]}"
    elif answer.code != 200:
        if made.way == "another object" and usual.code == 200 and not expected(made, said["error"]):
            yield f"{answer.code} though the API server would store it: {said['error'][:300]}"
    elif made.way in {"another world", "another text"} and made.route in LOST:
        lost = named(json.loads(usual.text).get("children")) & observed(json.loads(made.body)) - named(said["children"])
        kinds = LOST[made.route]
        stays = {one for one in lost if one[0] not in WITH_GATEWAYS and OF_INSPECTION not in one[1]}
        if lost := {one for one in stays if kinds is None or one[0] in kinds}:
            yield f"lost {sorted(lost)}"


def expected(made: Mutated, error: str) -> bool:
    """Whether an object that is refused is the parent, and refused by a rule, or lacks what it now is related to."""
    same = [json.loads(text).get("parent") for text in (made.body, made.original)]
    return same[0] != same[1] and any(message in error for message in MESSAGES)


MESSAGES = (*(message for _, message in rules()), "which the customize hook requests")


def named(children: Any) -> set[tuple[str, str]]:
    """Kind and name of children; a child that is kept as it was sent may have anything in their place."""
    return {(str(one.get("kind")), str(one["metadata"]["name"])) for one in children or ()}


def observed(body: Any) -> set[tuple[str, str]]:
    """Kind and name of the children in a request, as far as they can be read."""
    groups = body.get("children")
    found = set()
    for key, group in (groups if isinstance(groups, dict) else {}).items():
        for one in group.values() if isinstance(group, dict) else ():
            metadata = one.get("metadata") if isinstance(one, dict) else None
            name = metadata.get("name") if isinstance(metadata, dict) else None
            kind = key.partition(".")[0]
            found |= {(kind, name)} if isinstance(name, str) and one.get("kind") == kind else set()
    return found
