"""Envoy's routes: by the model that a body or a path names, to the targets of that name, for those who may use it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aimlib.api.meta import Raw
from aimlib.gateway import errors
from aimlib.gateway.at_once import counted_route
from aimlib.gateway.clusters import copies
from aimlib.gateway.cors import ALLOW_ORIGIN, allowed_origins, first_route
from aimlib.gateway.keys import credentials, of_clients
from aimlib.gateway.table import ModelTable, Served, Target

_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
ROUTES = "models"
METADATA, MODEL, STREAM = "aim", "model", "stream"
"""Where the listener puts what it has found in a body: the model, and whether the answer is to be a stream."""
PREFIX, TARGET, STREAMED = "x-aim-prefix", "x-aim-target", "x-aim-stream"
"""Headers that the gateway sets: the hash of a beginning, and for the agent the target, and whether it is a stream."""
API = "/v1/"
MODELS_PATH = f"{API}models"
UNRESERVED, UNTOUCHED = "[-._~/a-zA-Z0-9]", "[-._~/a-zA-Z0-9!*'()]"
"""Signs of a name that no client escapes in a path, and those that browsers do not either."""
ENCODINGS = "(?i).*(gzip|deflate|compress|br|zstd).*"
"""The Content-Encoding of a body in which no model is found."""
RETRY_ON = "connect-failure,refused-stream,reset-before-request"
"""Never once an engine may have begun to answer."""


def routes(table: ModelTable, keys: Mapping[str, Sequence[str]]) -> Raw:
    """The one route configuration; `keys` are those of each client."""
    clients = sorted(keys)
    listed = sorted(table.models, key=lambda one: one.name)
    found = [
        *counted_route(table, clients),
        *first_route(table),
        *_lists(table, listed, clients),
        *(route for one in listed for route in _by_body(table, one, clients)),
        # The longer name first: the path of a/v1/b begins as that of a does.
        *(route for one in sorted(listed, key=lambda one: -len(one.name)) for route in _by_path(table, one, clients)),
        *(route for one in listed for route in _one(table, one, clients)),
        {"match": {"prefix": f"{MODELS_PATH}/", "headers": [_method("GET")]}, **errors.direct(errors.UNKNOWN_MODEL)},
        {"match": {"prefix": API, **_model({"present_match": True})}, **errors.direct(errors.UNKNOWN_MODEL)},
        {
            "match": {"prefix": API, "headers": [_header("content-encoding", {"safe_regex": {"regex": ENCODINGS}})]},
            **errors.direct(errors.COMPRESSED),
        },
        {
            "match": {"prefix": API, "headers": [_method("POST")]},
            **errors.direct(errors.NO_MODEL),
        },
        {"match": {"prefix": "/models/"}, **errors.direct(errors.UNKNOWN_MODEL)},
        {"match": {"prefix": "/"}, **errors.direct(errors.UNKNOWN_PATH)},
    ]
    hosts = {**({} if table.anonymous else credentials(keys)), **allowed_origins(table)}
    bodies = [len(one.get("direct_response", {}).get("body", {}).get("inline_string", "")) for one in found]
    return {
        "@type": _TYPE,
        "name": ROUTES,
        "max_direct_response_body_size_bytes": max(4096, *(4 * size for size in bodies)),  # in UTF-8
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "request_body_buffer_limit": table.max_request_bytes,
                "response_headers_to_remove": [ALLOW_ORIGIN],
                "routes": found,
                **({"typed_per_filter_config": hosts} if hosts else {}),
            }
        ],
    }


def _lists(table: ModelTable, listed: Sequence[Served], clients: Sequence[str]) -> Iterator[Raw]:
    """GET /v1/models: what the caller may use, one route for all who may use the same."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for client in clients:
        allowed = tuple(one.name for one in listed if table.may_use(client, one.name))
        groups.setdefault(allowed, []).append(client)
    if table.anonymous:
        groups = {tuple(one.name for one in listed if table.may_use("", one.name)): []}
    for names, of in groups.items():
        match: Raw = {"path": MODELS_PATH, "headers": [_method("GET"), *of_clients(of)]}
        yield {"match": match, **errors.json_answer(200, _list(names, table.created))}


def _list(names: Iterable[str], created: int) -> str:
    return json.dumps({"object": "list", "data": [_described(name, created) for name in names]})


def _described(name: str, created: int) -> Raw:
    return {"id": name, "object": "model", "created": created, "owned_by": "aim"}


def _one(table: ModelTable, served: Served, clients: Sequence[str]) -> Iterator[Raw]:
    """GET /v1/models/ID, for those who may use it: to others there is no such model."""
    few, everybody = _users(table, served, clients)
    if everybody or few:
        headers = [_method("GET"), *of_clients([] if everybody else few)]
        answer = errors.json_answer(200, json.dumps(_described(served.name, table.created)))
        for path in _paths(served.name):
            yield {"match": {"path": f"{MODELS_PATH}/{path}", "headers": headers}, **answer}


def _paths(name: str) -> list[str]:
    """A name as clients have it in a path: as it is, or escaped. That of a slash, and needless ones, Envoy undoes."""
    upper, lower, fewer = (
        "".join(sign if re.match(kept, sign) else form.format(ord(sign)) for sign in name)
        for kept, form in ((UNRESERVED, "%{:02X}"), (UNRESERVED, "%{:02x}"), (UNTOUCHED, "%{:02X}"))
    )
    return sorted({name, upper, lower, fewer})


def _by_body(table: ModelTable, served: Served, clients: Sequence[str]) -> Iterator[Raw]:
    match = {"prefix": API, **_model({"string_match": {"exact": served.name}})}
    yield from _allowed(table, served, clients, match, {})


def _by_path(table: ModelTable, served: Served, clients: Sequence[str]) -> Iterator[Raw]:
    """For bodies that name no model, such as an upload of sound."""
    match = {"prefix": f"/models/{served.name}{API}"}
    yield from _allowed(table, served, clients, match, {"prefix_rewrite": API})


def _allowed(table: ModelTable, served: Served, clients: Sequence[str], match: Raw, more: Raw) -> Iterator[Raw]:
    """The route of those who may use a model, and that of the others."""
    few, everybody = _users(table, served, clients)
    if everybody or few:
        headers = {} if everybody else {"headers": of_clients(few)}
        found = _route(table, served)
        yield {"name": served.name, "match": {**match, **headers}, **found, "route": {**found["route"], **more}}
    if not everybody:
        yield {"match": match, **errors.direct(errors.FORBIDDEN_MODEL)}


def _users(table: ModelTable, served: Served, clients: Sequence[str]) -> tuple[list[str], bool]:
    """The clients that may use a model, and whether everybody may."""
    if table.anonymous:
        return [], table.may_use("", served.name)
    few = [client for client in clients if table.may_use(client, served.name)]
    return few, len(few) == len(clients)


def _route(table: ModelTable, served: Served) -> Raw:
    targets = sorted((one for one in served.targets if one.weight), key=lambda one: one.name)
    bounds = table.timeouts
    found: Raw = {"timeout": f"{bounds.seconds}s", "idle_timeout": f"{bounds.idle_seconds}s"}
    if bounds.retries:
        found["retry_policy"] = _retries(bounds.retries)
    if table.balancing.policy == "PrefixAffinity":
        found["hash_policy"] = [{"header": {"header_name": PREFIX}}]
    if policies := _copied(served):
        found["request_mirror_policies"] = policies
    if len(targets) == 1:
        return {"route": {"cluster": targets[0].name, **found}, **_for_holder(targets[0])}
    weights = [{"name": one.name, "weight": one.weight, **_for_holder(one)} for one in targets]
    return {"route": {"weighted_clusters": {"clusters": weights}, **found}}


def _copied(served: Served) -> list[Raw]:
    """Who gets a copy of which part. Envoy waits for no answer to it, and retries none; the host stays as it is."""
    return [
        {
            "cluster": copies(one.name),
            "runtime_fraction": {"default_value": {"numerator": one.mirror, "denominator": "MILLION"}},
            "disable_shadow_host_suffix_append": True,
        }
        for one in sorted(served.targets, key=lambda target: target.name)
        if one.mirror
    ]


def _for_holder(target: Target) -> Raw:
    """What the agent has to know of a request that it holds: for whom, and whether the answer is a stream.

    Targets that fall back on another one have it, too: a cluster gets the agent as its fallback before routes change.
    """
    if not target.fallback:
        return {}
    stream = f"%DYNAMIC_METADATA({METADATA}:{STREAM})%"
    return {"request_headers_to_add": [errors.header(TARGET, target.name), errors.header(STREAMED, stream)]}


def _retries(count: int) -> Raw:
    """Another replica, and a fallback after the last: one that could not be reached is out of the cluster by then."""
    hosts = "envoy.retry_host_predicates.previous_hosts"
    kind = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": RETRY_ON,
        "num_retries": count,
        "retry_host_predicate": [{"name": hosts, "typed_config": {"@type": kind}}],
        "host_selection_retry_max_attempts": 10,
    }


def _model(value: Raw) -> Raw:
    return {"dynamic_metadata": [{"filter": METADATA, "path": [{"key": MODEL}], "value": value}]}


def _method(name: str) -> Raw:
    return _header(":method", {"exact": name})


def _header(name: str, value: Raw) -> Raw:
    return {"name": name, "string_match": value}
