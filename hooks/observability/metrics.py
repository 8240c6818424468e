"""The hook server's own metrics, in Prometheus' exposition format.

Every label has a bounded set of values: hooks, codes, rules and reasons are tables of this release, recipes and GPU
products those of the catalogue, models of prices those of the settings. No metric has a label for an endpoint, a
cache or a namespace.
"""

import os
from collections.abc import Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from aimlib.config import TokenPrice
from hooks.observability.changes import OTHER, Change, as_mapping

HOOK_REQUESTS = Counter("aim_hook_requests_total", "Hook calls by hook and HTTP status.", ["hook", "code"])
HOOK_ERRORS = Counter(
    "aim_hook_errors_total", "Hook calls with another HTTP status than 200, by reason.", ["hook", "reason"]
)
HOOKS_IN_FLIGHT = Gauge("aim_hook_requests_in_flight", "Hook calls in progress.", ["hook"], multiprocess_mode="livesum")
HOOK_SECONDS = Histogram(
    "aim_hook_duration_seconds",
    "Duration of a hook call.",
    ["hook"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
HOOK_BYTES = Histogram(
    "aim_hook_request_bytes", "Size of hook requests.", ["hook"], buckets=tuple(4.0**power for power in range(5, 14))
)
SELECTIONS = Counter(
    "aim_selections_total",
    "Configurations selected for endpoints.",
    ["recipe", "hardware", "precision", "engine"],
)
SELECTION_REFUSALS = Counter("aim_selection_refusals_total", "Decisions that selected nothing.", ["reason"])
SELECTION_REJECTIONS = Counter("aim_selection_rejections_total", "Candidates that a rule rejected.", ["rule"])
SELECTION_FALLBACKS = Counter("aim_selection_fallbacks_total", "Selections that used a step of recipe.fallback.")
KEPT_SELECTIONS = Counter(
    "aim_selections_kept_total", "New decisions that differ from the pinned selection, which is kept.", ["reason"]
)
DOWNLOADS = Counter("aim_cache_downloads_total", "Finished downloads of caches, by outcome.", ["outcome"])
REMOVALS = Counter("aim_cache_removals_total", "Models removed from caches.")
AUDIT_RECORDS = Counter("aim_audit_records_total", "Lines of the audit record, by result.", ["result"])
EVENTS = Counter("aim_events_total", "Kubernetes Events of endpoints and caches, by what became of them.", ["result"])
OBSERVER_REQUESTS = Counter(
    "aim_observer_requests_total",
    "Requests made by observers, by target and result.",
    ["target", "result"],
)
ADMISSION_REQUESTS = Counter(
    "aim_admission_requests_total",
    "Admission requests of the API server, by webhook and verdict.",
    ["webhook", "verdict"],
)
ADMISSION_SECONDS = Histogram(
    "aim_admission_duration_seconds",
    "Duration of an admission request.",
    ["webhook"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.0),
)
CERTIFICATE_EXPIRY = Gauge(
    "aim_tls_certificate_expiry_timestamp_seconds",
    "When the server's certificate expires; 0 without TLS.",
    multiprocess_mode="mostrecent",
)
TOKEN_PRICE = Gauge(
    "aim_model_token_price",
    "Price of a million tokens, as the settings have it, by the name of the model in requests.",
    ["model", "kind"],
    multiprocess_mode="livemax",
)
BUILD_INFO = Gauge("aim_build_info", "1, with the hook server's version.", ["version"], multiprocess_mode="livemax")

ERROR_REASONS = {
    400: "NotARequest",
    401: "Unauthorised",
    404: "UnknownPath",
    405: "WrongMethod",
    413: "TooLarge",
    422: "Refused",
    429: "Busy",
    500: "Internal",
}
"""Reasons of failed hook calls, by HTTP status."""


def show_prices(prices: Mapping[str, TokenPrice]) -> None:
    """Shows the prices of the settings, in whose currency costs are."""
    for model, price in prices.items():
        TOKEN_PRICE.labels(model, "prompt").set(price.prompt)
        TOKEN_PRICE.labels(model, "generated").set(price.generated)


def count_error(hook: str, code: int) -> None:
    """Counts a hook call with another status than 200."""
    HOOK_ERRORS.labels(hook, ERROR_REASONS.get(code, OTHER)).inc()


def count_change(change: Change) -> None:
    """Counts a change."""
    if change.event in {"Selected", "Reselected"}:
        resolved = as_mapping(change.after.get("resolved"))
        SELECTIONS.labels(*(str(resolved.get(name)) for name in ("recipe", "product", "precision", "backend"))).inc()
    if change.event == "Refused":
        SELECTION_REFUSALS.labels(change.reason).inc()
    if change.event == "Kept":
        KEPT_SELECTIONS.labels(change.reason).inc()
    if change.fallback:
        SELECTION_FALLBACKS.inc()
    for rule in change.rejected:
        SELECTION_REJECTIONS.labels(rule).inc()
    for outcome in change.downloads:
        DOWNLOADS.labels(outcome).inc()
    REMOVALS.inc(change.removed)


def exposition() -> tuple[bytes, str]:
    """The metrics of all worker processes, and their content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
