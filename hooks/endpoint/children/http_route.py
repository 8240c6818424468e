"""The HTTPRoute that exposes an endpoint's Service through Gateways.

Metacontroller replaces `rules` whole, since its items have no key, so every default of the CRD is spelled out there.
"""

from aimlib.api.meta import Raw
from aimlib.api.route import GATEWAY_GROUP
from hooks.endpoint.children.owner import Owner


def http_route(owner: Owner) -> Raw | None:
    """An HTTPRoute where spec.service.route requests one."""
    route, port = owner.spec.service.route, owner.spec.service.port
    if route is None:
        return None
    backend = {"group": "", "kind": "Service", "name": owner.child, "port": port, "weight": 1}
    return {
        "apiVersion": f"{GATEWAY_GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": owner.metadata(owner.child),
        "spec": {
            "parentRefs": [parent.wire() for parent in route.parent_refs],
            "hostnames": list(route.hostnames),
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": route.path}}],
                    "filters": _filters(route.path),
                    "backendRefs": [backend],
                    "timeouts": {"request": route.timeout},
                }
            ],
        },
    }


def _filters(path: str) -> list[Raw]:
    """Takes the path off, since engines serve at /v1."""
    if path == "/":
        return []
    rewrite = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    return [{"type": "URLRewrite", "urlRewrite": rewrite}]
