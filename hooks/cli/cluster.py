"""Reads objects of a running cluster, with the user's kubeconfig."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError


class LiveCluster:
    """The cluster of a kubeconfig's context. CommandError where there is none."""

    def __init__(self, context: str | None, kubeconfig: str | None, namespace: str | None) -> None:
        if kubeconfig and not Path(kubeconfig).exists():
            raise CommandError(f"--kubeconfig {kubeconfig}: there is no such file", CLUSTER_ERROR_CODE)
        try:
            contexts, active = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
            selected = next((one for one in contexts if one["name"] == context), active) if context else active
            api_client = config.new_client_from_config(kubeconfig, context)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError) as error:
            reason = str(error).rstrip(".")
            raise CommandError(
                f"no cluster is configured: {reason}; name one by --kubeconfig or KUBECONFIG", CLUSTER_ERROR_CODE
            ) from error
        self.api: Any = client.CustomObjectsApi(api_client)
        self.namespace = namespace or selected["context"].get("namespace") or "default"

    def all(self, plural: str) -> list[Raw]:
        """All objects of one of this API's kinds, those of all namespaces."""
        with _as_command_errors():
            found: list[Raw] = self.api.list_cluster_custom_object(GROUP, VERSION, plural)["items"]
            return found

    def endpoint(self, name: str) -> Raw:
        """One AIMEndpoint of the namespace."""
        with _as_command_errors():
            found: Raw = self.api.get_namespaced_custom_object(GROUP, VERSION, self.namespace, "aimendpoints", name)
            return found

    def caches(self, namespace: str) -> list[Raw]:
        """The AIMCaches of a namespace."""
        with _as_command_errors():
            found: list[Raw] = self.api.list_namespaced_custom_object(GROUP, VERSION, namespace, "aimcaches")["items"]
            return found

    def declared_children(self) -> set[str] | None:
        """The children that the controller of AIMEndpoints declares, each as `resource.group/version`.

        None where the user may not read it, or there is none.
        """
        try:
            found = self.api.get_cluster_custom_object(
                "metacontroller.k8s.io", "v1alpha1", "compositecontrollers", "aimendpoint"
            )
        except client.ApiException as error:
            if error.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                return None
            raise CommandError(_error_message(error), CLUSTER_ERROR_CODE) from error
        return {
            f"{child_resource['resource']}.{child_resource['apiVersion']}"
            for child_resource in found["spec"]["childResources"]
        }

    def inventory(self) -> Raw:
        """The cluster's inventory."""
        with _as_command_errors():
            found: Raw = self.api.get_cluster_custom_object(GROUP, VERSION, "aiminventories", "cluster")
            return found


@contextmanager
def _as_command_errors() -> Iterator[None]:
    """Turns the client's errors into Failures."""
    try:
        yield
    except client.ApiException as error:
        raise CommandError(_error_message(error), CLUSTER_ERROR_CODE) from error
    except HTTPError as error:
        raise CommandError(f"the cluster cannot be reached: {error}", CLUSTER_ERROR_CODE) from error


def _error_message(error: Any) -> str:  # noqa: ANN401 - the client is not typed
    """The API server's message, else status and reason."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
