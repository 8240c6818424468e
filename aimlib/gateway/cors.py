"""Which pages in browsers may read answers: Envoy's cors filter, which answers their preflight requests itself.

It comes before the keys: a preflight request has none.
"""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.gateway.table import ModelTable
from aimlib.gateway.usage import RESERVED, USED

FILTER = "cors"
ALLOW_ORIGIN = "access-control-allow-origin"
"""Engines answer it with *, for whoever asks: the gateway decides that."""
NOWHERE = "x-aim-nowhere"
"""The header that no request has, and by which the route of a page's request chooses its cluster until then."""
MAX_AGE_SECONDS = 600
_TYPE = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"


def first_route(table: ModelTable) -> Iterator[Raw]:
    """The route of a page's request until its body has been looked at, which leads nowhere.

    The filter passes over routes that answer themselves, as all that refuse do.
    """
    if table.cors:
        looked_at = {"filter": USED, "path": [{"key": RESERVED}], "value": {"present_match": True}, "invert": True}
        from_page = [{"name": "origin", "present_match": True}]
        match = {"prefix": "/", "headers": from_page, "dynamic_metadata": [looked_at]}
        yield {"match": match, "route": {"cluster_header": NOWHERE}}


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
