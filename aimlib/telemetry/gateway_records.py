"""The recording rules of gateways: who uses what, and how many requests each endpoint has or would have."""

from collections.abc import Iterator
from textwrap import indent

from aimlib.telemetry.record import NOT_NAN, WINDOW, Record

GATEWAY = "namespace, aimgateway"
USAGE = f"{GATEWAY}, client, model"
REQUESTS = "envoy_aim_gateway_requests"
TOKENS = {"prompt": "envoy_aim_gateway_prompt_tokens", "generated": "envoy_aim_gateway_generated_tokens"}
"""Envoy counts them (aimlib/gateway/usage.py), and the agent has them on its page."""


UNDER_WAY = 'envoy_cluster_upstream_rq_active{envoy_cluster_name=~"[^/]+/[^/]+/[^/]+"}'
"""Of targets; Envoy has clusters of clients, too."""
PRICES = "aim_model_token_price"
"""Of a million tokens by model and kind; the hook server has them from the settings."""


def tokens_of_day(kind: str) -> str:
    """The name of the series of tokens of the last day."""
    return f"aim:gateway_{kind}_tokens:increase1d"


def cost() -> str:
    """What the tokens of the last day cost, of models that have a price; either kind of tokens may be missing."""
    parts = (
        f"label_replace(\n  {tokens_of_day(kind)}\n  * on (model) group_left ()\n"
        f'  max by (model) ({PRICES}{{kind="{kind}"}}),\n  "kind", "{kind}", "", ""\n)'
        for kind in TOKENS
    )
    found = "\nor\n".join(parts)
    return f"sum by ({USAGE}) (\n{indent(found, '  ')}\n) / 1000000"


def of_target(expr: str, label: str) -> str:
    """The sum over all gateways for each endpoint, by its own namespace: that of the target, which `label` names."""
    found = f"sum by ({label}) ({expr})"
    for name, part in (("namespace", "([^/]+)/[^/]+/.*"), ("aimendpoint", "[^/]+/([^/]+)/.*")):
        found = f'label_replace(\n{indent(found, "  ")},\n  "{name}", "$1", "{label}", "{part}"\n)'
    return f"sum by (namespace, aimendpoint) (\n{indent(found, '  ')}\n)"


def gateway_records() -> Iterator[Record]:
    """All recorded series of gateways."""
    requests = f"rate({REQUESTS}[{WINDOW}])"
    yield Record("aim:gateway_requests:rate5m", "1/s", "requests by client and model", f"sum by ({USAGE}) ({requests})")
    by_model = f"sum by ({GATEWAY}, model)"
    errors = f'{by_model} (rate({REQUESTS}{{code=~"5.."}}[{WINDOW}]))'
    everything = f"{by_model} ({requests})"
    ratio = f"(\n  {errors}\n  or\n  0 * {everything}\n)\n/\n{everything} {NOT_NAN}"
    yield Record("aim:gateway_errors:ratio5m", "0 to 1", "answers with a 5xx, of all of a model", ratio)
    for kind, name in TOKENS.items():
        yield Record(
            tokens_of_day(kind),
            "tokens",
            f"{kind} tokens of the last day, by client and model",
            f"sum by ({USAGE}) (increase({name}[1d]))",
        )
    yield Record(
        "aim:gateway_cost:increase1d",
        "currency",
        "what these tokens cost, by client and model, where the settings have a price",
        cost(),
    )
    yield Record(
        "aim:gateway_demand",
        "requests",
        "requests of an endpoint that are answered or wait for a replica, in all gateways",
        of_target(UNDER_WAY, "envoy_cluster_name"),
    )
    yield Record(
        "aim:gateway_held",
        "requests",
        "those of them that wait, since the endpoint has no replica",
        of_target("aim_gateway_held_requests", "target"),
    )
