"""The admission webhooks as the API server calls them: routes, what is counted of them, and a line of the log each.

An answer is always about the question; whatever is in doubt is answered with another code than 200 and a sentence,
which the API server logs, and lets the object in (failurePolicy: Ignore).
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
from hooks.endpoint.admission import Catalogue
from hooks.observability import metrics
from hooks.observability.logs import logger
from hooks.server.limits import Room, arrivals, size

Knows = Callable[[], Catalogue | None]
"""What is known of the cluster at this moment."""
Webhook = Callable[[AdmissionRequest], AdmissionResponse]

MAX_REVIEW = 8 * 2**20
"""Bytes of a question: the API server takes objects of up to 3 MiB, and sends that which is stored along."""
REFUSED = "BadRequest"
"""The verdict on what is no question."""
FAILED = "Failed"
"""The verdict where there is none."""


def webhooks(config: Config, knows: Knows) -> dict[str, Webhook]:
    """The webhooks by path; the last element of the path, the caller's token, is asked for before they are."""

    def validate(asked: AdmissionRequest, *, enforce: bool) -> AdmissionResponse:
        return admission.validate(asked, knows(), config, enforce=enforce)

    return {
        "/admission/endpoints/validate/warn": partial(validate, enforce=False),
        "/admission/endpoints/validate/enforce": partial(validate, enforce=True),
        "/admission/endpoints/mutate": admission.label,
    }


def answer(webhook: Webhook, body: bytes) -> tuple[AdmissionRequest | None, str, dict[str, Any], int]:
    """The question, the verdict, the answer and its HTTP status."""
    try:
        asked = parse_review(from_json(body))
    except BadRequestError as error:
        return None, REFUSED, {"error": str(error)}, 400
    except ValueError as error:
        return None, REFUSED, {"error": f"the body is not JSON: {error}"}, 400
    try:
        said = webhook(asked)
        return asked, said.verdict, review_response(asked, said), 200
    except Exception:  # noqa: BLE001 - any surprise must be a 500: the object is let in, and the log has it
        logger().exception("admission failed", extra={"facts": _who(asked.object)})
        return asked, FAILED, {"error": "internal error; see the hook server's log"}, 500


def _who(raw: Raw) -> dict[str, Any]:
    metadata = raw["metadata"]
    return {
        "kind": raw["kind"],
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name") or metadata.get("generateName"),
    }


def blueprint(config: Config, knows: Knows) -> Blueprint:
    """The routes of the webhooks."""
    routes = Blueprint("admission", __name__)
    log, room = logger(), Room(2 * MAX_REVIEW)

    def serve(path: str, webhook: Webhook, token: str) -> Response:  # noqa: ARG001 - whoever calls was asked for it
        request.max_content_length = MAX_REVIEW
        with room.of(size(request, MAX_REVIEW)):
            return call(path, webhook)

    def call(path: str, webhook: Webhook) -> Response:
        started = time.perf_counter()
        body = request.get_data(cache=False)
        arrivals.arrived()
        asked, verdict, said, code = answer(webhook, body)
        text = to_json(said)
        took = time.perf_counter() - started
        name = path.removeprefix("/admission/")
        metrics.ADMISSIONS.labels(name, verdict).inc()
        metrics.ADMISSION_SECONDS.labels(name).observe(took)
        told = {"error": said.get("error")} if "error" in said else _told(said["response"])
        facts = {"webhook": name, "verdict": verdict, "code": code, "ms": round(took * 1000, 2)}
        facts |= (_who(asked.object) if asked else {}) | told
        log.log(logging.INFO if code == HTTPStatus.OK else logging.ERROR, "admission", extra={"facts": facts})
        return Response(text, status=code, mimetype="application/json")

    for path, webhook in webhooks(config, knows).items():
        routes.add_url_rule(f"{path}/<token>", path.replace("/", "-"), partial(serve, path, webhook), methods=["POST"])
    return routes


def _told(said: Raw) -> dict[str, Any]:
    """The words of an answer, for the log."""
    return {"refusal": said.get("status", {}).get("message"), "warnings": said.get("warnings")}
