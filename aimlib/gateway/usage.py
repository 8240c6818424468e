"""Who has used what: requests and tokens by client and model, counted by Envoy from the answers that pass.

An answer is not held up for it: its pieces are searched for `usage` as they pass. Numbers in streams are sums up to
there: the last one of the answer counts, and the largest of the prompt, of which a later event may have nothing. Tokens
that were in the KV cache are a part of it; messages have those apart. Where an answer has no usage, as most streams,
there is an estimate, and the metric has the label `estimated`: a token of the prompt for every four bytes of the
request, a generated one for every event of the stream.
"""

from aimlib.api.meta import Raw
from aimlib.gateway.keys import CLIENT

USED = "aim"
"""Where the script puts its numbers."""
PROMPT, GENERATED, ESTIMATED, RESERVED = "prompt_tokens", "generated_tokens", "estimated", "reserved"
UNCOUNTED = "uncounted"
"""Of a request whose answer is not searched."""
ANSWER_BOUNDS, RESPONSE_BOUNDS = ("max_completion_tokens", "max_tokens"), ("max_output_tokens",)
"""Fields of a request by which it bounds its answer: of chats, completions and messages, and of responses. Engines
ignore those of another API, so that such a one bounds nothing."""
USUAL_TOKENS = 1024
"""Reserved for an answer that the request does not bound."""
WITHOUT_ANSWER = ("embeddings", "rerank", "score", "classify", "pooling")
"""Ends of paths at which engines generate no token."""
WITHOUT_MODEL = ("count_tokens", "tokenize", "detokenize")
"""The same of paths at which they use no GPU: what they tell of tokens is not used."""
BYTES_PER_TOKEN = 4
"""Of English text in JSON; other languages take fewer bytes, code more."""
ANSWER_COUNTS = ("n", "best_of")
"""Fields of a request by which it has several answers, each as long as it bounds them."""
SPLIT_BYTES = 256
"""Of a piece of an answer, which are searched again with the next: a number may be in two pieces."""
MOST_COUNTED = 10_000_000
"""Of one answer: a model server may state any number, and a sum that is too large would begin at 0 again."""
EVENTS_BETWEEN = 8
"""A stream that breaks off is counted as far as this many events ago."""
COUNTED = "aim_gateway"
"""How the names of the metrics begin, after Envoy's own prefix."""

ON_RESPONSE = f"""
function envoy_on_response(handle)
  local kind = handle:headers():get("content-type") or ""
  local streams = string.find(kind, "text/event-stream", 1, true)
  if handle:headers():get(":status") ~= "200" or not (streams or string.find(kind, "json", 1, true)) then return end
  if (handle:streamInfo():dynamicMetadata():get("{USED}") or {{}})["{UNCOUNTED}"] then return end
  -- What is asked for before a piece is gone after it.
  local function set(name, value) handle:streamInfo():dynamicMetadata():set("{USED}", name, value) end
  local function last(text, name) return string.match(text, '^.*"' .. name .. '"%s*:%s*(%d+)') end
  local tail, feeds, events, told, prompt, generated, total = "", "", 0, 0, nil, nil, nil
  for chunk in handle:bodyChunks() do
    local text = chunk:getBytes(0, chunk:length())
    local joined = tail .. text
    tail = string.sub(joined, -{SPLIT_BYTES})
    if string.find(joined, '_tokens"', 1, true) then
      local found = last(joined, "prompt_tokens") or last(joined, "input_tokens")
      if found then
        local read, made = last(joined, "cache_read_input_tokens"), last(joined, "cache_creation_input_tokens")
        prompt = math.max(prompt or 0, tonumber(found) + tonumber(read or 0) + tonumber(made or 0))
      end
      generated = last(joined, "completion_tokens") or last(joined, "output_tokens") or generated
      total = last(joined, "total_tokens") or total
    end
    if streams then
      -- An event ends with an empty line, by \\n\\n or \\r\\n\\r\\n, which may be in two pieces.
      local lines = feeds .. string.gsub(text, "\\r", "")
      events = events + select(2, string.gsub(lines, "\\n\\n", ""))
      feeds = string.sub(lines, -1) == "\\n" and string.sub(lines, -2) ~= "\\n\\n" and "\\n" or ""
      if events - told >= {EVENTS_BETWEEN} then
        told = events
        set("{GENERATED}", events - 1)
      end
    end
  end
  -- Rerankers of some versions tell the total alone.
  prompt = prompt or total and math.max(tonumber(total) - tonumber(generated or 0), 0)
  if prompt then
    set("{PROMPT}", math.min(prompt, {MOST_COUNTED}))
    set("{GENERATED}", math.min(tonumber(generated or 0), {MOST_COUNTED}))
    set("{ESTIMATED}", "false")
  elseif streams then
    set("{GENERATED}", math.max(events - 2, 0))
  end
end
"""
"""What an engine wrote itself cannot be taken for `usage`: within a text its quotation marks have a backslash."""


def access_logs(only: Raw | None = None) -> list[Raw]:
    """The counters, as Envoy has them: access logs whose lines are added to metrics; of these requests, if stated."""
    of_request = [
        _tag("client", f"%REQ({CLIENT})%"),
        _tag("model", "%ROUTE_NAME%"),
        _tag("target", "%UPSTREAM_CLUSTER%"),
    ]
    estimated = _tag("estimated", f"%DYNAMIC_METADATA({USED}:{ESTIMATED})%")
    requests = {"stat": _stat("requests", *of_request, _tag("code", "%RESPONSE_CODE%")), "value_fixed": 1}
    tokens = [
        {"stat": _stat(name, *of_request, estimated), "value_format": f"%DYNAMIC_METADATA({USED}:{name})%"}
        for name in (PROMPT, GENERATED)
    ]
    of_models = {"filter": USED, "path": [{"key": PROMPT}], "value": {"present_match": True}}
    with_tokens = {"metadata_filter": {"matcher": of_models, "match_if_key_not_found": False}}
    both = {"and_filter": {"filters": [with_tokens, only]}} if only else with_tokens
    return [
        _log("requests", [requests], {"filter": only} if only else {}),
        _log("tokens", tokens, {"filter": both}),
    ]


def _log(name: str, counters: list[Raw], more: Raw) -> Raw:
    kind = "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config"
    return {"name": name, **more, "typed_config": {"@type": kind, "stat_prefix": COUNTED, "counters": counters}}


def _stat(name: str, *tags: Raw) -> Raw:
    return {"name": name, "tags": list(tags)}


def _tag(name: str, value: str) -> Raw:
    return {"name": name, "value_format": value}
