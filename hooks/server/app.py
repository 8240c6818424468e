"""The hook server: parses requests, calls the pure hooks, sets transition times, and logs decisions.

Only a response with status 200 changes the cluster. In doubt it is another status with a message, which Metacontroller
shows as an event of the object; tracebacks are only logged.
"""

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from pydantic_core import from_json, to_json
from werkzeug.exceptions import HTTPException

from aimlib.config import Config, ConfigError
from aimlib.data import load_data
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.metacontroller import parse_request as parsed
from aimlib.protocol.observed import condition_of
from aimlib.schema.settings import read_config
from hooks import device_slice, inventory, model, node, recipe
from hooks.cache import hook as cache
from hooks.endpoint import hook as endpoint
from hooks.gateway import hook as gateway
from hooks.observability import metrics
from hooks.observability.changes import OTHER
from hooks.observability.logs import ID_HEADER, audit_logger, logger, request_id
from hooks.observability.record import record
from hooks.observability.writes import writes_nothing
from hooks.server import shutdown
from hooks.server.answer import REFUSAL
from hooks.server.auth import ALLOW_ALL, Clients
from hooks.server.body_rules import body_rules
from hooks.server.limits import MAX_BODY
from hooks.server.observers.enabled import Observe, catalogue, observers, quota_reader
from hooks.server.transition_times import with_transition_times
from hooks.server.version import release
from hooks.server.webhooks import blueprint, webhooks

Hook = Callable[[Request], dict[str, Any]]


def hooks(config: Config) -> dict[str, Hook]:
    """The hooks by path."""
    return {
        "/cache/customize": cache.customize,
        "/cache/sync": partial(cache.sync, config=config),
        "/endpoint/customize": endpoint.customize,
        "/endpoint/sync": partial(endpoint.sync, config=config),
        "/gateway/customize": gateway.customize,
        "/gateway/sync": partial(gateway.sync, config=config),
        "/model/customize": model.customize,
        "/model/sync": partial(model.sync, config=config),
        "/recipe/sync": partial(recipe.sync, config=config),
        "/node/sync": partial(node.sync, config=config),
        "/slice/customize": device_slice.customize,
        "/slice/sync": partial(device_slice.sync, config=config),
        "/inventory/customize": inventory.customize,
        "/inventory/sync": partial(inventory.sync, config=config),
    }


def call_hook(
    hook: Hook, body: bytes, now: datetime, observe: Observe | None = None, clients: Clients = ALLOW_ALL
) -> tuple[Request | None, dict[str, Any], int]:
    """Calls a hook; returns the parsed request, the response and its HTTP status."""
    try:
        decoded = from_json(body)
        if refusal := clients.refusal(decoded):
            return None, {"error": refusal}, 401
        hook_request = parsed(decoded, now)
    except BadRequestError as error:
        return None, {"error": str(error)}, 400
    except ValueError as error:
        return None, {"error": f"the body is not JSON: {error}"}, 400
    try:
        hook_request = observe(hook_request) if observe else hook_request
        response = hook(hook_request)
        if response.get("status"):
            response["status"] = with_transition_times(response["status"], hook_request)
    except BadRequestError as error:
        return hook_request, {"error": str(error)}, 422
    except Exception:  # noqa: BLE001 - any error is a 500, which changes nothing, and is logged
        logger().exception("hook failed", extra={"facts": _object_facts(hook_request)})
        return hook_request, {"error": "internal error; see the hook server's log"}, 500
    return hook_request, response, 200


def _object_facts(hook_request: Request | None) -> dict[str, Any]:
    if hook_request is None:
        return {}
    metadata = hook_request.parent["metadata"]
    return {
        "kind": hook_request.parent.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "generation": metadata.get("generation"),
    }


def _decision_facts(response: dict[str, Any]) -> dict[str, Any]:
    """The decision in a response, for the log."""
    status = response.get("status") or {}
    chosen = status.get("selectedRecipe") or {}
    ready = condition_of(status, "Ready")
    return {
        "phase": status.get("phase"),
        "reason": ready.get("reason"),
        "decision": status.get("message"),
        "recipe": chosen.get("name"),
        "children": len(response["children"]) if "children" in response else None,
        "error": response.get("error"),
    }


def _level(hook_request: Request | None, response: dict[str, Any], code: int) -> int:
    """The level of a request's line: a thousand syncs an hour that change nothing are nobody's reading."""
    if hook_request is None or code != HTTPStatus.OK:
        return logging.ERROR
    return logging.DEBUG if writes_nothing(hook_request, response) else logging.INFO


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application. Settings come from the file named by AIM_CONFIG unless they are given."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    settings = config or read_config(
        os.environ.get("AIM_CONFIG"),
        downloader_image=os.environ.get("AIM_DOWNLOADER_IMAGE"),
        gateway_agent_image=os.environ.get("AIM_GATEWAY_AGENT_IMAGE"),
    )
    load_data("hardware")  # parsed now, so that the first request does not wait
    log, paths, version = logger(), hooks(settings), release()
    log.setLevel(settings.log_level.upper())
    observing = observers(os.environ)
    clients = Clients(os.environ.get("AIM_CALLERS"), os.environ.get("AIM_ADMISSION_PORT"))
    read_catalogue = app.extensions["catalogue"] = catalogue(os.environ.get("AIM_OBSERVE", ""))
    tell = event_sender(os.environ.get("AIM_EVENTS", ""))
    audit_logger()  # created before there are threads
    metrics.BUILD_INFO.labels(version).set(1)
    metrics.show_prices(settings.token_prices)

    def serve(path: str, hook: Hook) -> Response:
        body = request.get_data(cache=False)
        in_flight = metrics.HOOKS_IN_FLIGHT.labels(path).track_inprogress()
        with in_flight, request_id(request.headers.get(ID_HEADER), body) as own_id:
            return call(path, hook, body, own_id)

    def call(path: str, hook: Hook, body: bytes, own_id: str) -> Response:
        started = time.perf_counter()
        hook_request, response, code = call_hook(hook, body, datetime.now(UTC), observing.get(path), clients)
        text = to_json(response if code == HTTPStatus.OK else {**response, "request": own_id})
        seconds = time.perf_counter() - started
        metrics.HOOK_REQUESTS.labels(path, code).inc()
        metrics.HOOK_SECONDS.labels(path).observe(seconds)
        metrics.HOOK_BYTES.labels(path).observe(len(body))
        if hook_request and code == HTTPStatus.OK:
            record(hook_request, response, version)
            tell(hook_request, response.get("status"))
        else:
            metrics.count_error(path, code)
        facts = (
            {"hook": path, "code": code, "ms": round(seconds * 1000, 2)}
            | _object_facts(hook_request)
            | _decision_facts(response)
        )
        log.log(_level(hook_request, response, code), "hook", extra={"facts": facts})
        return Response(text, status=code, mimetype="application/json", headers={ID_HEADER: own_id})

    def refused(error: HTTPException) -> tuple[dict[str, str], int, dict[str, str]]:
        """The response to a wrong path or method, or to a body of which the rest is not read (`REFUSAL`)."""
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        path = request.path if request.path in paths else OTHER
        metrics.HOOK_REQUESTS.labels(path, code).inc()
        metrics.count_error(path, code)
        message = f"{error.name}: {error.description}"
        with request_id(request.headers.get(ID_HEADER), f"{path} {message}".encode()) as own_id:
            if path in paths:
                log.error("hook", extra={"facts": {"hook": path, "code": code, "error": message}})
        retry = {"Retry-After": "1"} if code == HTTPStatus.TOO_MANY_REQUESTS else {}
        return {"error": message, "request": own_id}, code, {ID_HEADER: own_id, **retry}

    app.before_request(partial(_check, clients))
    app.extensions["body_rule"] = body_rules(paths, webhooks(settings, read_catalogue), clients)
    for path, hook in paths.items():
        app.add_url_rule(path, path, partial(serve, path, hook), methods=["POST"])
    app.register_blueprint(blueprint(settings, read_catalogue, quota_reader(os.environ)))
    app.register_error_handler(HTTPException, refused)
    for path, answer in PLAIN.items():
        app.add_url_rule(path, path, answer)
    return app


def event_sender(setting: str) -> Callable[[Request, object], None]:
    """What sends Events, where AIM_EVENTS is `true`; ConfigError where it is neither that nor `false`."""
    if setting not in {"", "true", "false"}:
        raise ConfigError(f"AIM_EVENTS must be true or false; it is {setting}")
    if setting != "true":
        return lambda _request, _status: None
    from hooks.server.events import EventSender  # noqa: PLC0415 - imports the Kubernetes client

    return EventSender().tell


def _check(clients: Clients) -> None:
    """Refuses what is not for this port, has no token in its path, or was refused before its body was read."""
    clients.check_path(request.path, request.environ["SERVER_PORT"])
    if refusal := request.environ.get(REFUSAL):
        raise refusal


def _ready() -> Response:
    """The readiness probe: not ready during shutdown."""
    if shutdown.has_begun():
        return Response("stopping\n", status=HTTPStatus.SERVICE_UNAVAILABLE, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


def _metrics() -> Response:
    text, kind = metrics.exposition()
    return Response(text, content_type=kind)


PLAIN: dict[str, Callable[[], Response]] = {
    "/healthz": lambda: Response("ok\n", mimetype="text/plain"),
    "/readyz": _ready,
    "/metrics": _metrics,
}
"""What is answered to GET, by path."""
