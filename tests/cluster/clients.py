"""Clients of the API server for threads beside the tests."""

from pathlib import Path

from kubernetes import client, config


def core(kubeconfig: Path) -> client.CoreV1Api:
    """The core API."""
    return client.CoreV1Api(connection(kubeconfig))


def connection(kubeconfig: Path) -> client.ApiClient:
    """What all APIs are asked through, by a token that stays what it is.

    As it is made, the client reads its kubeconfig's token anew before each call, and walks through the environment for
    that: while pytest writes the name of the present test there, that fails now and then.
    """
    settings = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=settings)
    settings.refresh_api_key_hook = None
    return client.ApiClient(settings)
