"""What becomes of how a workload is reached from outside, and of what bounds drains of its nodes."""

from typing import Any

from aimlib.api.meta import Raw
from aimlib.api.route import Route
from aimlib.migration.beside import at
from aimlib.migration.draft import Draft

ROUTED = "service.route; of two routes for one path the older counts: delete it when the endpoint is ready"
ANOTHER_ROUTE = "service.route leads one path, and all below it, to one Service; or let this route lead to the new one"
INGRESS = "let it lead to the endpoint's Service, or name a Gateway in service.route"
HOW_MANY_STAY = "availability.minReady is a number of replicas, and all but one where it is left out"
PARENT_FIELDS = frozenset({"name", "namespace", "sectionName", "group", "kind"})
TO_ROOT = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
"""The filter that takes a path off, which service.route has for every path."""
MOST_HOSTS = 8
"""Host names of an Ingress that are repeated."""


def set_http_route(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """An HTTPRoute, as far as an endpoint's has as much to state."""
    text = ".".join(path)
    draft.taken["HTTPRoute"] = (str(value["metadata"]["name"]), f"{text}.metadata.name")
    route = _route(value["spec"])
    if route is None:
        draft.add(text, "needs you", ANOTHER_ROUTE)
        return
    draft.spec.setdefault("service", {})["route"] = route
    draft.add(text, "kept", ROUTED)


def _route(spec: Raw) -> Raw | None:
    """The route of an endpoint that does the same; None where there is none."""
    match spec.get("rules"):
        case [{"backendRefs": [_]} as rule] if rule.keys() <= {"name", "matches", "filters", "backendRefs", "timeouts"}:
            prefix = _prefix(rule.get("matches"))
        case _:
            return None
    timeouts, parents = rule.get("timeouts") or {}, spec.get("parentRefs") or ()
    if rule.get("filters", []) != ([] if prefix == "/" else [TO_ROOT]) or not timeouts.keys() <= {"request"}:
        return None
    if rule["backendRefs"][0].get("filters") or any(not parent.keys() <= PARENT_FIELDS for parent in parents):
        return None
    route = {
        "parentRefs": [dict(parent) for parent in parents],
        "hostnames": spec.get("hostnames"),
        "path": None if prefix == "/" else prefix,
        "timeout": timeouts.get("request"),
    }
    stated = {key: one for key, one in route.items() if one}
    try:
        Route.model_validate(stated)
    except ValueError:
        return None
    return stated


def _prefix(matches: Any) -> str | None:  # noqa: ANN401 - JSON
    """The only path, all below which is led on; None where more than that is matched, or less."""
    match matches:
        case None | []:
            return "/"
        case [{"path": {"value": str(prefix), **kind}, **others}] if not others and kind in (
            {},
            {"type": "PathPrefix"},
        ):
            return prefix.rstrip("/") or "/"
        case _:
            return None


def set_ingress(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """An Ingress, of which an endpoint has none: the hosts are repeated."""
    hosts = [str(rule["host"]) for rule in value["spec"].get("rules") or () if rule.get("host")]
    listed = ", ".join(list(dict.fromkeys(hosts))[:MOST_HOSTS])
    named = f", with hostnames {listed}" if listed else ""
    certificate = "; a listener of the Gateway has the certificate" if value["spec"].get("tls") else ""
    draft.add(".".join(path), "needs you", f"{INGRESS}{named}{certificate}")


def set_disruptions(draft: Draft, path: tuple[str, ...], value: Any) -> None:  # noqa: ANN401 - JSON
    """A PodDisruptionBudget: the replicas that stay, of which each may have several pods."""
    text, least = ".".join(path), at(value, "spec", "minAvailable")
    draft.taken["PodDisruptionBudget"] = (str(value["metadata"]["name"]), f"{text}.metadata.name")
    if isinstance(least, int) and least > 0 and least % draft.nodes == 0:
        draft.put("availability.minReady", least // draft.nodes, text)
    elif least is None and at(value, "spec", "maxUnavailable") == 1:
        draft.add(text, "changed", "all replicas but one stay, where there are several")
    else:
        draft.add(text, "needs you", HOW_MANY_STAY)
