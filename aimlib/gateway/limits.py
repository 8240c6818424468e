"""What each client may send in a minute, as Envoy's local limits: each replica of the gateway has its part."""

import math
from collections.abc import Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.gateway import usage
from aimlib.gateway.keys import CLIENT
from aimlib.gateway.table import EVERYBODY, ModelTable

MINUTE = 60
LEAST_INTERVAL = 1.0
"""Seconds between two refills of a limit, where it is large."""


def requests(table: ModelTable, names: Sequence[str]) -> Raw:
    """Of these clients' requests; empty where nobody has a limit. EVERYBODY is all together, where no key is needed.

    A tenth of a minute's may come at once; the rest comes back evenly.
    """
    stated = {name: table.limit(name).requests_per_minute for name in names}
    buckets = {name: _bucket(of / table.replicas, 0.1) for name, of in stated.items() if of}
    return _limits("limits", buckets, {}) if buckets else {}


def tokens(table: ModelTable, names: Sequence[str]) -> Raw:
    """Of the tokens that they reserve. A whole minute's may come at once: one long prompt can be as many."""
    stated = {name: table.limit(name).reserved_tokens_per_minute for name in names}
    buckets = {name: _bucket(of / table.replicas, 1.0) for name, of in stated.items() if of}
    charged = {"hits_addend": {"format": f"%DYNAMIC_METADATA({usage.USED}:{usage.RESERVED})%"}}
    return _limits("tokens", buckets, charged) if buckets else {}


def _limits(name: str, buckets: Mapping[str, Raw], charged: Raw) -> Raw:
    unlimited = {"max_tokens": 2**32 - 1, "tokens_per_fill": 2**32 - 1, "fill_interval": "1s"}
    always = {"default_value": {"numerator": 100}}
    found: Raw = {
        "stat_prefix": name,
        "token_bucket": unlimited,
        "filter_enabled": always,
        "filter_enforced": always,
        "enable_x_ratelimit_headers": "DRAFT_VERSION_03",
    }
    if EVERYBODY in buckets:
        by = {"generic_key": {"descriptor_key": "client", "descriptor_value": EVERYBODY}}
    else:
        by = {"request_headers": {"header_name": CLIENT, "descriptor_key": "client"}}
    found["rate_limits"] = [{"actions": [by], **charged}]
    found["descriptors"] = [
        {"entries": [{"key": "client", "value": client}], "token_bucket": bucket} for client, bucket in buckets.items()
    ]
    return found


def _bucket(per_minute: float, at_once: float) -> Raw:
    """So much in a minute, of which this part may come at once, but at least one."""
    back = math.ceil(per_minute * LEAST_INTERVAL / MINUTE)
    most = max(round(per_minute * at_once), back)
    return {"max_tokens": most, "tokens_per_fill": back, "fill_interval": f"{MINUTE * back / per_minute:.6f}s"}
