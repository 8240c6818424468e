"""Which pages in browsers may read answers: Envoy's cors filter, which answers their preflight requests itself.

It comes before the keys: a preflight request has none.
"""

from aimlib.api.meta import Raw
from aimlib.gateway.table import ModelTable

FILTER = "cors"
ALLOW_ORIGIN = "access-control-allow-origin"
"""Engines answer it with *, for whoever asks: the gateway decides that."""
MAX_AGE_SECONDS = 600
_TYPE = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"


def allowed_origins(table: ModelTable) -> Raw:
    """What a virtual host has about it; nothing where no origin is allowed.

    A wildcard does not stand for Authorization. Credentials of the browser, such as cookies, are not allowed.
    """
    if not table.cors:
        return {}
    policy = {
        "@type": _TYPE,
        "allow_origin_string_match": [{"exact": origin} for origin in sorted(table.cors)],
        "allow_methods": "GET, POST",
        "allow_headers": "authorization, *",
        "expose_headers": "*",
        "max_age": str(MAX_AGE_SECONDS),
    }
    return {FILTER: policy}
