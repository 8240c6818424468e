"""The observer of traffic: what an endpoint's requests were in the last days, once a day where the spec wants it."""

import os
from collections import OrderedDict
from datetime import datetime, timedelta

from urllib3.exceptions import HTTPError

from aimlib.protocol.metacontroller import Request
from aimlib.scaling.headroom import PAST_SECONDS
from aimlib.scaling.traffic import PERIOD_SECONDS, TrafficError, periods
from aimlib.telemetry.prometheus_query import PrometheusError, parse_matrix
from aimlib.telemetry.traffic_query import RecordedTraffic, parse_samples, traffic_query
from hooks.endpoint.world import traffic_due
from hooks.observability import metrics
from hooks.server.observers.prometheus import Source, query_source, read_source

RETRY_INTERVAL = timedelta(hours=1)
"""Until an endpoint is asked for again of which there was too little, or no answer."""
MOST_KEPT = 4096
"""Endpoints of which is known that it is too early."""


class TrafficObserver:
    """The requests of endpoints, one query for each."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._too_little: OrderedDict[tuple[str, str], tuple[datetime, RecordedTraffic]] = OrderedDict()

    def __call__(self, request: Request) -> RecordedTraffic | None:
        """The traffic of the request's endpoint; None where it is not due to be replayed."""
        if not traffic_due(request):
            return None
        metadata = request.parent["metadata"]
        key = metadata.get("namespace", "default"), metadata["name"]
        known = self._too_little.get(key)
        if known and timedelta(0) <= request.now - known[0] < RETRY_INTERVAL:
            return known[1]
        found = self._ask(*key)
        self._too_little.pop(key, None)
        if _is_too_little(found):
            self._too_little[key] = request.now, found
        while len(self._too_little) > MOST_KEPT:
            self._too_little.popitem(last=False)
        return found

    def _ask(self, namespace: str, name: str) -> RecordedTraffic:
        query = traffic_query(namespace, name, PAST_SECONDS, PERIOD_SECONDS)
        try:
            samples = parse_samples(parse_matrix(query_source(self._source, query)))
        except (PrometheusError, HTTPError, OSError) as error:
            metrics.OBSERVER_REQUESTS.labels("prometheus", "failed").inc()
            why = str(error) if isinstance(error, PrometheusError) else "no answer"
            return RecordedTraffic({}, f"the query of Prometheus failed: {why}")
        metrics.OBSERVER_REQUESTS.labels("prometheus", "succeeded").inc()
        return RecordedTraffic(samples)


def _is_too_little(found: RecordedTraffic) -> bool:
    """Whether it cannot be replayed: an idle endpoint has samples, too, and would be asked for at each sync."""
    try:
        return not periods(dict(found.samples))
    except TrafficError:
        return True


def traffic_observer() -> TrafficObserver:
    """The observer that the environment configures."""
    return TrafficObserver(read_source(os.environ))
