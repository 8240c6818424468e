"""Simulated model servers: their metrics pages, with the names, types, labels and buckets of the published packages."""

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from aimlib.engines.catalogue import Engine, engine
from tests.cluster.plane import ROOT
from tests.monitoring.traffic import Traffic

PUBLISHED = ROOT / "tests" / "testdata" / "metrics"
MADE = {"counter": Counter, "gauge": Gauge}
PATH = "/v1/chat/completions"
SPREAD = 0.35
"""Of the logarithm of times: most are within a third of the mean."""
LABELS = {
    "engine": "0",
    "engine_type": "unified",
    "tp_rank": "0",
    "pp_rank": "0",
    "moe_ep_rank": "0",
    "is_streaming": "true",
    "method": "POST",
    "handler": PATH,
    "endpoint": PATH,
    "cache_source": "device",
}
"""What the engines' labels say of a server alone; `model_name` and what tells answers apart are added."""


@cache
def published(name: str, version: str) -> Mapping[str, Any]:
    """What the package of an engine says of its metrics, by name."""
    return yaml.safe_load((PUBLISHED / f"{name}-{version}.yaml").read_text())["metrics"]


class ModelServer:
    """One replica of vLLM or SGLang, as its metrics page shows it; with `former`, by the names of earlier versions."""

    def __init__(self, name: str, model: str, traffic: Traffic, *, former: bool = False, seed: int = 0):
        self.engine: Engine = engine(name)
        self.model, self.traffic = model, traffic
        self.registry = CollectorRegistry()
        self.random = random.Random(seed)  # noqa: S311 - times of requests that never were
        self.left = 0.0
        names = self.engine.metrics.model_dump()
        renamed = self.engine.former_metrics.model_dump(exclude_none=True) if former else {}
        self.metrics = {}
        for page in {name.partition("{")[0] for name in names.values()}:
            key = next((key for key in renamed if names[key] == page), None)
            self.metrics[page] = self._metric(page, renamed[key] if key else page)
        self._answers(ok=0, failed=0)
        self.advance(0)

    def _metric(self, page: str, name: str) -> Any:
        found = published(self.engine.name, self.engine.version)[page]
        if found["type"] == "histogram":
            return Histogram(name, page, found["labels"], buckets=found["buckets"], registry=self.registry)
        return MADE[found["type"]](name, page, found["labels"], registry=self.registry)

    def _at(self, key: str, **labels: str) -> Any:
        """The series behind a name of the table; `labels` are those that tell what happened."""
        page = getattr(self.engine.metrics, key).partition("{")[0]
        values = {**LABELS, "model_name": self.model, **labels}
        metric = self.metrics[page]
        return metric.labels(**{label: values[label] for label in metric._labelnames}) if metric._labelnames else metric

    def advance(self, seconds: float) -> None:
        """Let time pass: requests finish, and the gauges follow the traffic."""
        load = self.traffic
        self.left += load.requests * seconds
        finished, failed = int(self.left), 0
        self.left -= finished
        for _ in range(finished):
            if self.random.random() < load.errors:
                failed += 1
            else:
                self._finish(load)
        self._answers(ok=finished - failed, failed=failed)
        self._at("requests", finished_reason="error").inc(failed)
        self._at("running").set(load.running)
        self._at("waiting").set(load.waiting)
        self._at("cache_usage").set(load.cache)

    def _finish(self, load: Traffic) -> None:
        total = load.seconds * self.random.lognormvariate(-(SPREAD**2) / 2, SPREAD)
        first = total / 10
        self._at("requests", finished_reason="stop").inc()
        self._at("prompt_tokens").inc(load.prompt_tokens)
        self._at("generation_tokens").inc(load.output_tokens)
        if self.engine.metrics.prefix_queries != self.engine.metrics.prompt_tokens:
            self._at("prefix_queries").inc(load.prompt_tokens)
        self._at("prefix_hits").inc(load.prompt_tokens * load.known)
        if load.preempted:
            self._at("preemptions").inc(load.preempted)
        self._at("time_to_first_token").observe(first)
        self._at("inter_token_latency").observe((total - first) / load.output_tokens)
        self._at("end_to_end_latency").observe(total)
        self._at("queue_time").observe(load.queue_seconds)

    def _answers(self, ok: int, failed: int) -> None:
        self._at("answers", status="2xx", status_code="200").inc(ok)
        self._at("answers", status="5xx", status_code="500").inc(failed)

    def page(self) -> bytes:
        """The metrics page, in the text format."""
        return generate_latest(self.registry)
