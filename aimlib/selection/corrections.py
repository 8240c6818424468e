"""Corrects predicted speeds by published ones.

A figure is compared with what the roofline predicts for its own workload; the logarithm of the ratio says how far the
prediction was off. All candidates for one model get the mean of all figures, so nothing loses because nobody measured
it. How far a candidate differs from that mean is told by its own figures with weight 1, by figures of the same hardware
and of the same engine with weight 1/4 each, and by one more that says it does not: with few figures the difference is
small. Where a figure is of the very workload and command, it is taken as it is, and the others are compared with it.
"""

from collections.abc import Iterable
from math import exp, log
from typing import NamedTuple

from aimlib.selection.roofline import Workload

SIMILAR = 0.25
"""Weight of a figure of other GPU counts, precisions or commands, for each of hardware and engine that is the same."""


class Point(NamedTuple):
    """What is measured: one configuration of a recipe, with the hardware and the engine that it has in common."""

    recipe: str
    gpu_count: int
    hardware: str
    backend: str


LEAST = 1e-9
"""Seconds, or tokens per second, below which nothing is told apart."""


class Figure(NamedTuple):
    """One published figure beside what is predicted for it."""

    point: Point
    published: float
    predicted: float
    words: str
    """Its workload and source."""
    exact: bool
    """Whether it is of the very workload that is asked for and of the configuration's own command."""
    own_command: bool = True
    """Whether it was measured with the configuration's own arguments and variables."""

    @property
    def error(self) -> float:
        """Logarithm of published by predicted."""
        return log(max(self.published, LEAST) / max(self.predicted, LEAST))


class Corrected(NamedTuple):
    """A corrected prediction, and where it is from."""

    value: float
    published: str | None = None
    """The workload and source of the figure that it is."""
    figures: int = 0
    """How many published figures corrected it."""

    @property
    def source(self) -> str:
        """Where it is from, in words."""
        if self.published is not None:
            return f"published: {self.published}"
        if not self.figures:
            return "predicted"
        return f"predicted, corrected by {self.figures} published figure{'s' * (self.figures > 1)}"


class Corrections:
    """The corrections of one quantity for the candidates for one model."""

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        self.figures = sorted(figures)
        self.exact = {figure.point: figure for figure in reversed(self.figures) if figure.exact}
        count = len(self.figures)
        self.mean = sum(figure.error for figure in self.figures) / count if count else 0.0
        self.common = self.mean * count / (count + 1)
        if self.exact:
            self.common = sum(figure.error for figure in self.exact.values()) / len(self.exact)
        self.sums: dict[tuple[str, ...] | Point, tuple[float, float]] = {}
        for figure in self.figures:
            self._count((figure.point.hardware,), SIMILAR, figure)
            self._count((figure.point.backend, "engine"), SIMILAR, figure)
            if figure.own_command:
                self._count(figure.point, 1 - 2 * SIMILAR, figure)

    def _count(self, key: tuple[str, ...] | Point, weight: float, figure: Figure) -> None:
        weights, errors = self.sums.get(key, (0.0, 0.0))
        self.sums[key] = weights + weight, errors + weight * (figure.error - self.mean)

    def corrected(self, point: Point, predicted: float, *, alone: bool = True) -> Corrected:
        """The value for a candidate; `alone` where it has the whole workload, as what was measured had."""
        if alone and point in self.exact:
            return Corrected(self.exact[point].published, self.exact[point].words)
        if not self.figures:
            return Corrected(predicted)
        weights, errors = 0.0, 0.0
        for key in ((point.hardware,), (point.backend, "engine"), point):
            if known := self.sums.get(key):
                weights, errors = weights + known[0], errors + known[1]
        own = errors / (weights + 1)
        return Corrected(predicted * exp(self.common + own), figures=len(self.figures))


USUAL_WORKLOAD = Workload(1024, 512, 32)
"""The workload of an endpoint that states none: a page of text, answered by half a page."""


class SpeedModel(NamedTuple):
    """What the speeds of an endpoint's candidates are computed with."""

    workload: Workload = USUAL_WORKLOAD
    throughput: Corrections = Corrections()
    per_token: Corrections = Corrections()
