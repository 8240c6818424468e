"""What KEDA scales an endpoint by: a table of rows, each of which may add triggers.

The order of the triggers is the order of KEDA's metrics. What a user writes reaches no query: labels are quoted.
"""

from collections.abc import Callable, Iterator
from itertools import islice

from aimlib.api.meta import Raw
from aimlib.api.scaling import MOST_REQUESTS
from aimlib.engines.catalogue import parse_args
from aimlib.gateway.routed import METRICS_PORT, agents_name
from aimlib.naming import label_value
from aimlib.scaling.anticipation import offset_seconds
from aimlib.scaling.headroom import with_headroom
from aimlib.telemetry.load_targets import LOAD_TARGETS, LoadTarget, stated_targets
from hooks.endpoint.children.owner import Owner

SEQUENCES_AT_ONCE = 256
"""Sequences that an engine runs at once where its arguments state no number: vLLM's default on most devices."""
USUAL_PART = 0.75
"""The part of them that is the target: above it requests wait before another replica is there."""
MOST_GATEWAYS = 4
"""Gateways that are asked; each is a query every few seconds."""
ANTICIPATED = "anticipated"
"""The name of the trigger for the load of a period ago."""
AUTHENTICATION_KIND = "ClusterTriggerAuthentication"


def series_labels(owner: Owner) -> dict[str, str]:
    """The labels of an endpoint's recorded series."""
    return {"namespace": owner.namespace, "aimendpoint": label_value(owner.name)}


def usual_requests(owner: Owner) -> int:
    """The target of requests per replica where none is stated."""
    flag = owner.engine.flags.max_running
    stated = parse_args(owner.resolved.backend, owner.resolved.args).value(flag, int)
    return min(max(int((stated or SEQUENCES_AT_ONCE) * USUAL_PART), 1), MOST_REQUESTS)


def stated_requests(owner: Owner) -> float:
    """The target of requests per replica by the spec, the usual one where it states none."""
    scaling = owner.spec.scaling
    return float((scaling and scaling.target_requests) or usual_requests(owner))


def load_targets(owner: Owner) -> Iterator[tuple[LoadTarget, float]]:
    """The targets on load, that of requests in any case; none where Prometheus does not scrape the pods."""
    scaling = owner.spec.scaling
    if scaling is None or not owner.spec.monitoring.scraped:
        return
    requests = LOAD_TARGETS[0]
    stated = dict(stated_targets(scaling))
    stated.pop(requests, None)
    yield requests, with_headroom(stated_requests(owner), owner.scalers.headroom)
    yield from stated.items()


def _load(owner: Owner) -> Iterator[Raw]:
    """The recorded series. Where one is missing KEDA must not take it for no load, but for not knowing.

    Where KEDA has stopped all replicas there is none, and no load: it starts what it does not know of.
    """
    stopped = not (owner.replicas or owner.spec.suspend)
    for target, value in load_targets(owner):
        ignored = target.none_is_zero or stopped
        yield _prometheus(owner, target, value, target.query(series_labels(owner)), none_is_zero=ignored)


def _anticipated(owner: Owner) -> Iterator[Raw]:
    """The requests of a period ago, as they were when a replica that is started now would serve.

    An endpoint that was not there then had none.
    """
    anticipate = owner.spec.scaling and owner.spec.scaling.anticipate
    for target, value in islice(load_targets(owner), 1 if anticipate else 0):
        ago = offset_seconds(anticipate.period, owner.scalers.startup_seconds) if anticipate else 0
        found = _prometheus(owner, target, value, target.query(series_labels(owner), ago), none_is_zero=True)
        yield {**found, "name": ANTICIPATED}


def _prometheus(owner: Owner, target: LoadTarget, value: float, query: str, *, none_is_zero: bool) -> Raw:
    config = owner.config
    named = config.prometheus_authentication
    return {
        "type": "prometheus",
        "name": target.name,
        "metricType": target.metric_type,
        "metadata": {
            "serverAddress": config.prometheus_url,
            "query": query,
            "threshold": f"{value:g}",
            "ignoreNullValues": "true" if none_is_zero else "false",
            **({"authModes": "bearer"} if named else {}),
        },
        "authenticationRef": {"name": named, "kind": AUTHENTICATION_KIND} if named else None,
    }


def _resources(owner: Owner) -> Iterator[Raw]:
    """CPU and memory, where a target is stated beside those on load."""
    scaling = owner.spec.scaling
    targets = (
        (("cpu", scaling.target_cpu_utilization), ("memory", scaling.target_memory_utilization)) if scaling else ()
    )
    for name, percent in targets:
        if percent:
            yield {"type": name, "name": name, "metricType": "Utilization", "metadata": {"value": str(percent)}}


def _demand(owner: Owner) -> Iterator[Raw]:
    """What the agents of gateways hold and send: it starts an endpoint that has no replica, and needs no Prometheus."""
    scaling = owner.spec.scaling
    if scaling is None or not owner.scalers.reaches_zero(scaling):
        return
    for number, gateway in enumerate(owner.scalers.gateways[:MOST_GATEWAYS]):
        host = f"{agents_name(gateway.name)}.{gateway.namespace}.svc:{METRICS_PORT}"
        yield {
            "type": "metrics-api",
            "name": f"demand-{number}" if number else "demand",
            "metricType": "AverageValue",
            "metadata": {
                "url": f"http://{host}/demand/{owner.namespace}/{owner.name}",
                "valueLocation": "demand",
                "targetValue": str(scaling.target_requests or usual_requests(owner)),
                "aggregateFromKubeServiceEndpoints": "true",
                "aggregationType": "sum",
            },
        }


ASKED_FOR = frozenset({"prometheus", "metrics-api"})
"""Types of triggers whose numbers KEDA asks others for; those of cpu and memory it may not keep."""
TRIGGERS: tuple[Callable[[Owner], Iterator[Raw]], ...] = (_load, _resources, _demand, _anticipated)
"""The rows of the table, in the order of their triggers."""


def triggers(owner: Owner) -> list[Raw]:
    """Everything that KEDA scales the endpoint by; what it has to ask for may be kept between two looks."""
    cached = {"useCachedMetrics": True} if owner.config.keda_polling_seconds else {}
    found = (trigger for row in TRIGGERS for trigger in row(owner))
    return [trigger | (cached if trigger["type"] in ASKED_FOR else {}) for trigger in found]
