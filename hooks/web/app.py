"""The web page's server: routes, what they read, and the pages that they render. It is read-only.

`gunicorn 'hooks.web.app:create_page()'`; the arguments are in manifests/components/web-page.
"""

import os
from collections.abc import Callable
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from flask import Flask, Response, abort, render_template, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from aimlib.api.formats import NAMESPACE, OBJECT_NAME
from aimlib.config import Config
from aimlib.errors import InvalidInputError
from aimlib.printable import printable
from aimlib.schema.settings import read_config
from hooks.planning.model_summary import summarize_models
from hooks.web import what_if
from hooks.web.chat import ChatError, ChatRelay, InvalidChatError, gateway_address, read_conversation, read_key
from hooks.web.endpoint_view import endpoint_view
from hooks.web.fleet import ENDPOINT_PHASES, fleet_of
from hooks.web.model_view import model_view
from hooks.web.protection import protection, with_headers
from hooks.web.reader import ClusterReader, UnreadableError
from hooks.web.what_if import PlanningCatalogue

MOST_BODY = 512 * 1024
"""Bytes of a form, in which a character takes up to three times what it takes in a text."""
LONGEST_TEXT = 200_000
"""Characters that a page shows of one text."""
PLANS_AT_ONCE = 2
PLAN_WAIT_SECONDS = 10.0
"""How long a request waits for its turn to plan."""
FILE_SECONDS = 3600


class WebPages:
    """The pages, by what they need: a reader of the cluster, and the operator's settings."""

    def __init__(self, reader: ClusterReader, config: Config) -> None:
        self.reader, self.config = reader, config
        self._planning = BoundedSemaphore(PLANS_AT_ONCE)

    def fleet(self) -> str:
        namespace, phase = request.args.get("namespace", ""), request.args.get("phase", "")
        known = phase in {"", *ENDPOINT_PHASES, "Unknown"}
        if not known or (namespace and not NAMESPACE.matches(namespace)):
            abort(HTTPStatus.NOT_FOUND)
        listed = self.reader.objects("aimendpoints", namespace or None)
        fleet = fleet_of(self.reader.inventory(), listed.items, phase or None)
        return render_template("fleet.html", fleet=fleet, listed=listed, namespace=namespace, phase=phase)

    def endpoint(self, namespace: str, name: str) -> str:
        if not NAMESPACE.matches(namespace) or not OBJECT_NAME.matches(name):
            abort(HTTPStatus.NOT_FOUND)
        found = self.reader.endpoint(namespace, name)
        recipes = self.reader.objects("aimrecipes").items
        view = endpoint_view(found, recipes, self.reader.events(namespace, name))
        return render_template("endpoint.html", view=view)

    def models(self) -> str:
        catalogue = self._catalogue()
        classes = (catalogue.inventory.get("status") or {}).get("classes") or ()
        rows = summarize_models(catalogue.recipes, catalogue.models, {one["product"] for one in classes})
        return render_template("models.html", rows=rows)

    def model(self, model: str) -> str:
        listed = self.reader.objects("aimendpoints")
        catalogue = self._catalogue()
        try:
            view = self._planned(lambda: model_view(model, listed.items, catalogue, self.config))
        except InvalidInputError:
            abort(HTTPStatus.NOT_FOUND)
        return render_template("model.html", view=view, truncated=listed.truncated)

    def plan(self) -> tuple[str, int]:
        """The form, and what it results in once a model is stated."""
        hardware = [one for one in request.args.getlist("hardware") if one][: len(what_if.gpu_products(self.config))]
        if not request.args.get("model"):
            return self._plan_page((), "", HTTPStatus.OK)
        return self._answered(lambda: [what_if.plan_form(request.args, hardware, self._catalogue(), self.config)], "")

    def plan_text(self) -> tuple[str, int]:
        """What becomes of a text."""
        text = request.form.get("manifest", "").replace("\r\n", "\n")  # as browsers send lines
        return self._answered(lambda: what_if.plan_text(text, self._catalogue(), self.config), text)

    def _answered(self, plan: Callable[[], list[what_if.PlanAnswer]], text: str) -> tuple[str, int]:
        try:
            return self._plan_page(self._planned(plan), text, HTTPStatus.OK)
        except InvalidInputError as error:
            return self._plan_page((), text, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    def _plan_page(self, answers: Any, text: str, code: int, error: str = "") -> tuple[str, int]:  # noqa: ANN401
        page = render_template(
            "plan.html",
            answers=answers,
            manifest=text,
            error=error,
            form=request.args,
            hardware=request.args.getlist("hardware"),
            products=what_if.gpu_products(self.config),
            numbers=what_if.NUMBERS,
            precisions=what_if.PRECISIONS,
            goals=what_if.GOALS_OF_FORM,
        )
        return page, code

    def _planned(self, plan: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the plan returns
        """Plans in turn: each takes a processor for a while."""
        if not self._planning.acquire(timeout=PLAN_WAIT_SECONDS):
            abort(HTTPStatus.SERVICE_UNAVAILABLE, "others are planning: try again in a moment")
        try:
            return plan()
        finally:
            self._planning.release()

    def _catalogue(self) -> PlanningCatalogue:
        recipes, models = (self.reader.objects(plural).items for plural in ("aimrecipes", "aimmodels"))
        return PlanningCatalogue(self.reader.inventory(), recipes, models)


def create_page(reader: ClusterReader | None = None, config: Config | None = None) -> Flask:
    """The WSGI application. Settings come from AIM_CONFIG, and from AIM_WEB_HOSTS and AIM_WEB_GATEWAY. ConfigError."""
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY, MAX_FORM_MEMORY_SIZE=MOST_BODY, MAX_FORM_PARTS=100)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = FILE_SECONDS
    app.jinja_env.finalize = shown_value
    app.jinja_env.undefined = StrictUndefined
    pages = WebPages(reader or ClusterReader(), config or read_config(os.environ.get("AIM_CONFIG")))
    check = protection(os.environ.get("AIM_WEB_HOSTS", "").split())

    @app.before_request
    def _check() -> None:
        check(request)

    app.after_request(with_headers)
    app.register_error_handler(HTTPException, _error_page)
    app.register_error_handler(UnreadableError, _unreadable_page)
    app.add_url_rule("/", view_func=pages.fleet)
    app.add_url_rule("/endpoints/<namespace>/<name>", view_func=pages.endpoint)
    app.add_url_rule("/models", view_func=pages.models)
    app.add_url_rule("/models/<path:model>", view_func=pages.model)
    app.add_url_rule("/plan", view_func=pages.plan)
    app.add_url_rule("/plan", view_func=pages.plan_text, methods=["POST"])
    gateway = os.environ.get("AIM_WEB_GATEWAY", "")
    app.context_processor(lambda: {"gateway": gateway})
    if gateway:
        relay = ChatRelay(gateway_address(gateway))
        app.add_url_rule("/chat", "chat", lambda: render_template("chat.html"))
        app.add_url_rule("/chat/completions", "completions", lambda: _completions(relay), methods=["POST"])
    app.add_url_rule("/healthz", "healthz", lambda: Response("ok\n", mimetype="text/plain"))
    return app


def _completions(relay: ChatRelay) -> Response | tuple[dict[str, str], int]:
    """A visitor's conversation, passed on to the gateway with the key that came with it."""
    try:
        key, conversation = read_key(request.headers.get("Authorization")), read_conversation(request.get_data())
        return Response(relay.answer(conversation, key), mimetype="text/event-stream")
    except InvalidChatError as error:
        return {"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY
    except ChatError as error:
        return {"error": str(error)}, error.code


def shown_value(value: object) -> object:
    """What a page shows of a value: texts without control characters, and not without end; nothing for None."""
    if type(value) is str:  # Markup, which templates made, is not
        return printable(value, LONGEST_TEXT, newlines=True)
    return "" if value is None else value


def _error_page(error: HTTPException) -> tuple[str, int]:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    return render_template("error.html", title=error.name, message=error.description), code


def _unreadable_page(error: UnreadableError) -> tuple[str, int]:
    hints = {
        HTTPStatus.NOT_FOUND: "There is no such object, or its kind is not installed.",
        HTTPStatus.FORBIDDEN: "The account of this page may not read that.",
    }
    hint = hints.get(HTTPStatus(error.code), "The API server could not be read; try again in a moment.")
    return render_template("error.html", title=hint, message=str(error)), error.code
