"""The hook server: parses requests, calls the pure hooks, stamps times, and logs what was decided.

Only 200 changes anything in the cluster. Whatever is in doubt is answered with another code and a sentence, which
Metacontroller shows as an event of the object; a traceback goes to the log alone.
"""

import logging
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from flask import Flask, Response, request
from pydantic import ValidationError
from pydantic_core import from_json, to_json
from werkzeug.exceptions import HTTPException

from aimlib.config import Config, ConfigError
from aimlib.data import load_data
from aimlib.protocol.metacontroller import BadRequestError, Request
from aimlib.protocol.metacontroller import parse_request as parsed
from aimlib.protocol.observed import condition_of
from aimlib.schema.error_messages import validation_messages
from hooks import inventory, node, recipe
from hooks.cache import hook as cache
from hooks.endpoint import hook as endpoint
from hooks.observability import metrics
from hooks.observability.changes import OTHER
from hooks.observability.logs import audit_logger, logger
from hooks.observability.record import record
from hooks.server import shutdown
from hooks.server.auth import ANYBODY, Callers
from hooks.server.limits import MAX_BODY, Room, arrivals, size
from hooks.server.observers.enabled import Observe, catalogue, observers
from hooks.server.transition_times import stamp
from hooks.server.version import release
from hooks.server.webhooks import blueprint

Hook = Callable[[Request], dict[str, Any]]


def hooks(config: Config) -> dict[str, Hook]:
    """The hooks by path."""
    return {
        "/cache/customize": cache.customize,
        "/cache/sync": partial(cache.sync, config=config),
        "/endpoint/customize": endpoint.customize,
        "/endpoint/sync": partial(endpoint.sync, config=config),
        "/recipe/sync": recipe.sync,
        "/node/sync": node.sync,
        "/inventory/customize": inventory.customize,
        "/inventory/sync": inventory.sync,
    }


def read_config(path: str | None, downloader_image: str | None = None) -> Config:
    """The operator's settings from a YAML file; the defaults without one. ConfigError says what is wrong with it.

    The image of the downloads follows the release, like the server's own, unless the file names another.
    """
    usual = {"downloaderImage": downloader_image} if downloader_image else {}
    try:
        given = yaml.safe_load(Path(path).read_text(encoding="utf-8") if path else "") or {}
        return Config.model_validate({**usual, **given} if isinstance(given, dict) else given)
    except ValidationError as error:
        raise ConfigError(f"{path}: {'; '.join(validation_messages(error))}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}") from error


def answer(
    hook: Hook, body: bytes, now: datetime, observe: Observe | None = None, callers: Callers = ANYBODY
) -> tuple[Request | None, dict[str, Any], int]:
    """The parsed request, the answer and its HTTP status."""
    try:
        sent = from_json(body)
        if objection := callers.objection(sent):
            return None, {"error": objection}, 401
        asked = parsed(sent, now)
    except BadRequestError as error:
        return None, {"error": str(error)}, 400
    except ValueError as error:
        return None, {"error": f"the body is not JSON: {error}"}, 400
    try:
        asked = observe(asked) if observe else asked
        said = hook(asked)
        if said.get("status"):
            said["status"] = stamp(said["status"], asked)
    except BadRequestError as error:
        return asked, {"error": str(error)}, 422
    except Exception:  # noqa: BLE001 - any surprise must be a 500: nothing changes, and the log has it
        logger().exception("hook failed", extra={"facts": _who(asked)})
        return asked, {"error": "internal error; see the hook server's log"}, 500
    return asked, said, 200


def _who(asked: Request | None) -> dict[str, Any]:
    if asked is None:
        return {}
    metadata = asked.parent["metadata"]
    return {
        "kind": asked.parent.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "generation": metadata.get("generation"),
    }


def _decided(said: dict[str, Any]) -> dict[str, Any]:
    """What an answer says, in a few words for the log."""
    status = said.get("status") or {}
    chosen = status.get("selectedRecipe") or {}
    ready = condition_of(status, "Ready")
    return {
        "phase": status.get("phase"),
        "reason": ready.get("reason"),
        "decision": status.get("message"),
        "recipe": chosen.get("name"),
        "children": len(said["children"]) if "children" in said else None,
        "error": said.get("error"),
    }


def create_app(config: Config | None = None) -> Flask:
    """The WSGI application. Settings come from the file named by AIM_CONFIG unless they are given."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    settings = config or read_config(os.environ.get("AIM_CONFIG"), os.environ.get("AIM_DOWNLOADER_IMAGE"))
    load_data("hardware")  # read now what the first request would wait for
    log, paths, version = logger(), hooks(settings), release()
    room = Room()
    observing = observers(os.environ.get("AIM_OBSERVE", ""))
    callers = Callers(os.environ.get("AIM_CALLERS"), os.environ.get("AIM_ADMISSION_PORT"))
    audit_logger()  # made once, before there are threads
    metrics.BUILD.labels(version).set(1)

    def serve(path: str, hook: Hook) -> Response:
        with metrics.IN_FLIGHT.labels(path).track_inprogress(), room.of(size(request, MAX_BODY)):
            return call(path, hook)

    def call(path: str, hook: Hook) -> Response:
        started = time.perf_counter()
        body = request.get_data(cache=False)
        arrivals.arrived()
        asked, said, code = answer(hook, body, datetime.now(UTC), observing.get(path), callers)
        text = to_json(said)
        took = time.perf_counter() - started
        metrics.CALLS.labels(path, code).inc()
        metrics.SECONDS.labels(path).observe(took)
        metrics.BYTES.labels(path).observe(len(body))
        if asked and code == HTTPStatus.OK:
            record(asked, said, version)
        else:
            metrics.failed(path, code)
        facts = {"hook": path, "code": code, "ms": round(took * 1000, 2)} | _who(asked) | _decided(said)
        log.log(logging.INFO if code == HTTPStatus.OK else logging.ERROR, "hook", extra={"facts": facts})
        return Response(text, status=code, mimetype="application/json")

    def refused(error: HTTPException) -> tuple[dict[str, str], int, dict[str, str]]:
        """A wrong path or method, a body that is too large, or one for which there is no room now, in a sentence."""
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if code == HTTPStatus.TOO_MANY_REQUESTS:  # whoever still sends would not read the answer
            while request.stream.read(2**16):
                pass
        path = request.path if request.path in paths else OTHER
        metrics.CALLS.labels(path, code).inc()
        metrics.failed(path, code)
        return (
            {"error": f"{error.name}: {error.description}"},
            code,
            {"Retry-After": "1"} if code == HTTPStatus.TOO_MANY_REQUESTS else {},
        )

    app.before_request(lambda: callers.check_path(request.path, request.environ["SERVER_PORT"]))
    for path, hook in paths.items():
        app.add_url_rule(path, path, partial(serve, path, hook), methods=["POST"])
    known = app.extensions["catalogue"] = catalogue(os.environ.get("AIM_OBSERVE", ""))
    app.register_blueprint(blueprint(settings, known))
    app.register_error_handler(HTTPException, refused)
    app.add_url_rule("/healthz", "healthz", lambda: Response("ok\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", "readyz", _ready)
    app.add_url_rule("/metrics", "metrics", _metrics)
    return app


def _ready() -> Response:
    """Whether to send requests here: not while it is about to stop."""
    if shutdown.begun():
        return Response("stopping\n", status=HTTPStatus.SERVICE_UNAVAILABLE, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


def _metrics() -> Response:
    text, kind = metrics.exposition()
    return Response(text, content_type=kind)
