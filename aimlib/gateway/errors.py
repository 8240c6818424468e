"""Errors in OpenAI's form, for what the gateway itself answers."""

import json
from typing import NamedTuple

from aimlib.api.meta import Raw


class Error(NamedTuple):
    """One of them."""

    status: int
    message: str
    type: str
    code: str
    param: str | None = None
    retry_seconds: int | None = None
    """For Retry-After."""

    @property
    def body(self) -> str:
        """The JSON of the answer."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": error})


NO_MODEL = Error(
    400, "the body has no model: it is read as JSON with Content-Type: application/json; other bodies go to"
    " /models/NAME/v1/", "invalid_request_error", "missing_model", "model",
)  # fmt: skip
COMPRESSED = Error(
    415, "the body is compressed, by its Content-Encoding: send it as it is", "invalid_request_error",
    "unsupported_encoding",
)  # fmt: skip
UNKNOWN_MODEL = Error(
    404, "there is no model of that name here; GET /v1/models lists those there are", "invalid_request_error",
    "model_not_found", "model",
)  # fmt: skip
FORBIDDEN_MODEL = Error(403, "this key may not use this model", "permission_error", "model_not_allowed", "model")
UNKNOWN_PATH = Error(404, "there is no such path", "invalid_request_error", "unknown_url")

TOO_MANY_AT_ONCE = Error(
    429, "this key has as many requests at once as it may", "rate_limit_error", "too_many_at_once", None, 1
)
TOO_MANY_WAIT = Error(
    429, "too many requests wait for models that are not ready yet", "rate_limit_error", "too_many_waiting", None, 10
)
SUSPENDED_MODEL = Error(
    503, "the model is suspended: no request starts it", "server_error", "model_suspended", None, 300
)
NOT_READY = Error(503, "the model is not ready yet", "server_error", "model_unavailable", None, 30)

LOCAL = (
    Error(
        401,
        "the request has no valid API key: Authorization: Bearer KEY, or x-api-key: KEY",
        "authentication_error",
        "invalid_api_key",
    ),
    Error(408, "the request did not arrive in time", "invalid_request_error", "request_timeout"),
    Error(413, "the request is larger than this gateway takes", "invalid_request_error", "request_too_large"),
    Error(429, "this key has used what it may for now", "rate_limit_error", "rate_limit_exceeded", None, 5),
    Error(431, "the headers are larger than this gateway takes", "invalid_request_error", "headers_too_large"),
    Error(502, "the model's answer is no HTTP", "server_error", "bad_gateway"),
    Error(503, "no replica of this model answers now", "server_error", "model_unavailable", None, 5),
    Error(504, "the model did not answer in time", "server_error", "timeout", None, 5),
)
"""What Envoy answers by itself, by status. Engines' own answers pass as they are."""


DETAILED = (
    (
        Error(400, "the request is no valid HTTP", "invalid_request_error", "malformed_request"),
        "!(response.code_details in ['direct_response', 'lua_response'])",
    ),
    (
        Error(403, "this gateway takes no upgrades: no WebSocket", "invalid_request_error", "upgrade_not_supported"),
        "response.code_details == 'upgrade_failed'",
    ),
)
"""The same of statuses that routes answer with, too: an expression of attributes tells Envoy's own answers."""


def direct(error: Error) -> Raw:
    """The parts of a route that answers with it."""
    return json_answer(error.status, error.body)


def json_answer(status: int, body: str) -> Raw:
    """The parts of a route that answers with this JSON."""
    return {
        "direct_response": {"status": status, "body": {"inline_string": body}},
        "response_headers_to_add": [header("content-type", "application/json")],
    }


def header(name: str, value: str) -> Raw:
    """A header to set."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def local_replies() -> Raw:
    """The `local_reply_config` of a connection manager. Envoy's own answer to one request too many is a 503."""
    overflow = {"response_flag_filter": {"flags": ["UO"]}}
    first = {**_mapper(TOO_MANY_AT_ONCE, overflow), "status_code": TOO_MANY_AT_ONCE.status}
    told = (_mapper(one, _told(f"response.code == {one.status} && {details}")) for one, details in DETAILED)
    return {"mappers": [first, *(_mapper(one, _is(one.status)) for one in LOCAL), *told]}


def _is(status: int) -> Raw:
    comparison = {"op": "EQ", "value": {"default_value": status, "runtime_key": f"aim.{status}"}}
    return {"status_code_filter": {"comparison": comparison}}


def _told(expression: str) -> Raw:
    kind = "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {"extension_filter": {"name": "details", "typed_config": {"@type": kind, "expression": expression}}}


def _mapper(error: Error, which: Raw) -> Raw:
    found: Raw = {
        "filter": which,
        "body_format_override": {
            "text_format_source": {"inline_string": error.body},
            "content_type": "application/json",
        },
    }
    if error.retry_seconds:
        found["headers_to_add"] = [header("retry-after", str(error.retry_seconds))]
    return found
