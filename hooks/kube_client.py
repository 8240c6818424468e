"""The way to the API server: with KUBECONFIG where that is set, else as the pod's own service account."""

import os
from typing import Any

from kubernetes import client, config

from aimlib.errors import UnavailableError


class ApiServerError(UnavailableError):
    """The API server did not do what it was requested to do; the message says what and why."""


def connected() -> Any:  # noqa: ANN401 - the client is not typed
    """A client of the Kubernetes API. ConfigException where there is neither a kubeconfig nor a service account."""
    own = client.Configuration()
    if place := os.environ.get("KUBECONFIG"):
        config.load_kube_config(place, client_configuration=own)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(client_configuration=own)  # type: ignore[no-untyped-call]
        own.proxy = None  # the proxies in the environment lead to the hub
    own.retries = False  # whoever asks knows how often to try
    return client.ApiClient(own)


def worded(error: Exception) -> str:
    """Why a question had no answer."""
    if isinstance(error, client.ApiException):
        return f"the API server returned {error.status} {error.reason}"
    return str(error)
