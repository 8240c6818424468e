"""A Prometheus that the dashboards can be shown over: it has scraped the simulated cluster, and alerts fire at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.cluster.processes import StartError
from tests.dashboards.cluster import cluster
from tests.monitoring.prometheus import Prometheus, scraping
from tests.monitoring.targets import RULES

INTERVAL = "1s"
FIRE = {"AIMEndpointFailed", "AIMEndpointErrors", "AIMCacheFailing", "AIMAuditFailing", "AIMGatewayKeysShared"}
"""Alerts that this cluster gives cause to; there are others."""
SCRAPES_SECONDS = 20
"""A machine that is busy misses scrapes, and for a moment what they bring is gone."""
Raw = dict[str, Any]
T = TypeVar("T")


@contextmanager
def shown(folder: Path, past: int) -> Iterator[Prometheus]:
    """The simulated cluster has been there for so many seconds; what alerts wait for is taken as over."""
    with cluster(folder, past) as targets, scraping(targets, folder, past=past, interval=INTERVAL) as (prometheus, _):
        _hurry(folder, prometheus)
        yield prometheus


def soon(prometheus: Prometheus, look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
    """What is seen once it is there, or else the last look."""
    seen: list[T] = []

    def arrived() -> bool:
        seen[:] = [look()]
        return is_there(seen[0])

    with suppress(StartError):
        prometheus.wait_for(arrived, SCRAPES_SECONDS)
    return seen[0]


def _hurry(folder: Path, prometheus: Prometheus) -> None:
    """Load the shipped rules again, with alerts that fire as soon as their expression holds."""
    config = yaml.safe_load((folder / "prometheus.yaml").read_text())
    hurried = []
    for path in RULES:
        rules = yaml.safe_load(path.read_text())
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            rule.pop("for", None)
        hurried.append(folder / path.name)
        hurried[-1].write_text(yaml.safe_dump(rules))
    config["rule_files"] = [str(path) for path in hurried]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    os.kill(prometheus.process.pid, signal.SIGHUP)
    firing = 'group by (alertname) (ALERTS{alertstate="firing"})'
    prometheus.wait_for(lambda: {one["metric"]["alertname"] for one in prometheus.query(firing)} >= FIRE, 60)
