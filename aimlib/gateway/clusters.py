"""Envoy's clusters: one for each target, with its pods by name, and its fallback behind them."""

from collections.abc import Sequence

from aimlib.api.meta import Raw
from aimlib.gateway.at_once import client_clusters
from aimlib.gateway.table import HOLDER, Balancing, ModelTable, Place

_TYPE = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
CONNECT_SECONDS = "2s"
REFRESH_SECONDS = "2s"
"""How soon pods that come and go are known, by their name."""
HEALTH_PATH = "/health"
"""Of both engines."""
MAGLEV_SIZE = 251
"""A prime number, which takes 2 KiB for each cluster; the default takes half a megabyte."""
_MOST_REPLICAS = 10_000
MAXIMUM = 1_000_000
"""Connections, requests and retries at once. Envoy's own are 1,024, which streams of one model can reach, and for
retries 3, beyond which requests would fail when a replica dies under load."""
MOST_COPIES = 128
"""Copies at once in each replica of the gateway, and as many that wait for a connection: a target that is slow or
hangs gets no more, instead of having them fill Envoy's memory."""

OUTLIERS: Raw = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 1,
    "enforcing_consecutive_local_origin_failure": 100,
    "enforcing_local_origin_success_rate": 0,
    "enforcing_consecutive_5xx": 0,
    "enforcing_consecutive_gateway_failure": 0,
    "enforcing_success_rate": 0,
    "interval": "1s",
    "base_ejection_time": "2s",
    "max_ejection_time": "10s",
    "max_ejection_percent": 100,
}
"""A replica that cannot be connected to gets nothing for two seconds, or until a health check succeeds: the hash of a
beginning would lead a retry to the same one, and Envoy's retries by priority do not go together with hashes. What an
engine answers, errors included, is no reason."""


def clusters(table: ModelTable, clients: Sequence[str]) -> list[Raw]:
    """One for each target, by its name, one for its copies, and one for each client whose requests are counted.

    Copies have no fallback and no hash.
    """
    targets = {target.name: target for one in table.models for target in one.targets}
    copied = {target.name for one in table.models for target in one.targets if target.mirror}
    found = []
    for name, target in sorted(targets.items()):
        places = [target, target.fallback] if target.fallback else [target]
        found.append(_cluster(name, places, table.balancing, MAXIMUM))
        if name in copied:
            found.append(_cluster(copies(name), [target], Balancing(policy="LeastRequests"), MOST_COPIES))
    return [*found, *client_clusters(table, clients)]


def copies(target: str) -> str:
    """The cluster of a target that gets copies: what is counted of it is no request of a client."""
    return f"{target}/mirror"


def _cluster(name: str, places: Sequence[Place], balancing: Balancing, most: int) -> Raw:
    bounds = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), most)
    return {
        "@type": _TYPE,
        "name": name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "dns_refresh_rate": REFRESH_SECONDS,
        "dns_failure_refresh_rate": {"base_interval": "1s", "max_interval": REFRESH_SECONDS},
        "connect_timeout": CONNECT_SECONDS,
        **_policy(balancing),
        "circuit_breakers": {"thresholds": [bounds]},
        "health_checks": [
            {
                "timeout": "2s",
                "interval": "2s",
                "no_traffic_interval": "2s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": HEALTH_PATH},
            }
        ],
        # One that is about to end leaves the name first, and answers its probe for as long as its streams take.
        "ignore_health_on_host_removal": True,
        "outlier_detection": OUTLIERS,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [_endpoints(place, priority) for priority, place in enumerate(places)],
            # One replica that answers is enough: else a part of the requests goes to the fallback while others are ill.
            "policy": {"overprovisioning_factor": {"value": 100 * _MOST_REPLICAS}},
        },
    }


def _endpoints(place: Place, priority: int) -> Raw:
    address = {"socket_address": {"address": place.host, "port_value": place.port}}
    endpoint: Raw = {"address": address}
    if place.host == HOLDER:  # which every cluster has: so many questions would keep it busy
        endpoint["health_check_config"] = {"disable_active_health_check": True}
    return {"priority": priority, "lb_endpoints": [{"endpoint": endpoint}]}


def _policy(balancing: Balancing) -> Raw:
    # A panic would send requests to pods that are known to be ill, instead of to the fallback. Merged, an update about
    # a replica would be a second late, and a retry would go to the same one.
    common: Raw = {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"}
    if balancing.policy == "PrefixAffinity":
        common["consistent_hashing_lb_config"] = {"hash_balance_factor": balancing.load_percent}
        maglev = {"table_size": MAGLEV_SIZE}
        return {"lb_policy": "MAGLEV", "maglev_lb_config": maglev, "common_lb_config": common}
    policies = {"LeastRequests": "LEAST_REQUEST", "RoundRobin": "ROUND_ROBIN"}
    return {"lb_policy": policies[balancing.policy], "common_lb_config": common}
