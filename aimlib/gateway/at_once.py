"""How many requests a client has at once: counted by Envoy's circuit breakers, which know of clients that hang up.

A breaker belongs to a cluster. So requests of a client with such a limit go through a cluster of its own first, whose
only member is a second listener within Envoy, and there they are routed to models. All others are routed at once.
"""

import math
from collections.abc import Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.gateway import keys
from aimlib.gateway.keys import CLIENT
from aimlib.gateway.table import EVERYBODY, ModelTable

HOP = "x-aim-hop"
"""The header that has the cluster of a client, on the way from the first listener to the second."""
INNER = "counted"
"""The name of the second listener."""
CLUSTERS = "clients/"
"""How the names of these clusters begin; those of targets have two slashes."""
FRONT = "front"
LUA = f"""
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace("{HOP}", "{CLUSTERS}" .. (headers:get("{CLIENT}") or "{EVERYBODY}"))
  handle:clearRouteCache()
  if not handle:metadata():get("counted") then headers:remove("{HOP}") end
end
"""
"""Whose requests are counted is in the routes, which change without closing a connection; so it asks for the route."""
MOST = 1_000_000
_MATCHING = "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher"
_INPUT = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput"
_SKIP = "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter"
_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"


def at_once(table: ModelTable, clients: Sequence[str]) -> dict[str, int]:
    """Requests that each client may have at once in one replica of the gateway; those without a limit are left out.

    Each replica has its part, rounded up. EVERYBODY is all together, where no key is needed.
    """
    names = [EVERYBODY] if table.anonymous else sorted(clients)
    stated = {name: table.limit(name).concurrent_requests for name in names}
    return {name: math.ceil(count / table.replicas) for name, count in stated.items() if count}


def client_clusters(table: ModelTable, clients: Sequence[str]) -> list[Raw]:
    """One for each client with a limit."""
    return [_cluster(name, count) for name, count in at_once(table, clients).items()]


def _cluster(client: str, count: int) -> Raw:
    name = CLUSTERS + client
    inner = {"envoy_internal_address": {"server_listener_name": INNER}}
    plain = {
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {"@type": f"{_SOCKETS}.raw_buffer.v3.RawBuffer"},
    }
    passed = {"@type": f"{_SOCKETS}.internal_upstream.v3.InternalUpstreamTransport", "transport_socket": plain}
    once = {
        "common_http_protocol_options": {"max_requests_per_connection": 1},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "STATIC",
        "circuit_breakers": {
            "thresholds": [{"max_requests": count, "max_pending_requests": MOST, "max_connections": MOST}]
        },
        # A connection that is kept would go by the listener of its time.
        "typed_extension_protocol_options": {_OPTIONS: {"@type": f"type.googleapis.com/{_OPTIONS}", **once}},
        "transport_socket": {"name": "envoy.transport_sockets.internal_upstream", "typed_config": passed},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": inner}}]}],
        },
    }


def counted_route(table: ModelTable, clients: Sequence[str]) -> Iterator[Raw]:
    """The route of all requests that are counted, if there can be any."""
    counted = [] if table.anonymous else [*at_once(table, clients)]
    if not at_once(table, clients):
        return
    yield {
        "match": {
            "prefix": "/",
            "headers": [{"name": HOP, "present_match": True}, *keys.of_clients(counted)],
        },
        "metadata": {"filter_metadata": {FRONT: {"counted": True}}},
        "route": {"cluster_header": HOP, "timeout": "0s", "idle_timeout": f"{table.timeouts.idle_seconds}s"},
    }


def unless_counted(one: Raw) -> Raw:
    """The filter, which is skipped in the first listener where the second has it for a request."""
    has_hop = {
        "single_predicate": {
            "input": {"name": HOP, "typed_config": {"@type": _INPUT, "header_name": HOP}},
            "value_match": {"prefix": CLUSTERS},
        }
    }
    skip = {"action": {"name": "skip", "typed_config": {"@type": _SKIP}}}
    matcher = {"matcher_list": {"matchers": [{"predicate": has_hop, "on_match": skip}]}}
    return {
        "name": one["name"],
        "typed_config": {"@type": _MATCHING, "extension_config": one, "xds_matcher": matcher},
    }


def logged_by_first() -> Raw:
    """Which requests the first listener logs: those that are not counted, and those that were one too many."""
    return {
        "or_filter": {
            "filters": [
                {"header_filter": {"header": {"name": HOP, "present_match": True, "invert_match": True}}},
                {"response_flag_filter": {"flags": ["UO"]}},
            ]
        }
    }


def bootstrap_parts() -> Raw:
    """What Envoy needs from its start: listeners within it, and few metrics of clusters that can be a thousand."""
    kind = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
    # RE2 cannot say `all but those that end in active`.
    # And a namespace may have the name with which those of clients begin: these have no other slash.
    ends = ("[^/e]", "[^/v]e", "cx_active")
    patterns = [{"safe_regex": {"regex": rf"cluster\.{CLUSTERS}[^/]*{end}"}} for end in ends]
    return {
        "bootstrap_extensions": [{"name": "envoy.bootstrap.internal_listener", "typed_config": {"@type": kind}}],
        "stats_config": {"stats_matcher": {"exclusion_list": {"patterns": patterns}}},
    }
