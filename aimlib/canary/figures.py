"""Whether a new version is worse than the present one, by the figures of both over the same time."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from aimlib.api.canary import Analysis, CanaryCheck

CHANCE = 0.05
"""How improbable it must be that a version that keeps the limit has so many errors: one in twenty comparisons."""
COMPARED = {
    "timeToFirstToken": "time_to_first_token",
    "interTokenLatency": "inter_token_latency",
    "endToEndLatency": "end_to_end_latency",
}
"""Figures of which 95th percentiles are compared, by their names in the API."""


class Figures(NamedTuple):
    """The figures of one version, over the last 5 minutes; None where nothing is measured."""

    requests: float | None = None
    """Number of answers."""
    errors: float | None = None
    """Number of answers that are the server's errors."""
    time_to_first_token: float | None = None
    """95th percentile, in seconds."""
    inter_token_latency: float | None = None
    """95th percentile, in seconds."""
    end_to_end_latency: float | None = None
    """95th percentile, in seconds."""


UNMEASURED = Figures()


class Comparison(NamedTuple):
    """The result of one comparison."""

    reason: str
    """Progressing where every figure passed; else Regressed, Inconclusive or NoMetrics."""
    message: str
    checks: tuple[CanaryCheck, ...]


def compare(stable: Figures, canary: Figures, limits: Analysis) -> Comparison:
    """The comparison of a new version with the present one: one figure above its limit is a regression."""
    checks = tuple(_checks(stable, canary, limits))
    verdicts = {check.verdict for check in checks}
    table = (
        ("Failed" in verdicts, "Regressed", f"{_named(checks, 'Failed')} above the limit"),
        ("NotMeasured" in verdicts, "NoMetrics", f"no measurement of {_named(checks, 'NotMeasured')}"),
        ("TooFew" in verdicts, "Inconclusive", _too_few(stable, canary, limits)),
    )
    found = next(
        ((reason, message) for applies, reason, message in table if applies),
        ("Progressing", "as good as the present version"),
    )
    return Comparison(*found, checks)


def improbable(errors: int, requests: int, ratio: float) -> bool:
    """Whether so many errors, or more, are improbable of a version that has them with this ratio.

    The one-sided tail of the binomial distribution, summed by logarithms: 1 of 20 is no regression at 2 %.
    """
    if errors <= ratio * requests:
        return False
    if ratio <= 0:
        return True
    fewer = sum(_probability(count, requests, ratio) for count in range(errors))
    return 1 - fewer < CHANCE


def _probability(count: int, of: int, ratio: float) -> float:
    ways = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    return math.exp(ways + count * math.log(ratio) + (of - count) * math.log1p(-ratio))


def _checks(stable: Figures, canary: Figures, limits: Analysis) -> Iterator[CanaryCheck]:
    """The requests, which decide whether the others mean anything, and then each figure that has a limit."""
    counts = (stable.requests, canary.requests)
    known = [count for count in counts if count is not None]
    missing = "NotMeasured" if len(known) < len(counts) else "TooFew"
    enough = len(known) == len(counts) and min(known) >= limits.min_requests
    shown = [None if count is None else f"{count:.0f}" for count in counts]
    yield CanaryCheck(
        name="requests",
        stable=shown[0],
        canary=shown[1],
        limit=f"at least {limits.min_requests}",
        verdict="Passed" if enough else missing,
    )
    if enough:
        yield _errors(stable, canary, limits.max_error_ratio)
        for name, field in COMPARED.items():
            percent = getattr(limits.max_regression_percent, field)
            if percent is not None:
                yield _latency(name, getattr(stable, field), getattr(canary, field), percent)


def _errors(stable: Figures, canary: Figures, limit: float) -> CanaryCheck:
    if stable.errors is None or canary.errors is None:
        return CanaryCheck(name="errorRatio", verdict="NotMeasured")
    usual = min(stable.errors / (stable.requests or 1), 1)
    allowed = max(limit, usual)
    requests = round(canary.requests or 0)
    failed = improbable(min(round(canary.errors), requests), requests, allowed) if allowed < 1 else False
    return CanaryCheck(
        name="errorRatio",
        stable=f"{usual:.3f}",
        canary=f"{canary.errors / (canary.requests or 1):.3f}",
        limit=f"{allowed:.3f}",
        verdict="Failed" if failed else "Passed",
    )


def _latency(name: str, stable: float | None, canary: float | None, percent: int) -> CanaryCheck:
    if stable is None or canary is None:
        return CanaryCheck(name=name, verdict="NotMeasured")
    limit = stable * (100 + percent) / 100
    return CanaryCheck(
        name=name,
        stable=f"{stable:.3g} s",
        canary=f"{canary:.3g} s",
        limit=f"{limit:.3g} s",
        verdict="Failed" if canary > limit else "Passed",
    )


def _named(checks: tuple[CanaryCheck, ...], verdict: str) -> str:
    return ", ".join(check.name for check in checks if check.verdict == verdict)


def _too_few(stable: Figures, canary: Figures, limits: Analysis) -> str:
    least = min(stable.requests or 0, canary.requests or 0)
    return f"{least:.0f} of {limits.min_requests} requests within 5 minutes"
