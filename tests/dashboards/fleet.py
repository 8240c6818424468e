"""All endpoints at once: is anything wrong, where, and how much is asked of what there is."""

from tests.dashboards.panels import BLUE, GREEN, GREY, ORANGE, RED, Board, Link, Panel, Query, Row, Variable
from tests.dashboards.words import ANY, BAD, FIRING, NEARLY_FULL, NONE, since

OURS = 'namespace=~"$namespace"'
NAME = "{{namespace}}/{{aimendpoint}}"
TO_ENDPOINT = Link("aim-endpoint", ("namespace", "aimendpoint"))
PHASES = (
    ("Ready", GREEN),
    ("Reconciling", BLUE),
    ("Pending", ORANGE),
    ("Degraded", ORANGE),
    ("Failed", RED),
    ("Stopped", GREY),
    ("Idle", GREY),
)
INFO = f"max by (namespace, aimendpoint, model, hardware, recipe, precision) (aim_endpoint_info{{{OURS}}})"


def of_endpoint(metric: str, more: str = "") -> str:
    """One value for each endpoint, whoever else labels the series."""
    return f"max by (namespace, aimendpoint) ({metric}{{{OURS}{more}}})"


FAILED = of_endpoint("aim_endpoint_status_phase", ',phase="Failed"')
UNREADY = of_endpoint("aim_endpoint_status_phase", ',phase!~"Ready|Stopped"')
ASKED = (
    "sum by (product) (label_replace("
    f"{of_endpoint('aim_endpoint_gpus')} * on (namespace, aimendpoint) {of_endpoint('aim_endpoint_replicas_desired')}"
    f' * on (namespace, aimendpoint) group_left (hardware) {INFO}, "product", "$1", "hardware", "(.*)"))'
)
DEVICES = 'max by (aimnode, product, resource) (aim_node_devices{product!="CPU"})'
ASKED_BY_ALL = ASKED.replace(OURS, "")
THERE = f"sum by (product) ({DEVICES} * on (aimnode) group_left () (max by (aimnode) (aim_node_usable)))"
FREE = f"clamp_min({THERE} - ({ASKED_BY_ALL} or {THERE} * 0), 0)"
ALERT = "alertname, severity, namespace, aimendpoint, aimcache"
AGE = f'time() - max by ({ALERT}) (ALERTS_FOR_STATE{{alertname=~"AIM.*",{OURS}}}) and on ({ALERT}) {FIRING},{OURS}}}'

NOW = Row(
    "Now",
    4,
    (
        Panel(
            "stat",
            "Alerts firing",
            "Alerts of the operator that fire, all namespaces that are chosen. The table below names them.",
            (Query(f"count({FIRING},{OURS}}}){NONE}"),),
            "none",
            4,
            BAD,
        ),
        Panel(
            "stat",
            "Failed",
            "Endpoints for which somebody must act: nothing mends them by itself. The table below says why.",
            (Query(f"sum({FAILED})"),),
            "none",
            4,
            BAD,
        ),
        Panel(
            "stat",
            "Not ready",
            "Endpoints that are pending, starting, degraded or failed. It is usual for minutes after a change, and no"
            " longer.",
            (Query(f"sum({UNREADY})"),),
            "none",
            4,
            ANY,
        ),
        Panel(
            "stat",
            "On a fallback",
            "Endpoints that run with less than they asked for, by a step of recipe.fallback. They stay so until they"
            " are changed.",
            (Query(f"count({of_endpoint('aim_endpoint_fallback_step')} > 0){NONE}"),),
            "none",
            4,
            ANY,
        ),
        Panel(
            "stat",
            "Requests per second",
            "Requests that finished in the last five minutes. A sudden 0 means that nobody asks, or nobody is reached.",
            (Query(f"sum(aim:requests:rate5m{{{OURS}}})"),),
            "reqps",
            4,
        ),
        Panel(
            "stat",
            "Tokens written per second",
            "Tokens that the engines wrote, over the last five minutes.",
            (Query(f"sum(aim:generation_tokens:rate5m{{{OURS}}})"),),
            "short",
            4,
        ),
    ),
)

WRONG = Row(
    "What is wrong",
    7,
    (
        Panel(
            "table",
            "Endpoints that are not ready",
            "The reason of the condition Ready, and for how long. What it means stands in `status.message` of the"
            " endpoint. Click on an endpoint to see it.",
            (Query(since("endpoint", OURS)),),
            "dtdurations",
            12,
            columns=(("namespace", "Namespace"), ("aimendpoint", "Endpoint"), ("reason", "Reason")),
            values=("For",),
            link=TO_ENDPOINT,
        ),
        Panel(
            "table",
            "Alerts that fire",
            "Which, how bad, of what, and for how long. An empty table is good.",
            (Query(AGE),),
            "dtdurations",
            12,
            columns=(
                ("severity", "Severity"),
                ("alertname", "Alert"),
                ("namespace", "Namespace"),
                ("aimendpoint", "Endpoint"),
                ("aimcache", "Cache"),
            ),
            values=("For",),
        ),
    ),
)

LOAD = Row(
    "Load and latency",
    8,
    (
        Panel(
            "lines",
            "Requests per second, the ten largest",
            "Finished requests of an endpoint. A line that falls to 0 while requests wait is an engine that hangs.",
            (Query(f"topk(10, aim:requests:rate5m{{{OURS}}})", NAME),),
            "reqps",
            link=TO_ENDPOINT,
        ),
        Panel(
            "stacked",
            "Tokens written per second, by model",
            "What the engines write, summed up over all endpoints of a model.",
            (
                Query(
                    f"sum by (model) (aim:generation_tokens:rate5m{{{OURS}}}"
                    f" * on (namespace, aimendpoint) group_left (model) {INFO})",
                    "{{model}}",
                ),
            ),
        ),
        Panel(
            "lines",
            "Requests waiting, the ten longest queues",
            "Requests that no replica computes yet. A queue that grows for minutes needs more replicas.",
            (Query(f"topk(10, aim:requests_waiting{{{OURS}}})", NAME),),
            "short",
            link=TO_ENDPOINT,
        ),
        Panel(
            "lines",
            "Time to first token, the ten worst",
            "95 of 100 requests get their first token in this time. It grows with the queue and with long prompts.",
            (Query(f"topk(10, aim:time_to_first_token_seconds:p95_5m{{{OURS}}})", NAME),),
            "s",
            link=TO_ENDPOINT,
        ),
        Panel(
            "lines",
            "Time to last token, the ten worst",
            "95 of 100 requests are answered completely in this time. It grows with the length of the answers, too.",
            (Query(f"topk(10, aim:e2e_request_latency_seconds:p95_5m{{{OURS}}})", NAME),),
            "s",
            link=TO_ENDPOINT,
        ),
        Panel(
            "lines",
            "Answers that are errors, the ten worst",
            "The part of the answers with a 5xx code. Anything above 0 for minutes is a server that fails its users.",
            (Query(f"topk(10, aim:request_errors:ratio5m{{{OURS}}})", NAME),),
            "percentunit",
            link=TO_ENDPOINT,
        ),
    ),
)

CAPACITY = Row(
    "Endpoints and GPUs",
    8,
    (
        Panel(
            "stacked",
            "Endpoints by phase",
            "How many are in each phase. Reconciling passes; Pending waits for something; Degraded answers, and not all"
            " that was requested is there; Failed needs somebody.",
            (
                Query(
                    "sum by (phase) (" + "max by (namespace, aimendpoint, phase) (aim_endpoint_status_phase"
                    f"{{{OURS}}}))",
                    "{{phase}}",
                ),
            ),
            "none",
            colours=PHASES,
        ),
        Panel(
            "table",
            "GPUs by product",
            "GPUs of the nodes that take pods, GPUs that the chosen namespaces' endpoints ask for, all replicas"
            " together, and what endpoints of all namespaces leave. What other pods use is not in here.",
            (Query(THERE), Query(ASKED), Query(FREE)),
            "none",
            4,
            columns=(("product", "GPU"),),
            values=("There", "Asked", "Free"),
        ),
        Panel(
            "bars",
            "GPUs asked, of those there",
            "At 100 % there is no GPU left for another replica; above, replicas wait for one.",
            (Query(f"{ASKED} / on (product) {THERE}", "{{product}}"),),
            "percentunit",
            4,
            NEARLY_FULL,
            maximum=1,
        ),
        Panel(
            "table",
            "Fallbacks in use",
            "Endpoints that got less than they asked for, which step of recipe.fallback it took, and what they run on.",
            (
                Query(
                    f"({of_endpoint('aim_endpoint_fallback_step')} > 0)"
                    f" * on (namespace, aimendpoint) group_right () {INFO}"
                ),
            ),
            "none",
            columns=(
                ("namespace", "Namespace"),
                ("aimendpoint", "Endpoint"),
                ("hardware", "GPU"),
                ("precision", "Precision"),
            ),
            values=("Step",),
            link=TO_ENDPOINT,
        ),
    ),
)

FLEET = Board(
    "aim-fleet",
    "AIM Engine / Fleet",
    "All endpoints: what is wrong, who is slow, and which GPUs are left.",
    1,
    (Variable("namespace", "Namespace", "aim_endpoint_status_phase", many=True),),
    (NOW, WRONG, LOAD, CAPACITY),
)
