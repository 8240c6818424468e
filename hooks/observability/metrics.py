"""The hook server's own metrics, in Prometheus' exposition format.

Every label has a bounded set of values: hooks, codes, rules and reasons are tables of this release, recipes and GPU
products those of the catalogue. No metric says which endpoint, cache or namespace it is about.
"""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from hooks.observability.changes import OTHER, Change, mapping

CALLS = Counter("aim_hook_requests_total", "Hook calls by hook and HTTP status.", ["hook", "code"])
ERRORS = Counter("aim_hook_errors_total", "Hook calls that were not answered with 200, by reason.", ["hook", "reason"])
IN_FLIGHT = Gauge(
    "aim_hook_requests_in_flight", "Hook calls that are being answered.", ["hook"], multiprocess_mode="livesum"
)
SECONDS = Histogram(
    "aim_hook_duration_seconds",
    "Time to answer a hook call.",
    ["hook"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
BYTES = Histogram(
    "aim_hook_request_bytes", "Size of hook requests.", ["hook"], buckets=tuple(4.0**power for power in range(5, 14))
)
SELECTIONS = Counter(
    "aim_selections_total",
    "Choices made for endpoints, each counted once.",
    ["recipe", "hardware", "precision", "engine"],
)
REFUSALS = Counter("aim_selection_refusals_total", "Decisions for which nothing could be selected.", ["reason"])
REJECTIONS = Counter(
    "aim_selection_rejections_total", "Candidates that a rule objected to, in decisions that were made.", ["rule"]
)
FALLBACKS = Counter("aim_selection_fallbacks_total", "Choices that needed a step of recipe.fallback.")
KEPT = Counter(
    "aim_selections_kept_total", "Times that a new decision would differ and the choice was kept.", ["reason"]
)
DOWNLOADS = Counter("aim_cache_downloads_total", "Downloads of caches that ended, by outcome.", ["outcome"])
REMOVALS = Counter("aim_cache_removals_total", "Models that caches have no more.")
RECORDS = Counter("aim_audit_records_total", "Lines of the audit record, by result.", ["result"])
OBSERVATIONS = Counter(
    "aim_observations_total",
    "Questions that observers put to others, by what they ask for.",
    ["asked", "result"],
)
ADMISSIONS = Counter(
    "aim_admission_requests_total", "Questions of the API server, by webhook and verdict.", ["webhook", "verdict"]
)
ADMISSION_SECONDS = Histogram(
    "aim_admission_duration_seconds",
    "Time to answer the API server.",
    ["webhook"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.0),
)
CERTIFICATE = Gauge(
    "aim_tls_certificate_expiry_timestamp_seconds",
    "When the certificate expires that the server shows; 0 without TLS.",
    multiprocess_mode="mostrecent",
)
BUILD = Gauge("aim_build_info", "1, with the release of the hook server.", ["version"], multiprocess_mode="livemax")

REASONS = {
    400: "NotARequest",
    401: "Unauthorised",
    404: "UnknownPath",
    405: "WrongMethod",
    413: "TooLarge",
    422: "Refused",
    429: "Busy",
    500: "Internal",
}
"""Why a call was not answered, by its HTTP status."""


def failed(hook: str, code: int) -> None:
    """Count a call that was not answered with 200."""
    ERRORS.labels(hook, REASONS.get(code, OTHER)).inc()


def decided(found: Change) -> None:
    """Count what is new in an answer."""
    if found.event in {"Selected", "Reselected"}:
        chosen = mapping(found.after.get("resolved"))
        SELECTIONS.labels(*(str(chosen.get(name)) for name in ("recipe", "product", "precision", "backend"))).inc()
    if found.event == "Refused":
        REFUSALS.labels(found.reason).inc()
    if found.event == "Kept":
        KEPT.labels(found.reason).inc()
    if found.fallback:
        FALLBACKS.inc()
    for rule in found.rejected:
        REJECTIONS.labels(rule).inc()
    for outcome in found.downloads:
        DOWNLOADS.labels(outcome).inc()
    REMOVALS.inc(found.removed)


def exposition() -> tuple[bytes, str]:
    """The metrics of all worker processes, and their content type."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
