"""How long models took from the first request that was held for them to the first token of an answer, by target."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

METRIC = "aim_gateway_first_token_seconds"
BUCKET_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600)


class FirstTokens(Collector):
    """Measured once for all requests that wait at the same time: from the first of them. Of targets in the table."""

    def __init__(self, targets: Callable[[], Collection[str]], now: Callable[[], float]) -> None:
        self._targets, self._now = targets, now
        self._open: Counter[str] = Counter()
        self._since: dict[str, float] = {}
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    @contextmanager
    def held(self, target: str) -> Iterator[None]:
        """A request, from when it is held to its end. When all have gone without an answer, nothing is measured."""
        if not self._open[target]:
            self._since[target] = self._now()
            self._counts.setdefault(target, [0] * (len(BUCKET_SECONDS) + 1))
            self._sums.setdefault(target, 0.0)
        self._open[target] += 1
        try:
            yield
        finally:
            self._open[target] -= 1
            if not self._open[target]:
                del self._open[target]
                self._since.pop(target, None)

    def came(self, target: str) -> None:
        """A token has come; it is the first unless one of another request was."""
        since = self._since.pop(target, None)
        if since is not None:
            seconds = self._now() - since
            self._counts[target][bisect_left(BUCKET_SECONDS, seconds)] += 1
            self._sums[target] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The one histogram; a target is in it from the first request on that is held for it."""
        for target in self._counts.keys() - set(self._targets()) - self._open.keys():
            del self._counts[target], self._sums[target]
        words = "Seconds from the first request that is held for a target to the first token of an answer."
        family = HistogramMetricFamily(METRIC, words, labels=["target"])
        names = [*map(str, map(float, BUCKET_SECONDS)), "+Inf"]
        for target, counts in sorted(self._counts.items()):
            family.add_metric([target], [*zip(names, accumulate(counts), strict=True)], self._sums[target])
        yield family
