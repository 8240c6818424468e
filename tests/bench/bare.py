"""The least that a hook server can do: parse the same JSON and answer `{}`, with the same Flask and gunicorn."""

import json

from flask import Flask, Response, request


def create_app() -> Flask:
    """Any POST is parsed and answered with an empty object."""
    app = Flask(__name__)

    def serve(path: str) -> Response:  # noqa: ARG001 - Flask hands it over
        json.loads(request.get_data(cache=False))
        return Response("{}", mimetype="application/json")

    app.extensions["catalogue"] = lambda: None  # the settings of gunicorn call it when a worker starts
    app.add_url_rule("/<path:path>", "serve", serve, methods=["POST"])
    return app
