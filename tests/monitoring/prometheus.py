"""A Prometheus on loopback, with the shipped rules, over simulated servers; and how to ask it."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import binaries
from tests.cluster.components import answers
from tests.cluster.processes import Process, free_ports, running
from tests.monitoring import history
from tests.monitoring.pages import PageServer, served
from tests.monitoring.targets import Target, configuration

Raw = dict[str, Any]
START_SECONDS = 60
INTERVAL = "500ms"


class QueryError(Exception):
    """Prometheus refused a query; the message is its own."""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    """Such as http://127.0.0.1:9090."""
    process: Process

    def query(self, expr: str) -> list[Raw]:
        """The series of an instant query: `metric` has the labels, `value` the time and the value as text."""
        return self._data("query", query=expr)["result"]

    def query_range(self, expr: str, seconds: int, step: int = 15) -> list[Raw]:
        """The series of the last seconds: `metric`, and `values` as pairs of time and text."""
        now = time.time()
        return self._data("query_range", query=expr, start=now - seconds, end=now, step=step)["result"]

    def value(self, expr: str) -> float:
        """The value of the one series of a query."""
        [series] = self.query(expr)
        return float(series["value"][1])

    def alerts(self) -> set[str]:
        """The names of the alerts that fire or are about to."""
        return {one["labels"]["alertname"] for one in self._data("alerts")["alerts"]}

    def targets(self) -> list[Raw]:
        """The targets that are scraped, as the API says them: `labels`, `health`, `lastError`, `scrapeInterval`, …."""
        return self._data("targets")["activeTargets"]

    def rules(self) -> list[Raw]:
        """The rules with what came of evaluating them: `name`, `health`, `lastError`."""
        return [rule for group in self._data("rules")["groups"] for rule in group["rules"]]

    def wait_for(self, holds: Callable[[], object], seconds: float = 20) -> None:
        """Poll until `holds()`; StartError with the end of the log when the time is over."""
        self.process.wait_until(lambda: bool(holds()), seconds)

    def _data(self, path: str, **parameters: object) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - our own loopback address
                return json.loads(reply.read())["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(json.loads(error.read()).get("error", str(error))) from error


@contextmanager
def started(config: Raw, folder: Path, data: Path | None = None) -> Iterator[Prometheus]:
    """A Prometheus with that configuration, ready; its files are below `folder`."""
    program = binaries.ensure(binaries.monitoring())["prometheus"]
    [port] = free_ports(1)
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(config))
    command = [program, f"--config.file={file}", f"--storage.tsdb.path={data or folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--scrape.discovery-reload-interval=100ms"]
    with running("prometheus", command, folder) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_until(lambda: answers(f"{url}/-/ready"), START_SECONDS)
        yield Prometheus(url, process)


@contextmanager
def scraping(
    targets: Sequence[Target], folder: Path, *, past: int = 0, interval: str = INTERVAL
) -> Iterator[tuple[Prometheus, dict[str, PageServer]]]:
    """A Prometheus that scrapes these targets, and their servers by the name of the pod.

    With `past`, in seconds, all have lived for so long, and so have the recorded series: rates are right at once.
    """
    with ExitStack() as stack:
        pairs = [(target, stack.enter_context(served(target.page))) for target in targets]
        config, data = configuration(pairs, interval), folder / "data"
        data.mkdir(exist_ok=True)
        if past:
            promtool = binaries.ensure(binaries.monitoring())["promtool"]
            history.lived(promtool, pairs, past, data)
            silent = {name: value for name, value in config.items() if name == "global"}
            with started(silent, folder) as before:
                history.recorded(promtool, before.url, past, data)
        prometheus = stack.enter_context(started(config, folder))
        prometheus.wait_for(lambda: sum(one["health"] != "unknown" for one in prometheus.targets()) == len(pairs))
        yield prometheus, {target.meta["pod_name"]: server for target, server in pairs}
