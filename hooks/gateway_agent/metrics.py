"""The agent's own metrics. Labels are names of targets and inputs, which are bounded by the table."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
INPUT_USABLE = Gauge(
    "aim_gateway_input_usable",
    "Whether the present files of an input can be used (1); else the last good ones stay in use (0).",
    ["input"],
    registry=REGISTRY,
)
FILES_TAKEN = Gauge(
    "aim_gateway_files_taken",
    "Whether Envoy has the files of the last change (1), or refused one, or one could not be written (0).",
    registry=REGISTRY,
)
GATEWAY_CHANGES = Counter("aim_gateway_changes", "Changes of Envoy's files.", registry=REGISTRY)
GATEWAY_MODELS = Gauge("aim_gateway_models", "Names of models in the table.", registry=REGISTRY)
GATEWAY_CLIENTS = Gauge("aim_gateway_clients", "Clients that have a key.", registry=REGISTRY)
SHARED_KEYS = Gauge("aim_gateway_shared_keys", "Keys that two clients have: they are nobody's.", registry=REGISTRY)
IGNORED_KEYS = Gauge(
    "aim_gateway_ignored_keys", "Names and lines of the Secret that can be no client and no key.", registry=REGISTRY
)
HELD_TOTAL = Counter(
    "aim_gateway_held",
    "Requests that came to the agent because their model had no replica, by what became of them.",
    ["outcome"],
    registry=REGISTRY,
)


class HeldRequests(Collector):
    """How many requests wait for each target of the table, those without any included."""

    def __init__(self, held: Callable[[], Mapping[str, int]]) -> None:
        self._held = held

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The one gauge."""
        words = "Requests that wait for a replica of a target: namespace, endpoint and track."
        family = GaugeMetricFamily("aim_gateway_held_requests", words, labels=["target"])
        for target, count in self._held().items():
            family.add_metric([target], count)
        yield family


def agent_metrics() -> bytes:
    """All of them in Prometheus' format."""
    return generate_latest(REGISTRY)
