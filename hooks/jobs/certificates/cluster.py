"""Reads and patches single objects at the API server; errors become messages."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from aimlib.api.meta import Raw
from aimlib.errors import UnavailableError
from hooks.jobs.certificates.clients import MERGE_PATCH, ObjectPath
from hooks.kube_client import ApiServerError, api_client, error_message

WRITE_OPTIONS: dict[str, Any] = {"field_manager": "aim-certificates", "_request_timeout": (3.0, 10.0)}
"""The field manager, and the seconds to connect and to wait for a response."""
READ_OPTIONS: dict[str, Any] = {"_request_timeout": WRITE_OPTIONS["_request_timeout"]}
GONE, CONFLICT = 404, 409


class WriteConflictError(UnavailableError):
    """Another program has changed or deleted the object since it was read."""


class CertificateCluster:
    """A client of the API server, with the pod's service account or KUBECONFIG."""

    def __init__(self, namespace: str) -> None:
        try:
            connection = api_client()
        except config.ConfigException as error:
            raise ApiServerError(f"no cluster is configured: {error}") from error
        self.namespace = namespace
        self._core, self._objects = client.CoreV1Api(connection), client.CustomObjectsApi(connection)
        self._serialize = connection.sanitize_for_serialization

    def secret(self, name: str) -> Raw:
        """Returns a Secret of the namespace. ApiServerError, also where there is none."""
        action = f"Secret {self.namespace}/{name}"
        answer = _request(
            f"read {action}", lambda: self._core.read_namespaced_secret(name, self.namespace, **READ_OPTIONS)
        )
        if answer is None:
            raise ApiServerError(f"there is no {action}: apply the operator's manifests first")
        found: Raw = self._serialize(answer)
        return found

    def write_secret(self, found: Raw, change: Mapping[str, str | None]) -> Raw:
        """Patches a Secret that has not changed since it was read, and returns it; None removes a key."""
        name = found["metadata"]["name"]
        body = {"data": {key: value and b64encode(value.encode()).decode() for key, value in change.items()}}
        answer = _request(
            f"write Secret {self.namespace}/{name}",
            lambda: self._core.patch_namespaced_secret(
                name, self.namespace, _as_found(found, body), _content_type=MERGE_PATCH, **WRITE_OPTIONS
            ),
        )
        if answer is None:
            raise WriteConflictError(name)  # it was deleted meanwhile
        after: Raw = self._serialize(answer)
        return after

    def read(self, path: ObjectPath) -> Raw | None:
        """Returns a cluster-scoped object; None where there is none, or no such kind."""
        group, version, plural, name = path
        call: Callable[[], Any] = lambda: self._objects.get_cluster_custom_object(  # noqa: E731 - too long otherwise
            group, version, plural, name, **READ_OPTIONS
        )
        found: Raw | None = _request(f"read {plural}/{name}", call)
        return found

    def patch(self, path: ObjectPath, found: Raw, change: Raw, content_type: str) -> None:
        """Patches an object that has not changed since it was read. WriteConflictError."""
        group, version, plural, name = path
        body = _as_found(found, change)
        _request(
            f"write {plural}/{name}",
            lambda: self._objects.patch_cluster_custom_object(
                group, version, plural, name, body, _content_type=content_type, **WRITE_OPTIONS
            ),
        )


def decoded(secret: Raw) -> dict[str, str]:
    """The decoded data of a Secret; bytes that are not UTF-8 are replaced."""
    return {key: b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}


def _as_found(found: Raw, change: Raw) -> Raw:
    """The patch with a resourceVersion, so that it fails where the object has changed."""
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    return {**change, "metadata": {**change.get("metadata", {}), **version}}


def _request(action: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - the client is not typed
    """The response; None where the object does not exist. WriteConflictError, ApiServerError."""
    try:
        return call()
    except client.ApiException as error:
        if error.status == CONFLICT:
            raise WriteConflictError(action) from error
        if error.status == GONE:
            return None
        raise ApiServerError(f"cannot {action}: {error_message(error)}") from error
    except (HTTPError, OSError) as error:
        raise ApiServerError(f"cannot {action}: the API server cannot be reached: {error}") from error
