"""The metrics page of a simulated engine: names, types, labels and buckets of the published packages; its counts."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from aimlib.engines.catalogue import Engine
from tests.dataplane.simulated.prefix_cache import PrefixCache
from tests.monitoring.engines import LABELS, MADE, published

CACHED = {"vllm": "vllm:prefix_cache_hits_total", "sglang": "sglang:cached_tokens_total"}
LOOKED_UP = {"vllm": "vllm:prefix_cache_queries_total"}
"""Counters of the tokens that the prefix cache had, and was asked for."""


class Metrics:
    """Everything that the engine's package defines; what is not counted here stays at its beginning."""

    def __init__(self, engine: Engine, model: str, cache: PrefixCache) -> None:
        self.engine, self.model, self.cache = engine, model, cache
        self.registry = CollectorRegistry()
        self.metrics = {name: self._metric(name, one) for name, one in published(engine.name, engine.version).items()}
        self.lock = threading.Lock()
        self.running = self.waiting = 0
        for key in ("prompt_tokens", "generation_tokens", "queue_time", "end_to_end_latency"):
            self._at(key)

    def _metric(self, name: str, found: dict[str, Any]) -> Any:
        if found["type"] == "histogram":
            return Histogram(name, name, found["labels"], buckets=found["buckets"], registry=self.registry)
        return MADE[found["type"]](name, name, found["labels"], registry=self.registry)

    def _at(self, key: str, **labels: str) -> Any:
        return self._series(getattr(self.engine.metrics, key).partition("{")[0], **labels)

    def _series(self, name: str, **labels: str) -> Any:
        metric, values = self.metrics[name], {"cache_source": "device", **LABELS, "model_name": self.model, **labels}
        return metric.labels(**{one: values[one] for one in metric._labelnames}) if metric._labelnames else metric

    @contextmanager
    def turn(self, slots: threading.Semaphore) -> Iterator[None]:
        """Wait for one of the places where requests are computed, and keep it."""
        began = time.monotonic()
        self._move(waiting=1)
        try:
            slots.acquire()
        finally:
            self._move(waiting=-1)
        self._move(running=1)
        self._at("queue_time").observe(time.monotonic() - began)
        try:
            yield
        finally:
            self._move(running=-1)
            slots.release()

    def _move(self, *, running: int = 0, waiting: int = 0) -> None:
        with self.lock:
            self.running += running
            self.waiting += waiting

    def looked_up(self, tokens: int, cached: int) -> None:
        """A prompt of so many tokens came, of which the prefix cache had some."""
        self._at("prompt_tokens").inc(tokens)
        self._series(CACHED[self.engine.name]).inc(cached)
        if name := LOOKED_UP.get(self.engine.name):
            self._series(name).inc(tokens)

    def token(self, number: int, seconds: float) -> None:
        """The next token of an answer came after so many seconds: since its request for the first, number 0."""
        self._at("generation_tokens").inc()
        self._at("inter_token_latency" if number else "time_to_first_token").observe(seconds)

    def finished(self, reason: str, seconds: float) -> None:
        """An answer ended, as finished_reason has it: stop, length, abort, error."""
        self._at("requests", finished_reason=reason).inc()
        self._at("end_to_end_latency").observe(seconds)

    def answered(self, path: str, status: int) -> None:
        """An answer of the API, by its status."""
        self._at("answers", handler=path, endpoint=path, status=f"{status // 100}xx", status_code=str(status)).inc()

    def page(self) -> bytes:
        """The metrics page, in the text format."""
        self._at("running").set(self.running)
        self._at("waiting").set(self.waiting)
        self._at("cache_usage").set(self.cache.used)
        return generate_latest(self.registry)
