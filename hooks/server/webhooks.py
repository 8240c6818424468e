"""The routes of the admission webhooks, with metrics and a line of the log for each request.

In doubt the response has another status than 200 and a message, which the API server logs before it admits the object
(failurePolicy: Ignore).
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from pydantic_core import from_json, to_json

from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.protocol.admission_review import AdmissionRequest, AdmissionResponse, parse_review, review_response
from aimlib.protocol.metacontroller import BadRequestError
from hooks.endpoint import admission
from hooks.endpoint.admission import Catalogue, Quotas, no_quotas
from hooks.observability import metrics
from hooks.observability.logs import ID_HEADER, logger, request_id

ReadCatalogue = Callable[[], Catalogue | None]
"""Returns the present catalogue; None while it is unknown."""
Webhook = Callable[[AdmissionRequest], AdmissionResponse]

MAX_REVIEW = 8 * 2**20
"""Bytes of an AdmissionReview: the API server accepts objects of up to 3 MiB, and adds the stored one."""
BAD_REQUEST = "BadRequest"
"""The verdict on a body that is no AdmissionReview."""
FAILED = "Failed"
"""The verdict after an internal error."""


def webhooks(config: Config, read_catalogue: ReadCatalogue, quotas: Quotas = no_quotas) -> dict[str, Webhook]:
    """The webhooks by path, without its last element, the client's token, which is checked before."""

    def validate(parsed: AdmissionRequest, *, enforce: bool) -> AdmissionResponse:
        return admission.validate(parsed, read_catalogue(), config, enforce=enforce, quotas=quotas)

    return {
        "/admission/endpoints/validate/warn": partial(validate, enforce=False),
        "/admission/endpoints/validate/enforce": partial(validate, enforce=True),
        "/admission/endpoints/mutate": admission.label,
    }


def call_webhook(webhook: Webhook, body: bytes) -> tuple[AdmissionRequest | None, str, dict[str, Any], int]:
    """Calls a webhook; returns the parsed review, the verdict, the response and its HTTP status."""
    try:
        parsed = parse_review(from_json(body))
    except BadRequestError as error:
        return None, BAD_REQUEST, {"error": str(error)}, 400
    except ValueError as error:
        return None, BAD_REQUEST, {"error": f"the body is not JSON: {error}"}, 400
    try:
        result = webhook(parsed)
        return parsed, result.verdict, review_response(parsed, result), 200
    except Exception:  # noqa: BLE001 - any error is a 500: the object is admitted, and the error logged
        logger().exception("admission failed", extra={"facts": _object_facts(parsed.object)})
        return parsed, FAILED, {"error": "internal error; see the hook server's log"}, 500


def _object_facts(raw: Raw) -> dict[str, Any]:
    metadata = raw["metadata"]
    return {
        "kind": raw["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name") or metadata.get("generateName"),
    }


def blueprint(config: Config, read_catalogue: ReadCatalogue, quotas: Quotas = no_quotas) -> Blueprint:
    """The routes of the webhooks."""
    routes = Blueprint("admission", __name__)
    log = logger()

    def call(path: str, webhook: Webhook, token: str) -> Response:  # noqa: ARG001 - checked before
        request.max_content_length = MAX_REVIEW
        body = request.get_data(cache=False)
        with request_id(request.headers.get(ID_HEADER), body) as own_id:
            return call_with(path, webhook, body, own_id)

    def call_with(path: str, webhook: Webhook, body: bytes, own_id: str) -> Response:
        started = time.perf_counter()
        parsed, verdict, result, code = call_webhook(webhook, body)
        text = to_json(result if code == HTTPStatus.OK else {**result, "request": own_id})
        seconds = time.perf_counter() - started
        name = path.removeprefix("/admission/")
        metrics.ADMISSION_REQUESTS.labels(name, verdict).inc()
        metrics.ADMISSION_SECONDS.labels(name).observe(seconds)
        messages = {"error": result.get("error")} if "error" in result else _messages(result["response"])
        facts = {"webhook": name, "verdict": verdict, "code": code, "ms": round(seconds * 1000, 2)}
        facts |= (_object_facts(parsed.object) if parsed else {}) | messages
        log.log(logging.INFO if code == HTTPStatus.OK else logging.ERROR, "admission", extra={"facts": facts})
        return Response(text, status=code, mimetype="application/json", headers={ID_HEADER: own_id})

    for path, webhook in webhooks(config, read_catalogue, quotas).items():
        routes.add_url_rule(f"{path}/<token>", path.replace("/", "-"), partial(call, path, webhook), methods=["POST"])
    return routes


def _messages(result: Raw) -> dict[str, Any]:
    """The messages of a response, for the log."""
    return {"refusal": result.get("status", {}).get("message"), "warnings": result.get("warnings")}
