"""One endpoint: what it runs, whether it answers, how fast, and what holds it up."""

from tests.dashboards.fleet import PHASES
from tests.dashboards.panels import BLUE, ORANGE, RED, Board, Panel, Query, Row, Variable
from tests.dashboards.words import ANY, FIRING, NEARLY_FULL

ONE = '{namespace="$namespace",aimendpoint="$aimendpoint"}'
STATE = ONE.removesuffix("}")
"""Further labels and the closing brace follow."""
FIGURE = (
    f"max(max by (recipe, gpu_count) (aim_endpoint_info{ONE}) * on (recipe, gpu_count) group_right ()"
    " max by (recipe, gpu_count) (aim_recipe_expected_tokens_per_second))"
)

TARGET = f"max(aim_endpoint_target_time_to_first_token_seconds{ONE}) or on () vector(5)"
READ, WRITTEN = f"aim:prompt_tokens:rate5m{ONE}", f"aim:generation_tokens:rate5m{ONE}"
SCRAPED = f"aim:replicas_scraped{ONE}"


def percentiles(title: str, meaning: str, series: str, *more: Query) -> Panel:
    """The median and the 95th percentile of a latency over time, and what else there is of it."""
    parts = (("p50_5m", "median"), ("p95_5m", "95th percentile"))
    recorded = (Query(f"{series}:{part}{ONE}", name) for part, name in parts)
    return Panel("lines", title, meaning, (*recorded, *more), "s", colours=(("target", RED),))


NOW = Row(
    "Now",
    4,
    (
        Panel(
            "names",
            "Phase",
            "Ready answers requests. Reconciling passes by itself; Pending waits for something; Degraded answers, and"
            " not all that was requested is there; Failed needs somebody.",
            (Query(f"max by (phase) (aim_endpoint_status_phase{ONE}) == 1", "{{phase}}"),),
            "none",
            3,
            colours=PHASES,
        ),
        Panel(
            "names",
            "Reason",
            "The reason of the condition Ready. `kubectl get aimendpoint` shows the sentence that belongs to it.",
            (Query(f'1 - max by (reason) (aim_endpoint_status_condition{STATE},type="Ready"}})', "{{reason}}"),),
            "none",
            5,
            ANY,
        ),
        Panel(
            "stat",
            "Replicas",
            "Replicas that answer, and replicas that are wanted. Fewer ready than wanted for minutes is trouble.",
            (
                Query(f"max(aim_endpoint_replicas_ready{ONE})", "ready"),
                Query(f"max(aim_endpoint_replicas_desired{ONE})", "wanted"),
            ),
            "none",
            3,
        ),
        Panel(
            "stat",
            "Requests",
            "Requests that are computed now, and requests in the queue.",
            (Query(f"aim:requests_running{ONE}", "running"), Query(f"aim:requests_waiting{ONE}", "waiting")),
            "short",
            4,
            colours=(("running", BLUE),),
            steps=((1, ORANGE), (100, RED)),
        ),
        Panel(
            "stat",
            "KV cache in use",
            "Mean of all replicas. Near 100 % new requests wait, and running ones may be thrown out and begun anew.",
            (Query(f"aim:kv_cache_usage:ratio{ONE}"),),
            "percentunit",
            3,
            NEARLY_FULL,
        ),
        Panel(
            "stat",
            "First token, of the target",
            "How long 95 of 100 requests wait for their first token, as a part of the target: that of the endpoint's"
            " annotation, else 5 s. Above 100 % users wait too long.",
            (Query(f"aim:time_to_first_token_seconds:p95_5m{ONE} / on () ({TARGET})"),),
            "percentunit",
            3,
            ((0.8, ORANGE), (1, RED)),
        ),
        Panel(
            "stat",
            "Errors",
            "The part of the answers of the last five minutes with a 5xx code; none while nobody asks.",
            (Query(f"aim:request_errors:ratio5m{ONE}"),),
            "percentunit",
            3,
            ((0.001, ORANGE), (0.01, RED)),
        ),
    ),
)

CHOICE = Row(
    "What was chosen, and how it is",
    6,
    (
        Panel(
            "table",
            "Choice",
            "The recipe that serves it and on what. It changes when the spec does, or by updatePolicy Auto.",
            (
                Query(
                    "max by (model, recipe, hardware, precision, engine, gpu_count)"
                    f" (aim_endpoint_info{ONE}) * scalar(max(aim_endpoint_fallback_step{ONE}))"
                ),
            ),
            "none",
            12,
            columns=(
                ("model", "Model"),
                ("recipe", "Recipe"),
                ("hardware", "GPU"),
                ("gpu_count", "GPUs"),
                ("precision", "Precision"),
                ("engine", "Engine"),
            ),
            values=("Fallback step",),
        ),
        Panel(
            "table",
            "Conditions",
            "What the status says; False names what holds the endpoint up. UpToDate False means only that a decision"
            " made now would be another.",
            (Query(f"max by (type, status, reason) (aim_endpoint_status_condition{ONE})"),),
            "none",
            7,
            columns=(("type", "Condition"), ("status", "Status"), ("reason", "Reason")),
            values=("",),
        ),
        Panel(
            "table",
            "Alerts that fire",
            "Of this endpoint. An empty table is good.",
            (Query(f"max by (alertname, severity) ({FIRING},{ONE.removeprefix('{')})"),),
            "none",
            5,
            columns=(("severity", "Severity"), ("alertname", "Alert")),
            values=("",),
        ),
    ),
)

LATENCY = Row(
    "Latency",
    8,
    (
        percentiles(
            "Time to first token",
            "What a user waits for before anything appears. It grows with the queue and with long prompts. The target"
            " is the endpoint's own, where its annotation states one.",
            "aim:time_to_first_token_seconds",
            Query(f"max(aim_endpoint_target_time_to_first_token_seconds{ONE})", "target", reference=True),
        ),
        percentiles(
            "Time between tokens",
            "How fast an answer flows. It grows with the number of requests that are computed together.",
            "aim:inter_token_latency_seconds",
        ),
        percentiles(
            "Time to last token",
            "The whole request. It grows with the length of answers as well as with load.",
            "aim:e2e_request_latency_seconds",
            Query(f"aim:e2e_request_latency_seconds:mean5m{ONE}", "mean"),
        ),
    ),
)

LOAD = Row(
    "Load",
    8,
    (
        Panel(
            "lines",
            "Requests running and waiting",
            "Waiting above 0 while running stays level means that the replicas are full.",
            (Query(f"aim:requests_running{ONE}", "running"), Query(f"aim:requests_waiting{ONE}", "waiting")),
            colours=(("running", BLUE), ("waiting", ORANGE)),
        ),
        Panel(
            "lines",
            "Time in the queue",
            "95 of 100 requests began to be computed within this time. Seconds mean too few replicas.",
            (Query(f"aim:queue_time_seconds:p95_5m{ONE}", "95th percentile"),),
            "s",
        ),
        Panel(
            "lines",
            "Tokens per second",
            "Tokens read (prompts) and written (answers), all replicas together.",
            (
                Query(READ, "read"),
                Query(WRITTEN, "written"),
            ),
        ),
        Panel(
            "lines",
            "Tokens per second and replica, beside the recipe's figure",
            "What one replica does, and what the recipe's publishers measured of one under full load: their workload"
            " says whether prompts count. Far below it with a queue, something is slow; without one, there is little to"
            " do. A recipe without a measurement has no figure.",
            (
                Query(f"({READ} + {WRITTEN}) / ({SCRAPED} > 0)", "read and written"),
                Query(f"{WRITTEN} / ({SCRAPED} > 0)", "written"),
                Query(FIGURE, "recipe's figure", reference=True),
            ),
            colours=(("recipe's figure", ORANGE),),
        ),
        Panel(
            "lines",
            "Requests per second",
            "Requests that finished, in whatever way.",
            (Query(f"aim:requests:rate5m{ONE}", "finished"),),
            "reqps",
        ),
        Panel(
            "lines",
            "Answers that are errors",
            "The part of the answers with a 5xx code. The log of the replicas says what failed.",
            (Query(f"aim:request_errors:ratio5m{ONE}", "errors"),),
            "percentunit",
            steps=((0.01, RED),),
        ),
    ),
)

CACHE = Row(
    "KV cache",
    8,
    (
        Panel(
            "lines",
            "KV cache in use",
            "Mean of all replicas. Near 100 % new requests wait: a shorter context or more replicas help.",
            (Query(f"aim:kv_cache_usage:ratio{ONE}", "in use"),),
            "percentunit",
            steps=((0.9, RED),),
            maximum=1,
        ),
        Panel(
            "lines",
            "Prompts that were in the cache already",
            "The part of the prompts' tokens that was found in the KV cache and not computed again. It is high where"
            " requests begin alike; it falls when the cache is full, or equal beginnings go to different replicas.",
            (Query(f"aim:prefix_cache_hits:ratio5m{ONE}", "found"),),
            "percentunit",
            maximum=1,
        ),
        Panel(
            "lines",
            "Preemptions per second",
            "Requests that were thrown out of the KV cache and begun anew: work that is done twice. Above 0 for long,"
            " the cache is too small: a shorter context, fewer requests at once or more replicas help.",
            (Query(f"aim:preemptions:rate5m{ONE}", "preempted"),),
            "reqps",
        ),
    ),
)

REPLICAS = Row(
    "Replicas and GPUs",
    8,
    (
        Panel(
            "lines",
            "Replicas",
            "Wanted, ready, and answering Prometheus. Fewer scraped than ready means that figures lack a replica.",
            (
                Query(f"max(aim_endpoint_replicas_desired{ONE})", "wanted"),
                Query(f"max(aim_endpoint_replicas_ready{ONE})", "ready"),
                Query(SCRAPED, "scraped"),
            ),
            "none",
            12,
        ),
        Panel(
            "lines",
            "GPU use",
            "Mean of the GPUs of all replicas; there is none without AMD's or NVIDIA's exporter of device metrics."
            " Near 100 % is good under load; low with a queue is not.",
            (Query(f"aim:gpu_utilization:ratio{ONE}", "in use"),),
            "percentunit",
            12,
            maximum=1,
        ),
    ),
)

SCALING = Row(
    "Scaling",
    8,
    (
        Panel(
            "lines",
            "Replicas between their bounds",
            "Wanted and ready replicas, and the fewest and the most that the autoscaler makes. Wanted at the most for"
            " long, with something measured above its target, is a bound that is too low; without an autoscaler there"
            " are no bounds.",
            (
                Query(f"max(aim_endpoint_replicas_desired{ONE})", "wanted"),
                Query(f"max(aim_endpoint_replicas_ready{ONE})", "ready"),
                Query(f"max(aim_endpoint_scaling_min_replicas{ONE})", "fewest", reference=True),
                Query(f"max(aim_endpoint_scaling_max_replicas{ONE})", "most", reference=True),
            ),
            "none",
            12,
        ),
        Panel(
            "lines",
            "Measured, as a part of its target",
            "Above 100 % a target wants more replicas, below it fewer; the one that is highest decides. A target that"
            " is missing here could not be measured, and then nothing is scaled down.",
            (
                Query(
                    f"max by (trigger) (aim_endpoint_scaling_measured{ONE})"
                    f" / max by (trigger) (aim_endpoint_scaling_target{ONE})",
                    "{{trigger}}",
                ),
            ),
            "percentunit",
            12,
        ),
    ),
)

ENDPOINT = Board(
    "aim-endpoint",
    "AIM Engine / Endpoint",
    "One endpoint: what it runs, whether it answers, how fast, and what holds it up.",
    1,
    (
        Variable("namespace", "Namespace", "aim_endpoint_status_phase", many=False),
        Variable("aimendpoint", "Endpoint", 'aim_endpoint_status_phase{namespace="$namespace"}', many=False),
    ),
    (NOW, CHOICE, LATENCY, LOAD, SCALING, CACHE, REPLICAS),
)
