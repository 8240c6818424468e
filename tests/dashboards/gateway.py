"""The gateways: is anything refused or waiting, who uses what, and what it costs."""

from tests.dashboards.panels import BLUE, GREEN, ORANGE, RED, Board, Panel, Query, Row, Variable
from tests.dashboards.words import ANY, BAD, FIRING, NONE, since

CHOSEN = 'namespace=~"$namespace",aimgateway=~"$aimgateway"'
NAME = "{{namespace}}/{{aimgateway}}"
REQUESTS = "envoy_aim_gateway_requests"
ESTIMATED = ',estimated="true"'
REFUSED = ',code=~"401|403|429"'
CLUSTER = "{{envoy_cluster_name}}"
TARGETS = ',envoy_cluster_name=~"[^/]+/[^/]+/[^/]+"'
PRICE = "aim_model_token_price"
TOKENS = {"prompt": "envoy_aim_gateway_prompt_tokens", "generated": "envoy_aim_gateway_generated_tokens"}


def rate(metric: str, by: str, more: str = "") -> str:
    """The rate per second of a counter, over all pods."""
    return f"sum by ({by}) (rate({metric}{{{CHOSEN}{more}}}[5m]))"


def day(kind: str, by: str = "namespace, aimgateway, client, model") -> str:
    """What was used in the last day: tokens of a kind, or the cost."""
    name = "cost" if kind == "cost" else f"{kind}_tokens"
    return f"sum by ({by}) (aim:gateway_{name}:increase1d{{{CHOSEN}}})"


def cost(kind: str) -> str:
    """What is spent in an hour on tokens of a kind, at the rate of now, by client."""
    price = f'max by (model) ({PRICE}{{kind="{kind}"}})'
    return f"sum by (client) ({rate(TOKENS[kind], 'client, model')} * on (model) group_left () {price}) * 0.0036"


PER_HOUR = f"({cost('prompt')} + {cost('generated')}) or {cost('prompt')}"
UNREADY = f'max by (namespace, aimgateway) (aim_gateway_status_phase{{{CHOSEN},phase!="Ready"}})'
WAITING = f"sum by (target) (aim_gateway_held_requests{{{CHOSEN}}})"
TOKENS_OF_DAY = f"(({day('prompt', 'model')} + {day('generated', 'model')}) or {day('prompt', 'model')})"
WITHOUT_PRICE = f"{TOKENS_OF_DAY} unless on (model) {PRICE}"

NOW = Row(
    "Now",
    4,
    (
        Panel(
            "stat",
            "Alerts firing",
            "Alerts about gateways that fire: pods, refused files, keys, models that fail.",
            (Query(f'count({FIRING},aimgateway!="",{CHOSEN}}}){NONE}'),),
            "none",
            3,
            BAD,
        ),
        Panel(
            "stat",
            "Gateways not ready",
            "Gateways that do not route all that they should, or lack pods. The table below has the reason.",
            (Query(f"sum({UNREADY})"),),
            "none",
            3,
            ANY,
        ),
        Panel(
            "stat",
            "Requests per second",
            "Requests that ended in the last five minutes, refused ones included.",
            (Query(f"sum(aim:gateway_requests:rate5m{{{CHOSEN}}})"),),
            "reqps",
            4,
        ),
        Panel(
            "stat",
            "Requests that wait",
            "Requests for a model that has no replica: the gateway holds them until there is one.",
            (Query(f"sum({WAITING})"),),
            "none",
            3,
            ANY,
        ),
        Panel(
            "stat",
            "Refused",
            "The part of the requests that was answered with 401, 403 or 429: no valid key, models that a client may"
            " not use, limits.",
            (Query(f"sum({rate(REQUESTS, 'client', REFUSED)}) / sum({rate(REQUESTS, 'client')})"),),
            "percentunit",
            3,
            ((0.05, ORANGE),),
        ),
        Panel(
            "stat",
            "Tokens in the last day",
            "Tokens of prompts and answers, of all clients.",
            (Query(f"sum({day('prompt', 'client')}) + sum({day('generated', 'client')})"),),
            "short",
            4,
        ),
        Panel(
            "stat",
            "Cost of the last day",
            "What these tokens cost by `tokenPrices` of the settings, in their currency. Models without a price are"
            " left out; a table below names them.",
            (Query(f"sum({day('cost', 'client')})"),),
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
            "Gateways that are not ready",
            "The reason of the condition Ready, and for how long. What it means stands in `status.message`.",
            (Query(since("gateway", CHOSEN)),),
            "dtdurations",
            10,
            columns=(("namespace", "Namespace"), ("aimgateway", "Gateway"), ("reason", "Reason")),
            values=("For",),
        ),
        Panel(
            "bars",
            "Answers that are errors, by model",
            "The part of a model's answers with a 5xx: of its engine, or the gateway's own where no replica answers.",
            (Query(f"max by (model) (aim:gateway_errors:ratio5m{{{CHOSEN}}}) > 0", "{{model}}"),),
            "percentunit",
            7,
            ((0, ORANGE), (0.05, RED)),
            1,
        ),
        Panel(
            "lines",
            "Requests that wait, by target",
            "Namespace, endpoint and track of the model that has no replica. It goes down when one is ready.",
            (Query(f"{WAITING} > 0", "{{target}}"),),
            "none",
            7,
        ),
    ),
)

FIRST_TOKENS = "aim_gateway_first_token_seconds"
WAKING = Row(
    "Models that were not there",
    7,
    (
        Panel(
            "lines",
            "From the first request to the first token, by target",
            "Of models without a replica: from the first request that is held to the first token, the mean of an hour.",
            (
                Query(
                    f"sum by (target) (increase({FIRST_TOKENS}_sum{{{CHOSEN}}}[1h]))"
                    f" / sum by (target) (increase({FIRST_TOKENS}_count{{{CHOSEN}}}[1h]))",
                    "{{target}}",
                ),
            ),
            "s",
            12,
        ),
        Panel(
            "lines",
            "Requests that were held, by what became of them",
            "answered: by a replica that came. gone: their client went away. too long and too many: past the bounds.",
            (Query(f"sum by (outcome) (increase(aim_gateway_held_total{{{CHOSEN}}}[1h]))", "{{outcome}}"),),
            "none",
            12,
        ),
    ),
)

TRAFFIC = Row(
    "Requests",
    8,
    (
        Panel(
            "lines",
            "Requests per second, by model",
            "By the name that requests state. `-` is a name that is not routed, or a request without one.",
            (Query(rate(REQUESTS, "model"), "{{model}}"),),
            "reqps",
        ),
        Panel(
            "lines",
            "Requests per second, by client",
            "Clients are the keys of the Secret. `-` is a request without a valid API key.",
            (Query(rate(REQUESTS, "client"), "{{client}}"),),
            "reqps",
        ),
        Panel(
            "stacked",
            "Answers by code",
            "401 and 403: keys. 404: names that are not routed. 413: too large. 429: limits, or too many that wait."
            " 503: no replica.",
            (Query(rate(REQUESTS, "code"), "{{code}}"),),
            "reqps",
            colours=(("200", GREEN), ("429", ORANGE), ("503", RED)),
        ),
    ),
)

USAGE = Row(
    "Who uses what",
    9,
    (
        Panel(
            "table",
            "The last day, by client and model",
            "Tokens, and what they cost. A model without a price has no cost here.",
            (Query(day("generated")), Query(day("prompt")), Query(day("cost"))),
            "short",
            16,
            columns=(("aimgateway", "Gateway"), ("client", "Client"), ("model", "Model")),
            values=("Generated tokens", "Prompt tokens", "Cost"),
        ),
        Panel(
            "lines",
            "Tokens per second",
            "Of prompts and of answers, and the part of both that is estimated, since the answer had no usage.",
            (
                Query(f"sum({rate(TOKENS['prompt'], 'client')})", "prompts"),
                Query(f"sum({rate(TOKENS['generated'], 'client')})", "answers"),
                Query(
                    f"sum({rate(TOKENS['prompt'], 'client', ESTIMATED)})"
                    f" + sum({rate(TOKENS['generated'], 'client', ESTIMATED)})",
                    "estimated",
                    reference=True,
                ),
            ),
            colours=(("prompts", BLUE), ("answers", GREEN), ("estimated", ORANGE)),
        ),
    ),
)

COST = Row(
    "Cost",
    8,
    (
        Panel(
            "stacked",
            "Cost per hour, by client",
            "What an hour costs at the rate of now, in the currency of `tokenPrices`.",
            (Query(PER_HOUR, "{{client}}"),),
            width=10,
        ),
        Panel(
            "bars",
            "Cost of the last day, by model",
            "Of all chosen gateways and clients.",
            (Query(day("cost", "model"), "{{model}}"),),
            width=8,
        ),
        Panel(
            "table",
            "Used without a price",
            "Names of models, aliases included, that `tokenPrices` of the settings lacks, with their tokens of the last"
            " day. An empty table is good.",
            (Query(WITHOUT_PRICE),),
            width=6,
            columns=(("model", "Model"),),
            values=("Tokens",),
        ),
    ),
)

PODS = Row(
    "Pods and targets",
    8,
    (
        Panel(
            "lines",
            "Pods that answer Prometheus",
            "Fewer than there are means that what clients use is not counted whole.",
            (Query(f'sum by (namespace, aimgateway) (up{{{CHOSEN},aimgateway!=""}})', NAME),),
            "none",
            6,
        ),
        Panel(
            "lines",
            "Memory of Envoy",
            "What the largest pod has allocated. Large bodies, requests that wait and clients that do not read take it;"
            " the limit is 2 GiB.",
            (Query(f"max by (namespace, aimgateway) (envoy_server_memory_allocated{{{CHOSEN}}})", NAME),),
            "bytes",
            6,
        ),
        Panel(
            "lines",
            "Requests in progress, by target",
            "Namespace, endpoint and track. Those that wait are among them.",
            (Query(f"sum by (envoy_cluster_name) (envoy_cluster_upstream_rq_active{{{CHOSEN}{TARGETS}}})", CLUSTER),),
            "none",
            6,
        ),
        Panel(
            "lines",
            "Models and clients",
            "Names of models in the table, and clients with a key, as the pods have them.",
            (
                Query(f"max by (aimgateway) (aim_gateway_models{{{CHOSEN}}})", "{{aimgateway}}: models"),
                Query(f"max by (aimgateway) (aim_gateway_clients{{{CHOSEN}}})", "{{aimgateway}}: clients"),
            ),
            "none",
            6,
        ),
    ),
)

GATEWAY = Board(
    "aim-gateway",
    "AIM Engine / Gateways",
    "The gateways: is anything refused or waiting, who uses what, and what it costs.",
    1,
    (
        Variable("namespace", "Namespace", "aim_gateway_models", many=True),
        Variable("aimgateway", "Gateway", 'aim_gateway_models{namespace=~"$namespace"}', many=True),
    ),
    (NOW, WRONG, WAKING, TRAFFIC, USAGE, COST, PODS),
)
