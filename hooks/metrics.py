"""The hook server's own metrics, in Prometheus' exposition format."""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

CALLS = Counter("aim_hook_requests_total", "Hook calls by hook and HTTP status.", ["hook", "code"])
SECONDS = Histogram(
    "aim_hook_duration_seconds",
    "Time to answer a hook call.",
    ["hook"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
BYTES = Histogram(
    "aim_hook_request_bytes", "Size of hook requests.", ["hook"], buckets=tuple(4.0**power for power in range(5, 14))
)


def exposition() -> tuple[bytes, str]:
    """The metrics of all worker processes, and their content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
