"""Envoy's listeners: keys, limits, the model of a body, and the hash of its beginning, before the routes."""

from collections.abc import Sequence

from aimlib.api.meta import Raw
from aimlib.gateway import at_once, certificate, cors, errors, keys, limits, routes, usage
from aimlib.gateway.attachments import ATTACHED, ATTACHMENT_BYTES
from aimlib.gateway.overload import BODY_SECONDS
from aimlib.gateway.prompts import PROMPTS, lua_set
from aimlib.gateway.table import EVERYBODY, Balancing, ModelTable

EXTENSIONS = "type.googleapis.com/envoy.extensions.filters"
_TYPE = "type.googleapis.com/envoy.config.listener.v3.Listener"
HEADERS_SECONDS = 10
"""How long the headers of a request may take; who has no key has no more than these."""
OURS = (keys.CLIENT, routes.PREFIX, routes.TARGET, routes.STREAMED, cors.NOWHERE)

JSON = r"(?i)application/json[ \t]*(;.*)?"
"""The Content-Type of a body that is read; many clients state a charset."""
PATHS: Raw = {
    "normalize_path": True,
    "merge_slashes": True,
    "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
}
"""A base URL that ends in a slash makes two of them, and clients escape that of a model's name. `..` leads nowhere:
engines have other paths beside those of their API, without a key."""

ON_REQUEST = """
function envoy_on_request(handle)
  local body = handle:body()
  local found = handle:streamInfo():dynamicMetadata()
  found:set("%(used)s", "%(reserved)s", 1)
  if body then
    local stated = found:get("%(used)s") or {}
    found:set("%(used)s", "%(stream)s", tostring(stated["%(stream)s"] == true))
    local path = string.match(handle:headers():get(":path"), "^[^?]*")
    path = string.gsub(path, "%%%%(%%x%%x)", function(code) return string.char(tonumber(code, 16)) end)
    local kind = string.lower(handle:headers():get("content-type") or "")
    local by_path = string.find(path, "/models/", 1, true) == 1 and string.match(kind .. ";", "^application/json%%s*;")
    local last, unused = string.match(path, "[^/]*$"), %(unused)s
    if unused[last] then
      found:set("%(used)s", "%(uncounted)s", true)
    elseif stated["%(model)s"] or by_path then
      local function largest(names, usual)
        local found
        for _, name in ipairs(names) do
          local one = tonumber(stated[name])
          if one and one > (found or 0) then found = one end
        end
        return found or usual
      end
      local bounds = string.match(path, "/responses$") and {%(response)s} or {%(most)s}
      local size = body:length()
      if size > %(bytes)d then size = size - attached(body) end
      local prompt = math.ceil(size / %(per_token)d)
      local most = largest(bounds, %(usual)d) * largest({%(counts)s}, 1)%(prompts)s
      local silent = %(silent)s
      if silent[last] then most = 0 end
      found:set("%(used)s", "%(prompt)s", prompt)
      found:set("%(used)s", "%(generated)s", 0)
      found:set("%(used)s", "%(estimated)s", "true")
      found:set("%(used)s", "%(reserved)s", math.max(prompt + math.min(most, 1e8), 1))
    end%(hash)s
  end
  handle:clearRouteCache()
end
"""
"""Routes are chosen by what the filters before have found: once more, after them. What becomes a header is a word of
ours: a text of a client could have the end of a line."""
OF_PROMPTS = """
      local several = string.match(path, "/completions$") and not string.match(path, "/chat/completions$")
      most = most * (several and prompts(body) or 1)"""
HASH = """
    local text = body:getBytes(0, math.min(body:length(), %(bytes)d))
    local hash = 5381
    for at = 1, #text do hash = (hash * 33 + string.byte(text, at)) %% 4294967296 end
    handle:headers():add("%(prefix)s", tostring(hash))"""


def listener(table: ModelTable, clients: Sequence[str], address: str, port: int, folder: str) -> Raw:
    """The one that clients connect to; `clients` are the names of those that have a key, `folder` has the routes.

    Connections that are open when it changes are drained, streams included: what changes often is in the routes.
    """
    bodies = [at_once.unless_counted(one) for one in _of_bodies(table, clients)]
    manager = _manager(table, "gateway", folder, [*_of_clients(table, clients), *bodies])
    manager["early_header_mutation_extensions"] = [_without(*OURS, at_once.HOP)]
    manager["access_log"] = usage.access_logs(at_once.logged_by_first())
    chain: Raw = {"filters": [{"name": "http", "typed_config": manager}]}
    if table.tls:
        chain["transport_socket"] = certificate.socket(folder)
    place = {"address": {"socket_address": {"address": address, "port_value": port}}}
    return {"@type": _TYPE, "name": "http", **_room(table), **place, "filter_chains": [chain]}


def counted_listener(table: ModelTable, clients: Sequence[str], folder: str) -> Raw:
    """The one within Envoy, for the requests of clients that are counted; the first has checked their keys."""
    manager = _manager(table, at_once.INNER, folder, _of_bodies(table, clients))
    manager["early_header_mutation_extensions"] = [_without(at_once.HOP)]
    manager["access_log"] = usage.access_logs()
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    place: Raw = {"name": at_once.INNER, "internal_listener": {}}
    return {"@type": _TYPE, **_room(table), **place, "filter_chains": [chain]}


def _room(table: ModelTable) -> Raw:
    """Else a body above 1 MiB is answered with 413."""
    return {"per_connection_buffer_limit_bytes": table.max_request_bytes}


def _manager(table: ModelTable, name: str, folder: str, filters: Sequence[Raw]) -> Raw:
    path = f"{folder}/rds.json"
    source = {"path_config_source": {"path": path, "watched_directory": {"path": folder}}}
    return {
        "@type": f"{EXTENSIONS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        **PATHS,
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "gateway"},
        "stream_idle_timeout": f"{table.timeouts.idle_seconds}s",
        "request_headers_timeout": f"{HEADERS_SECONDS}s",
        "request_timeout": f"{BODY_SECONDS}s",
        "local_reply_config": errors.local_replies(),
        "rds": {"route_config_name": routes.ROUTES, "config_source": source},
        "http_filters": [*filters, _filter("envoy.filters.http.router", "router.v3.Router", {})],
    }


def _without(*names: str) -> Raw:
    """What the gateway tells itself by headers, nobody else may."""
    kind = "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    mutations = [{"remove": name} for name in names]
    return {"name": "without-ours", "typed_config": {"@type": kind, "mutations": mutations}}


def _of_clients(table: ModelTable, clients: Sequence[str]) -> list[Raw]:
    """Which page asks, who it is, how often he may, and whether his requests are counted."""
    found = [_filter(cors.FILTER, "cors.v3.Cors", {})] if table.cors else []
    if not table.anonymous:
        found.append(_filter(keys.KEYS_FILTER, "api_key_auth.v3.ApiKeyAuth", keys.KEY_SOURCE))
    if per_minute := limits.requests(table, _names(table, clients)):
        found.append(_filter("limits", "local_ratelimit.v3.LocalRateLimit", per_minute))
    return [*found, _filter(at_once.FRONT, "lua.v3.Lua", {"default_source_code": {"inline_string": at_once.LUA}})]


def _of_bodies(table: ModelTable, clients: Sequence[str]) -> list[Raw]:
    """What a request is for, and how much of its client's tokens it takes."""
    per_minute = limits.tokens(table, _names(table, clients))
    script = _lua(table.balancing, charged=bool(per_minute))
    found = [
        _filter("model", "json_to_metadata.v3.JsonToMetadata", _model()),
        _filter("bodies", "lua.v3.Lua", {"default_source_code": {"inline_string": script}}),
    ]
    if per_minute:
        found.append(_filter("tokens", "local_ratelimit.v3.LocalRateLimit", per_minute))
    return found


def _names(table: ModelTable, clients: Sequence[str]) -> Sequence[str]:
    return [EVERYBODY] if table.anonymous else clients


def _filter(name: str, kind: str, config: Raw) -> Raw:
    return {"name": name, "typed_config": {"@type": f"{EXTENSIONS}.http.{kind}", **config}}


def _lua(balancing: Balancing, *, charged: bool) -> str:
    """The script of a body; prompts are counted where tokens are charged."""
    hashed = HASH % {"prefix": routes.PREFIX, "bytes": balancing.prefix_bytes}
    on_request = ON_REQUEST % {
        "used": usage.USED,
        "model": routes.MODEL,
        "stream": routes.STREAM,
        "prompt": usage.PROMPT,
        "generated": usage.GENERATED,
        "estimated": usage.ESTIMATED,
        "uncounted": usage.UNCOUNTED,
        "per_token": usage.BYTES_PER_TOKEN,
        "usual": usage.USUAL_TOKENS,
        "bytes": ATTACHMENT_BYTES,
        "silent": lua_set(usage.WITHOUT_ANSWER),
        "unused": lua_set(usage.WITHOUT_MODEL),
        "most": _quoted(usage.ANSWER_BOUNDS),
        "response": _quoted(usage.RESPONSE_BOUNDS),
        "counts": _quoted(usage.ANSWER_COUNTS),
        "reserved": usage.RESERVED,
        "prompts": OF_PROMPTS if charged else "",
        "hash": hashed if balancing.policy == "PrefixAffinity" else "",
    }
    return ATTACHED + (PROMPTS if charged else "") + on_request + usage.ON_RESPONSE


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _model() -> Raw:
    numbers = [
        _found(name, type="NUMBER") for name in (*usage.ANSWER_BOUNDS, *usage.RESPONSE_BOUNDS, *usage.ANSWER_COUNTS)
    ]
    rules = [_found(routes.MODEL, type="STRING"), _found(routes.STREAM), *numbers]
    return {"request_rules": {"rules": rules, "allow_content_types_regex": {"regex": JSON}}}


def _found(key: str, **kind: str) -> Raw:
    on_present = {"metadata_namespace": routes.METADATA, "key": key, **kind}
    return {"selectors": [{"key": key}], "on_present": on_present}
