"""The operator itself: whether the hook server answers, how fast, and what it decides."""

from tests.dashboards.panels import GREEN, ORANGE, RED, Board, Panel, Query, Row
from tests.dashboards.words import ANY, BAD, FIRING, NONE

CALLS = "aim_hook_requests_total"
SECONDS = "aim_hook_duration_seconds_bucket"
ADMISSIONS = "aim_admission_requests_total"
RATE = "[5m]"


def quantile(part: float, buckets: str, *labels: str) -> str:
    """The value that this part of what was observed in five minutes does not exceed."""
    return f"histogram_quantile({part}, sum by ({', '.join(('le', *labels))}) (rate({buckets}{RATE})))"


NOW = Row(
    "Now",
    4,
    (
        Panel(
            "stat",
            "Alerts firing",
            "Alerts about the operator itself that fire. Whatever it decides waits, or goes unrecorded, meanwhile.",
            (Query(f'count({FIRING},alertname!~"AIM(Endpoint|Cache).*"}}){NONE}'),),
            "none",
            3,
            BAD,
        ),
        Panel(
            "stat",
            "Servers",
            "Replicas of the hook server that Prometheus reaches. With none, nothing changes in the cluster; what runs"
            " goes on.",
            (Query("count(max by (instance) (aim_build_info))"),),
            "none",
            3,
        ),
        Panel(
            "stat",
            "Restarts",
            "How often counters began anew in the last hour: a container that was restarted. A rollout brings new"
            " replicas and is not counted.",
            (Query(f"sum(max by (instance) (resets({CALLS}[1h])))"),),
            "none",
            3,
            BAD,
        ),
        Panel(
            "stat",
            "Calls per second",
            "Calls of hooks by Metacontroller. It rises with every change, and with every node that comes or goes.",
            (Query(f"sum(rate({CALLS}{RATE}))"),),
            "reqps",
            3,
        ),
        Panel(
            "stat",
            "Calls not answered with 200",
            "The part of the calls after which nothing was changed. Metacontroller tries them again; the object's"
            " events and the server's log say why.",
            (Query(f'sum(rate({CALLS}{{code!="200"}}{RATE})) / sum(rate({CALLS}{RATE}))'),),
            "percentunit",
            4,
            ((0.001, ORANGE), (0.01, RED)),
        ),
        Panel(
            "stat",
            "Time to answer",
            "95 of 100 calls are answered in this time. Metacontroller gives up after ten seconds.",
            (Query(quantile(0.95, SECONDS)),),
            "s",
            4,
            ((0.25, ORANGE), (1, RED)),
        ),
        Panel(
            "stat",
            "Audit lines lost",
            "Lines of the audit record that could not be written in the last hour. The server's log has the cause.",
            (Query('sum(increase(aim_audit_records_total{result="failed"}[1h])) or vector(0)'),),
            "none",
            4,
            BAD,
        ),
    ),
)

SERVED = Row(
    "Calls",
    8,
    (
        Panel(
            "lines",
            "Calls per second, by hook",
            "What is asked. A hook that is called all the time without a change is a loop: see its object's status.",
            (Query(f"sum by (hook) (rate({CALLS}{RATE}))", "{{hook}}"),),
            "reqps",
        ),
        Panel(
            "lines",
            "Calls not answered with 200, by reason",
            "NotARequest and UnknownPath are not Metacontroller's; Refused is an object that cannot be served;"
            " Internal is a defect of ours.",
            (Query(f"sum by (hook, reason) (rate(aim_hook_errors_total{RATE}))", "{{hook}} {{reason}}"),),
            "reqps",
        ),
        Panel(
            "lines",
            "Time to answer",
            "All hooks together.",
            tuple(
                Query(quantile(part, SECONDS), name)
                for part, name in ((0.5, "median"), (0.95, "95th percentile"), (0.99, "99th percentile"))
            ),
            "s",
        ),
        Panel(
            "lines",
            "Time to answer, by hook",
            "95 of 100 calls of a hook are answered in this time.",
            (Query(quantile(0.95, SECONDS, "hook"), "{{hook}}"),),
            "s",
        ),
        Panel(
            "stacked",
            "Calls in flight",
            "Calls that are being answered. Near the number of threads of all servers, callers wait.",
            (Query("sum by (hook) (aim_hook_requests_in_flight)", "{{hook}}"),),
            "none",
        ),
        Panel(
            "lines",
            "Size of calls",
            "What Metacontroller sends, 95th percentile. It grows with the recipes, the nodes and the children that a"
            " call brings; calls above 16 MiB are refused.",
            (Query(quantile(0.95, "aim_hook_request_bytes_bucket", "hook"), "{{hook}}"),),
            "bytes",
        ),
    ),
)

DECIDED = Row(
    "Decisions, since the servers started",
    8,
    (
        Panel(
            "table",
            "Choices",
            "What was chosen for endpoints, each choice counted once.",
            (Query("sum by (recipe, hardware, precision, engine) (aim_selections_total)"),),
            "none",
            10,
            columns=(("recipe", "Recipe"), ("hardware", "GPU"), ("precision", "Precision"), ("engine", "Engine")),
            values=("Choices",),
        ),
        Panel(
            "bars",
            "Objections, by rule",
            "Candidates that a rule objected to, in decisions that were made. Many of `hardware` or `memory` say that"
            " people ask for what the cluster has not got.",
            (Query("sum by (rule) (aim_selection_rejections_total)", "{{rule}}"),),
            "none",
            5,
        ),
        Panel(
            "bars",
            "Nothing selected, by reason",
            "Decisions for which no recipe was there, or none fitted. Those endpoints wait.",
            (Query("sum by (reason) (aim_selection_refusals_total)", "{{reason}}"),),
            "none",
            5,
            ANY,
        ),
        Panel(
            "bars",
            "Kept and relaxed",
            "Choices that stay though a new decision would be another, by reason; and choices that took a step of"
            " recipe.fallback.",
            (
                Query("sum by (reason) (aim_selections_kept_total)", "{{reason}}"),
                Query("sum(aim_selection_fallbacks_total)", "Fallback"),
            ),
            "none",
            4,
        ),
    ),
)

ADMISSION = Row(
    "Admission, audit and observers",
    8,
    (
        Panel(
            "lines",
            "Questions of the API server, by verdict",
            "What was said when endpoints were applied. Refused ones were not let in. NotChecked means that the servers"
            " have not read recipes and inventory; Failed and BadRequest are defects, and let the object in.",
            (
                Query(
                    f"sum by (webhook, verdict) (rate(aim_admission_requests_total{RATE}))", "{{webhook}} {{verdict}}"
                ),
            ),
            "reqps",
            12,
        ),
        Panel(
            "lines",
            "Time to answer the API server",
            "95 of 100 questions are answered in this time. After two seconds the API server goes on without.",
            (Query(quantile(0.95, "aim_admission_duration_seconds_bucket", "webhook"), "{{webhook}}"),),
            "s",
            12,
        ),
        Panel(
            "lines",
            "Audit lines per second",
            "Lines of the audit record by result. Any that failed is missing from the record.",
            (Query(f"sum by (result) (rate(aim_audit_records_total{RATE}))", "{{result}}"),),
            "reqps",
            12,
            colours=(("written", GREEN), ("failed", RED)),
        ),
        Panel(
            "lines",
            "Requests of observers per second",
            "Lists of Pods, and others. A failed one leaves a status without its cause or its metrics.",
            (Query(f"sum by (target, result) (rate(aim_observer_requests_total{RATE}))", "{{target}} {{result}}"),),
            "reqps",
            12,
        ),
    ),
)

AROUND = Row(
    "Metacontroller and releases",
    7,
    (
        Panel(
            "lines",
            "Metacontroller's calls per second",
            "The same calls as Metacontroller counts them, where it is scraped. Codes other than 200, or more here than"
            " the servers count, mean calls that did not arrive.",
            (
                Query(
                    f"sum by (controller_name, code) (rate(metacontroller_sync_requests_total{RATE}))",
                    "{{controller_name}} {{code}}",
                ),
            ),
            "reqps",
            16,
        ),
        Panel(
            "table",
            "Releases",
            "The servers by the release that they run. Two releases for long are a rollout that is stuck.",
            (Query("count by (version) (max by (instance, version) (aim_build_info))"),),
            "none",
            8,
            columns=(("version", "Release"),),
            values=("Servers",),
        ),
    ),
)

OPERATOR = Board(
    "aim-operator",
    "AIM Engine / Operator",
    "The operator itself: whether the hook server answers, how fast, and what it decides.",
    1,
    (),
    (NOW, SERVED, DECIDED, ADMISSION, AROUND),
)
