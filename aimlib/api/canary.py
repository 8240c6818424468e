"""A canary: a new version of an endpoint, tried on a part of the traffic before it replaces the present one."""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from aimlib.api.base import FieldRule, MessageText, Model, Ruled, Text, Timestamp
from aimlib.api.resolved import Resolved

TrafficPart = Annotated[int, Field(ge=0, le=100)]
StepSeconds = Annotated[int, Field(ge=0, le=604800)]
Track = Literal["a", "b"]
USUAL_SPLIT, USUAL_SECONDS = 10, 600


class CanaryStep(Model):
    """A part of the traffic, and for how long the new version has at least that."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """Part of the requests for the new version, in percent."""
    seconds: StepSeconds = USUAL_SECONDS
    """Least duration of the step, in seconds."""


class PlannedStep(NamedTuple):
    """What the new version gets in one step."""

    weight: int
    """Part of the requests, in percent."""
    seconds: int
    """Least duration."""
    mirror_percent: int | None = None
    """Part of the requests of which it gets a copy; None where it gets none."""


class MaxRegression(Model):
    """By how much the 95th percentiles of the new version may be above those of the present one, in percent."""

    time_to_first_token: Annotated[int, Field(ge=0, le=1000)] | None = 20
    """Time to the first token."""
    inter_token_latency: Annotated[int, Field(ge=0, le=1000)] | None = 20
    """Time between two tokens."""
    end_to_end_latency: Annotated[int, Field(ge=0, le=1000)] | None = 20
    """Time from the request to the last token."""


class Analysis(Model):
    """When a new version counts as worse than the present one."""

    interval_seconds: Annotated[int, Field(ge=10, le=3600)] = 60
    """Seconds between two comparisons."""
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Requests within 5 minutes that each of the two must have had; with fewer, the step waits."""
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 2
    """Failed comparisons in succession that end the canary."""
    max_error_ratio: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Ratio of failed requests that the new version may have, 0 to 1; that of the present one where that is higher."""
    max_regression_percent: MaxRegression = MaxRegression()
    """By how much it may be slower."""


class Canary(Ruled):
    """Tries a new version on a part of the traffic before it replaces the present one."""

    rules = (
        FieldRule(
            "!has(self.steps) || self.steps.size() == 0 || !(has(self.trafficSplit) || has(self.duration))",
            "deployment.canary: state either steps, or trafficSplit and duration",
            lambda raw: not raw.get("steps") or not {"trafficSplit", "duration"} & raw.keys(),
        ),
    )

    enabled: bool = False
    """Whether a change is tried first."""
    traffic_split: TrafficPart | None = None
    """Part of the requests in the one step, in percent; 10 when left out, and 0 counts as 1."""
    duration: StepSeconds | None = None
    """Least duration of the one step, in seconds; 600 when left out."""
    steps: Annotated[tuple[CanaryStep, ...], Field(max_length=20)] = ()
    """Several steps, instead of trafficSplit and duration."""
    mirror_percent: TrafficPart = 0
    """Part of the requests of which gateways send the new version a copy, in percent, in a step of its own before the
    first, which takes as long as that one. Its answers are thrown away: no client gets one before its figures have
    been compared. 0 for no such step."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Replicas of the new version while it is tried; never more than the endpoint has."""
    analysis: Analysis = Analysis()
    """When the new version counts as worse."""
    promotion: Literal["Automatic", "Manual"] = "Automatic"
    """Automatic: after the last step. Manual: once the annotation aim.engine.amd.com/promote has the canary's id."""

    @property
    def plan(self) -> tuple[PlannedStep, ...]:
        """The steps, that of the copies first; one of the earlier API's fields where none is stated."""
        steps = tuple(PlannedStep(one.weight, one.seconds) for one in self.steps) or (self._one_step,)
        copies = PlannedStep(0, steps[0].seconds, self.mirror_percent)
        return (copies, *steps) if self.mirror_percent else steps

    @property
    def _one_step(self) -> PlannedStep:
        split = USUAL_SPLIT if self.traffic_split is None else self.traffic_split
        return PlannedStep(max(split, 1), USUAL_SECONDS if self.duration is None else self.duration)


class CanaryCheck(Model):
    """One figure of both versions."""

    name: Text
    """The figure."""
    stable: Text | None = None
    """That of the present version."""
    canary: Text | None = None
    """That of the new version."""
    limit: Text | None = None
    """What the new version may have."""
    verdict: Literal["Passed", "Failed", "TooFew", "NotMeasured"]
    """Passed, Failed, or why there is nothing to compare."""


class CanaryStatus(Model):
    """How far a new version is tried."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Identifies the new version; the annotations that promote or abort it have it as their value."""
    phase: Literal["Starting", "Progressing", "AwaitingPromotion", "Promoting", "Promoted", "RolledBack"]
    """How far it is."""
    step: Annotated[int, Field(ge=0)] = 0
    """The step of spec.deployment.canary, counted from 1, that of the copies included; 0 before the first."""
    weight: TrafficPart = 0
    """Part of the requests that it has, in percent."""
    mirror_percent: TrafficPart | None = None
    """Part of the requests of which it gets a copy, in percent; left out where it gets none."""
    began: Timestamp
    """When it was begun with."""
    since: Timestamp
    """When the phase or the step began."""
    checked_at: Timestamp
    """When the versions were last compared."""
    stable_track: Track
    """The track of the version that serves the rest of the requests; the new one is on the other."""
    reason: Literal["Progressing", "Promoted", "Inconclusive", "NoMetrics", "Regressed", "CannotStart", "RolledBack"]
    """Why it is where it is, as in the condition CanaryHealthy."""
    failures: int = 0
    """Failed comparisons in succession."""
    checks: tuple[CanaryCheck, ...] = ()
    """What was compared last."""
    message: MessageText = ""
    """What it waits for, or what is wrong."""
    resolved: Resolved | None = None
    """The configuration of the new version, while it is tried."""

    @property
    def part(self) -> str:
        """What it gets of the requests, in words."""
        copies = self.mirror_percent
        return f"{self.weight} % of the requests" if copies is None else f"a copy of {copies} % of the requests"
