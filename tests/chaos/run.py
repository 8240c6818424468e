"""A run: endpoints in churn on a control plane of its own, of which everything is killed; then it is looked at."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple

import yaml
from kubernetes import client
from urllib3.exceptions import HTTPError

from tests.chaos.churn import MODEL, Churn
from tests.chaos.kills import Kills, install
from tests.chaos.ledger import Ledger, differences
from tests.cluster.controlplane import control_plane
from tests.cluster.plane import ROOT
from tests.cluster.processes import StartError
from tests.cluster.rounds import rounds
from tests.e2e import caches
from tests.e2e.space import Space

NAMESPACE = "chaos"
CONTROLLER = yaml.safe_load((ROOT / "metacontroller" / "endpoint.yaml").read_text())
SETTLE_SECONDS: int = CONTROLLER["spec"]["resyncPeriodSeconds"] + 120
"""How long everything may take to be right. What fails is tried again after 5 ms, 10 ms, … 1000 s, so an object which
fails at each of many changes is soon put off by minutes; but a resync looks at all of them."""


class Report(NamedTuple):
    """What came of a run."""

    seed: int
    seconds: float
    settled: float
    """Seconds after the last kill until everything was as it was asked for."""
    did: dict[str, int]
    killed: dict[str, int]
    alive: int
    watched: int
    """Children that were seen."""
    lost: list[str]
    """Children of living owners that were lost at any time, and models that were downloaded again."""
    wrong: list[str]
    """What was still not as it was asked for when the time was over."""


def run(seconds: float, endpoints: int, seed: int, report: Callable[[str], None] = print) -> Report:
    """Kill every part once, and go on until the time is over."""
    chance = random.Random(seed)  # noqa: S311 - to be made again
    with control_plane() as plane, caches.hub_with(MODEL) as hub:
        installation = install(plane)
        plane.kubectl("create", "namespace", NAMESPACE)
        space = Space(plane, NAMESPACE)
        space.apply(caches.cache("shared", hub, MODEL, storage={"accessMode": "ReadWriteMany"}))
        caches.cached(space, "shared", MODEL)
        churn, kills = Churn(plane, NAMESPACE, endpoints, seed), Kills(plane, installation)
        ledger = Ledger(plane, NAMESPACE)
        report(f"seed {seed}: {endpoints} endpoints for {seconds:.0f} s")
        began = time.monotonic()
        with rounds("ledger", 1, ledger.look), churn.going():
            kills.each(chance)
            while time.monotonic() - began < seconds:
                kills.kill(chance.choice(sorted(kills.parts)), chance)
        # The garbage collector of Kubernetes may miss an owner that goes while its watch is down.
        kills.collect_anew()
        ended = time.monotonic()
        wrong = ["nothing was looked at"]

        def right() -> bool:
            nonlocal wrong
            kills.start_ended()
            try:
                ledger.look()
                wrong = differences(churn, ledger.seen())
            except (client.ApiException, HTTPError) as error:
                wrong = [str(error)]
            return not wrong

        try:
            plane.wait_for("everything to be as it was asked for", right, SETTLE_SECONDS)
        except StartError as error:
            report(str(error))
            for kinds in ("aimendpoints,aimcaches,deployments,replicasets,pods,persistentvolumeclaims", "events"):
                report(space.kubectl("get", kinds, "--output=wide"))
        settled = time.monotonic() - ended
        lost = ledger.losses(ledger.seen())
        if (sent := hub.sent(MODEL)) != caches.BYTES:
            lost.append(f"{MODEL}, of which the hub has sent {sent} bytes instead of {caches.BYTES}")
        return Report(
            seed,
            ended - began,
            settled,
            dict(churn.done),
            dict(kills.done),
            sum(spec is not None for spec in churn.specs.values()),
            len(ledger.first),
            lost,
            churn.failed + wrong,
        )
