"""How well the fleet is packed: GPUs that are asked for, that compute and that do nothing, and memory that is left."""

from tests.dashboards.fleet import NAME, OURS, THERE, TO_ENDPOINT, of_endpoint
from tests.dashboards.panels import BLUE, GREEN, GREY, ORANGE, Board, Panel, Query, Row, Variable

PEAK = "1d"
"""How far back the largest use is looked for."""
QUIET = "1h"
"""For how long nobody asked of what is idle."""
KEY = "namespace, aimendpoint"
GPUS = of_endpoint("aim_endpoint_gpus")
ASKED = f"({GPUS} * on ({KEY}) {of_endpoint('aim_endpoint_replicas_desired')})"
READY = f"({GPUS} * on ({KEY}) {of_endpoint('aim_endpoint_replicas_ready')})"
IN_FLIGHT = of_endpoint("aim:requests_in_flight")
IDLE = f"({READY} * on ({KEY}) (max_over_time({IN_FLIGHT}[{QUIET}:]) == bool 0))"
UTILIZATION = of_endpoint("aim:gpu_utilization:ratio")
USED = f"({READY} * on ({KEY}) {UTILIZATION})"
"""As many GPUs as would compute all of the time."""
MEASURED = f"({READY} and on ({KEY}) {UTILIZATION})"
PEAK_CACHE = f"max_over_time({of_endpoint('aim:kv_cache_usage:ratio')}[{PEAK}:])"
ROOM = f"{of_endpoint('aim_endpoint_cache_tokens')} * on ({KEY}) (1 - {PEAK_CACHE})"
"""Tokens of a replica's KV cache that were never in use."""
SERVED = f"max by ({KEY}, model, hardware) (aim_endpoint_info{{{OURS}}})"


def by(labels: str, of: str, function: str = "sum") -> str:
    """A number of endpoints, taken together by what they serve or on what."""
    return f"{function} by ({labels}) ({of} * on ({KEY}) group_left (model, hardware) {SERVED})"


ROWS = "namespace, model, hardware"

NOW = Row(
    "Now",
    4,
    (
        Panel(
            "stat",
            "GPUs there",
            "GPUs of the nodes that take pods, partitions included.",
            (Query(f"sum({THERE})"),),
            "none",
            4,
        ),
        Panel(
            "stat",
            "GPUs asked for",
            "GPUs of all replicas that the chosen namespaces' endpoints want.",
            (Query(f"sum({ASKED})"),),
            "none",
            4,
        ),
        Panel(
            "stat",
            "GPUs of ready replicas",
            "Fewer than are asked for for minutes means replicas that wait, load or fail.",
            (Query(f"sum({READY})"),),
            "none",
            4,
        ),
        Panel(
            "stat",
            "GPUs that do nothing",
            "GPUs of ready replicas of endpoints that nobody has asked anything in the last hour. They are free for"
            " others once these endpoints may have no replicas.",
            (Query(f"sum({IDLE})"),),
            "none",
            4,
            ((1, ORANGE),),
        ),
        Panel(
            "stat",
            "GPUs' worth of computing",
            "Ready GPUs times how busy they are: as many would do if they were always busy. A few of many are room for"
            " partitions, shares or fewer replicas.",
            (Query(f"sum({USED})"),),
            "short",
            4,
        ),
        Panel(
            "stat",
            "GPU utilization",
            "Of the ready GPUs that an exporter reports, each counted alike.",
            (Query(f"sum({USED}) / sum({MEASURED})"),),
            "percentunit",
            4,
        ),
    ),
)

WHO = Row(
    "By namespace and model",
    9,
    (
        Panel(
            "table",
            "GPUs by namespace and model",
            "What endpoints ask for, what of it is ready, and what of that nobody has used for an hour; how busy the"
            " GPUs are, and the largest part of the KV cache that was in use in a day. Much that is asked for and"
            " little that is used is where to begin: `aim fleet` suggests what would do with fewer.",
            (
                Query(by(ROWS, ASKED)),
                Query(by(ROWS, READY)),
                Query(by(ROWS, IDLE)),
                Query(f"100 * {by(ROWS, USED)} / {by(ROWS, MEASURED)}"),
                Query(f"100 * {by(ROWS, PEAK_CACHE, 'max')}"),
            ),
            "none",
            24,
            columns=(("namespace", "Namespace"), ("model", "Model"), ("hardware", "GPU")),
            values=("Asked", "Ready", "Idle", "GPU use, %", "KV cache, % at most"),
        ),
    ),
)

TIME = Row(
    "Over time",
    8,
    (
        Panel(
            "stacked",
            "GPUs asked for, by namespace",
            "Who holds how many. Quotas of namespaces are for Kueue.",
            (Query(f"sum by (namespace) ({ASKED})", "{{namespace}}"),),
            "none",
        ),
        Panel(
            "stacked",
            "GPUs asked for, by model",
            "All endpoints of a model together: several endpoints of one model may be one with more replicas.",
            (Query(by("model", ASKED), "{{model}}"),),
            "none",
        ),
        Panel(
            "lines",
            "Asked for, ready, and computing",
            "The distance from asked to ready is what waits or fails, that from ready to computing what is idle.",
            (
                Query(f"sum({ASKED})", "asked for"),
                Query(f"sum({READY})", "ready"),
                Query(f"sum({USED})", "computing"),
            ),
            "short",
            colours=(("asked for", GREY), ("ready", BLUE), ("computing", GREEN)),
        ),
    ),
)

ROOM_ROW = Row(
    "What could be smaller",
    8,
    (
        Panel(
            "lines",
            "GPU utilization, the ten least busy",
            "Endpoints whose GPUs compute least. With few requests, a partition, a share or fewer replicas would do.",
            (Query(f"bottomk(10, {UTILIZATION})", NAME),),
            "percentunit",
            link=TO_ENDPOINT,
        ),
        Panel(
            "lines",
            "KV cache in use, the ten emptiest",
            "Memory that was given to an endpoint and is not needed. At their busiest hour it has to be enough.",
            (Query(f"bottomk(10, {of_endpoint('aim:kv_cache_usage:ratio')})", NAME),),
            "percentunit",
            link=TO_ENDPOINT,
        ),
        Panel(
            "table",
            "Memory that was never needed",
            "Tokens of a replica's KV cache by the computation that selected it, and how many of them were not in use"
            " at the busiest moment of a day; then how many sequences of the longest length fit. Below 1 of these, one"
            " long request fills a replica.",
            (
                Query(of_endpoint("aim_endpoint_cache_tokens")),
                Query(ROOM),
                Query(of_endpoint("aim_endpoint_cache_sequences")),
            ),
            "short",
            columns=(("namespace", "Namespace"), ("aimendpoint", "Endpoint")),
            values=("Tokens", "Never used", "Sequences"),
            link=TO_ENDPOINT,
        ),
    ),
)

PACKING = Board(
    "aim-packing",
    "AIM Engine / Packing",
    "GPUs that are asked for, used and idle, by namespace and model, and the memory that is left.",
    6,
    (Variable("namespace", "Namespace", "aim_endpoint_status_phase", many=True),),
    (NOW, WHO, TIME, ROOM_ROW),
)
