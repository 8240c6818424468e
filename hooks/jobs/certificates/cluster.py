"""The API server as this program uses it: reads one object, patches one object, and says what went wrong in words."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from aimlib.api.meta import Raw
from hooks.jobs.certificates.callers import MERGE, Place
from hooks.kube_client import connected, worded

WRITER: dict[str, Any] = {"field_manager": "aim-certificates", "_request_timeout": (3.0, 10.0)}
"""Who writes, and the seconds to connect and to wait for an answer."""
READER: dict[str, Any] = {"_request_timeout": WRITER["_request_timeout"]}
GONE, CONFLICT = 404, 409


class ClusterError(Exception):
    """The API server did not do what was asked, in words."""


class ConflictError(Exception):
    """Somebody else has written the object meanwhile."""


class Cluster:
    """The API server, asked as the pod's own service account, or by KUBECONFIG."""

    def __init__(self, namespace: str) -> None:
        try:
            connection = connected()
        except config.ConfigException as error:
            raise ClusterError(f"no cluster to ask: {error}") from error
        self.namespace = namespace
        self._core, self._objects = client.CoreV1Api(connection), client.CustomObjectsApi(connection)
        self._written = connection.sanitize_for_serialization

    def secret(self, name: str) -> Raw:
        """A Secret of the namespace. ClusterError, also where there is none."""
        what = f"Secret {self.namespace}/{name}"
        answer = _asked(f"read {what}", lambda: self._core.read_namespaced_secret(name, self.namespace, **READER))
        if answer is None:
            raise ClusterError(f"asked for {what}, found none: apply the operator's manifests first")
        found: Raw = self._written(answer)
        return found

    def write_secret(self, found: Raw, change: Mapping[str, str | None]) -> Raw:
        """Write texts of a Secret that is still as it was found, and take away what is None; as it is then."""
        name = found["metadata"]["name"]
        body = {"data": {key: value and b64encode(value.encode()).decode() for key, value in change.items()}}
        answer = _asked(
            f"write Secret {self.namespace}/{name}",
            lambda: self._core.patch_namespaced_secret(
                name, self.namespace, _as_found(found, body), _content_type=MERGE, **WRITER
            ),
        )
        if answer is None:
            raise ConflictError(name)  # it was deleted meanwhile
        after: Raw = self._written(answer)
        return after

    def found(self, place: Place) -> Raw | None:
        """An object of the whole cluster; None where there is none, or no such kind."""
        group, version, plural, name = place
        ask: Callable[[], Any] = lambda: self._objects.get_cluster_custom_object(  # noqa: E731 - too long otherwise
            group, version, plural, name, **READER
        )
        found: Raw | None = _asked(f"read {plural}/{name}", ask)
        return found

    def patch(self, place: Place, found: Raw, change: Raw, content_type: str) -> None:
        """Change an object that is still as it was found. ConflictError."""
        group, version, plural, name = place
        body = _as_found(found, change)
        _asked(
            f"write {plural}/{name}",
            lambda: self._objects.patch_cluster_custom_object(
                group, version, plural, name, body, _content_type=content_type, **WRITER
            ),
        )


def texts(secret: Raw) -> dict[str, str]:
    """What a Secret holds, decoded; bytes that are no text become marks of that."""
    return {key: b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}


def _as_found(found: Raw, change: Raw) -> Raw:
    """A change that is refused where the object is another one by now, or a later version."""
    version = {"resourceVersion": found["metadata"]["resourceVersion"]}
    return {**change, "metadata": {**change.get("metadata", {}), **version}}


def _asked(what: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - the client is not typed
    """The answer; None where the object is not there. ConflictError, ClusterError."""
    try:
        return ask()
    except client.ApiException as error:
        if error.status == CONFLICT:
            raise ConflictError(what) from error
        if error.status == GONE:
            return None
        raise ClusterError(f"asked to {what}: {worded(error)}") from error
    except (HTTPError, OSError) as error:
        raise ClusterError(f"asked to {what}: the API server cannot be reached: {error}") from error
