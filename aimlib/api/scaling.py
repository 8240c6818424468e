"""How an AIMEndpoint is scaled, and what its status tells of that."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, MessageText, Model, Ruled, Text, Timestamp
from aimlib.api.endpoint_choice import Latency
from aimlib.api.schedule import ScalingSchedule, ScheduledReplicas
from aimlib.api.vertical import Vertical

MOST_REQUESTS = 100_000
"""Of a target."""
Percent = Annotated[int, Field(ge=1, le=100)]
Seconds = Annotated[int, Field(ge=0, le=3600)]
USUAL_IDLE_SECONDS = 900
IdleSeconds = Annotated[int, Field(ge=0, le=86_400)]


class Anticipate(Model):
    """Replicas for the load of a period ago, as it was a start-up time later."""

    period: Literal["1d", "7d"] = "1d"
    """How long ago: a day, or a week where weekdays differ. Prometheus has to keep its samples for longer."""


class Scaling(Ruled):
    """Automatic scaling when maxReplicas is above 1 or minReplicas is 0.

    By KEDA where it is installed, unless targets on CPU, memory or GPUs alone are stated; else by a
    HorizontalPodAutoscaler.
    """

    rules = (
        FieldRule(
            "!has(self.maxReplicas) || (has(self.minReplicas) ? self.minReplicas : 1) <= self.maxReplicas",
            "minReplicas must not exceed maxReplicas",
            lambda raw: raw.get("maxReplicas") is None or raw.get("minReplicas", 1) <= raw["maxReplicas"],
        ),
        FieldRule(
            "!has(self.schedule) || self.schedule.all(one, one.minReplicas <= "
            "(has(self.maxReplicas) ? self.maxReplicas : 1))",
            "minReplicas of a schedule must not exceed maxReplicas, which is 1 when left out",
            lambda raw: all(one["minReplicas"] <= raw.get("maxReplicas", 1) for one in raw.get("schedule", ())),
        ),
    )

    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """Minimum number of replicas, unless spec.replicas is 0. With 0 the autoscaler stops an endpoint that has no
    requests, and the next one starts it: this needs KEDA and an AIMGateway that routes here. Then spec.suspend is what
    stops it by hand."""
    max_replicas: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Maximum number of replicas. When left out or 1, there is no autoscaler, unless minReplicas is 0."""
    target_requests: Annotated[int, Field(ge=1, le=MOST_REQUESTS)] | None = None
    """Target number of requests per replica, running and waiting. With KEDA three quarters of those that the selected
    configuration runs at once, when left out. Targets on load need spec.monitoring.enabled."""
    target_kv_cache_utilization: Percent | None = Field(default=None, alias="targetKVCacheUtilization")
    """Target utilization of the replicas' KV caches, in percent."""
    target_time_to_first_token: Latency | None = None
    """Target of the 95th percentile of the time to the first token, such as 500ms or 2s."""
    idle_seconds: IdleSeconds = USUAL_IDLE_SECONDS
    """Seconds without a request after which an endpoint with minReplicas 0 is stopped."""
    target_cpu_utilization: Percent | None = Field(default=None, alias="targetCPUUtilization")
    """Target average CPU utilization, in percent of the request."""
    target_memory_utilization: Percent | None = None
    """Target average memory utilization, in percent of the request."""
    target_gpu_utilization: Percent | None = Field(default=None, alias="targetGPUUtilization")
    """Target average GPU utilization, in percent. Needs a metrics adapter with the device exporter's pod metric."""
    scale_up_delay: Seconds | None = None
    """Stabilization window for scaling up, in seconds."""
    scale_down_delay: Seconds | None = None
    """Stabilization window for scaling down, in seconds."""
    schedule: Annotated[tuple[ScalingSchedule, ...], Field(max_length=16)] = ()
    """Times at which there are at least so many replicas, whatever the load is: what is known ahead."""
    headroom: Literal["Fixed", "Auto"] = "Fixed"
    """Auto: once a day the target of requests is adapted to the endpoint's own traffic of the last days, so that 0.5 %
    of it meets too few replicas: between half of targetRequests (40 % use of a replica) and a fifth more (95 %). Needs
    spec.monitoring.enabled, and a Prometheus that the hook server may ask."""
    anticipate: Anticipate | None = None
    """Start replicas for the requests that there were a period ago, as much earlier as a replica takes to start. Needs
    KEDA and spec.monitoring.enabled; `aim scaling replay` tells whether it would have helped."""
    vertical: Vertical = Field(default_factory=Vertical)
    """Requests for CPU and memory that follow what is used, by a VerticalPodAutoscaler."""

    @property
    def on_resources(self) -> bool:
        """Whether a target on CPU, memory or GPUs is stated."""
        return any((self.target_cpu_utilization, self.target_memory_utilization, self.target_gpu_utilization))

    @property
    def to_zero(self) -> bool:
        """Whether an autoscaler may stop the endpoint, where there is one that can start it again."""
        return self.min_replicas == 0

    @property
    def requested(self) -> bool:
        """Whether anything is to scale the endpoint."""
        return self.most > 1 or self.to_zero

    @property
    def most(self) -> int:
        """The most replicas that an autoscaler may make."""
        return self.max_replicas or 1


class ScalingTrigger(Model):
    """What one target makes of what is measured."""

    name: Text
    """What is measured: requests, kv-cache, time-to-first-token, demand, anticipated, cpu, memory or gpu."""
    measured: float | None = None
    """What the autoscaler measured last; absent where it could not. Of requests and demand, for each replica."""
    target: float | None = None
    """Its target."""
    replicas: int | None = None
    """How many replicas that is."""


class Anticipated(Model):
    """What scaling.anticipate prepares for."""

    period: Text
    """How long ago the load was."""
    startup_seconds: int
    """How much later: what a replica takes to start by status.startup, rounded up; it stays while it fits."""


class Headroom(Model):
    """The target of requests by the endpoint's own past, where scaling.headroom is Auto."""

    target_utilization: Annotated[int, Field(ge=40, le=95)]
    """Percent of what a replica takes at full use; targetRequests is 80 % of that."""
    as_of: Timestamp | None = None
    """When the traffic was last replayed; absent until it was."""
    days: float | None = None
    """Days of traffic that were replayed."""
    startup_seconds: int | None = None
    """How long a replica took to start in the replay."""
    expected_overload: float | None = None
    """Part of that traffic that would have met too few replicas with this target."""
    observed_overload: float | None = None
    """The same of the last day, with the target that there was until then."""
    expected_cost: float | None = None
    """Replicas by time, as a multiple of the least that would do."""
    advice: Text | None = None
    """What that means."""
    message: Text | None = None
    """Why the traffic was not replayed again, where it was not: the target stays."""


class ScalingStatus(Model):
    """What scales the endpoint, to how many replicas, and why."""

    by: Literal["KEDA", "HorizontalPodAutoscaler"]
    """What scales it."""
    autoscaler: Text
    """The HorizontalPodAutoscaler that computes the replicas; KEDA makes one of its own."""
    min_replicas: int
    """The fewest replicas."""
    max_replicas: int
    """The most replicas."""
    desired: int | None = None
    """Replicas that the autoscaler requests; absent until it has counted."""
    bounded_by: Literal["Minimum", "Schedule", "Maximum", "Hardware", "Loading", "Suspended"] | None = None
    """What keeps it from as many replicas as the targets want: minReplicas, the schedule, maxReplicas, no room on the
    hardware, a first replica that has not loaded its model yet, or spec.suspend."""
    triggers: Annotated[tuple[ScalingTrigger, ...], Field(max_length=16)] = ()
    """Each target; the one that wants the most replicas decides."""
    headroom: Headroom | None = None
    """The target of requests by the own past, where the spec wants that."""
    anticipated: Anticipated | None = None
    """What it prepares for, by the load of a period ago."""
    scheduled: ScheduledReplicas | None = None
    """The time of the schedule that counts now, else the next one."""
    last_scaled: Timestamp | None = None
    """When the autoscaler last changed the number of replicas."""
    reason: Text | None = None
    """Why it does not scale, where it does not."""
    message: MessageText | None = None
    """The same in words."""
