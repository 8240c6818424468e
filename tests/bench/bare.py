"""The least that a hook server can do: parse the same JSON and answer `{}`, with the same Flask and gunicorn."""

import json

from flask import Flask, Response, request

from hooks.server.limits import MAX_BODY, BodyBudget, BodyRule


def create_app() -> Flask:
    """Any POST is parsed and answered with an empty object."""
    app = Flask(__name__)

    def serve(path: str) -> Response:  # noqa: ARG001 - Flask hands it over
        json.loads(request.get_data(cache=False))
        return Response("{}", mimetype="application/json")

    app.extensions["catalogue"] = lambda: None  # the settings of gunicorn call it when a worker starts
    rule = BodyRule(MAX_BODY, BodyBudget())
    app.extensions["body_rule"] = lambda *_: rule  # the worker calls it with every head
    app.add_url_rule("/<path:path>", "serve", serve, methods=["POST"])
    return app
