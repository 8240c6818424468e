"""The client of the API server: with KUBECONFIG where that is set, else with the pod's service account."""

import os
from typing import Any

from kubernetes import client, config

from aimlib.errors import UnavailableError


class ApiServerError(UnavailableError):
    """The API server did not do what it was requested to do; the message says what and why."""


def api_client() -> Any:  # noqa: ANN401 - the client is not typed
    """Creates a client of the Kubernetes API. ConfigException without a kubeconfig and a service account."""
    configuration = client.Configuration()
    if path := os.environ.get("KUBECONFIG"):
        config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.proxy = None  # the proxies in the environment lead to the hub
    configuration.retries = False  # callers retry themselves
    return client.ApiClient(configuration)


def error_message(error: Exception) -> str:
    """The message of a failed request."""
    if isinstance(error, client.ApiException):
        return f"the API server returned {error.status} {error.reason}"
    return str(error)
