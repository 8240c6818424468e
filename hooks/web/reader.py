"""Reads objects of the cluster for the web page: by GET alone, in bounded lists, with the rights of its own account."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from kubernetes.client import ApiException, CoreV1Api, CustomObjectsApi
from pydantic_core import from_json
from urllib3.exceptions import HTTPError

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.errors import UnavailableError
from hooks.kube_client import api_client, error_message

LISTED_AT_ONCE = 200
"""Objects of one page of a list."""
MOST_OF_A_KIND = 1000
"""Objects of one kind that are read: endpoints have some 15 KiB each."""
MOST_EVENTS = 200
REQUEST_SECONDS = 10.0
"""How long one request may take."""


class UnreadableError(UnavailableError):
    """The API server did not return what was requested; `code` is the HTTP status that a browser gets."""

    def __init__(self, message: str, code: int = HTTPStatus.BAD_GATEWAY) -> None:
        super().__init__(message)
        self.code = code


class Listed(NamedTuple):
    """The objects of a kind, and whether there are more of them than were read."""

    items: tuple[Raw, ...]
    truncated: bool = False


class ClusterReader:
    """Reads AIM objects and their Events. UnreadableError where the API server refuses or is away."""

    def __init__(self, client: Any = None) -> None:  # noqa: ANN401 - the client is not typed
        client = client or api_client()
        self._objects, self._core = CustomObjectsApi(client), CoreV1Api(client)

    def objects(self, plural: str, namespace: str | None = None) -> Listed:
        """The objects of a kind: of a namespace, or of the cluster."""
        call, where = (
            (self._objects.list_namespaced_custom_object, (GROUP, VERSION, namespace, plural))
            if namespace
            else (self._objects.list_cluster_custom_object, (GROUP, VERSION, plural))
        )
        found: list[Raw] = []
        token: str | None = None
        while len(found) < MOST_OF_A_KIND:
            page = _read(call, *where, limit=LISTED_AT_ONCE, _continue=token)
            found += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return Listed(tuple(found))
        return Listed(tuple(found[:MOST_OF_A_KIND]), truncated=True)

    def endpoint(self, namespace: str, name: str) -> Raw:
        """One AIMEndpoint."""
        return _read(self._objects.get_namespaced_custom_object, GROUP, VERSION, namespace, "aimendpoints", name)

    def inventory(self) -> Raw:
        """The cluster's inventory; without a status where nobody has written it yet."""
        try:
            return _read(self._objects.get_cluster_custom_object, GROUP, VERSION, "aiminventories", "cluster")
        except UnreadableError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return {"kind": "AIMInventory", "metadata": {"name": "cluster"}}
            raise

    def events(self, namespace: str, name: str) -> tuple[Raw, ...]:
        """The Events of an AIMEndpoint, the latest first."""
        about = f"involvedObject.kind=AIMEndpoint,involvedObject.name={name}"
        page = _read(self._core.list_namespaced_event, namespace, field_selector=about, limit=MOST_EVENTS)
        return tuple(sorted(page["items"], key=time_of_event, reverse=True))


def time_of_event(event: Raw) -> str:
    """When an Event was last seen; empty where it does not tell."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _read(call: Any, *where: str | None, **options: Any) -> Raw:  # noqa: ANN401 - the client is not typed
    with _as_unreadable():
        response = call(*where, _preload_content=False, _request_timeout=REQUEST_SECONDS, **options)
        found: Raw = from_json(response.data)
        return found


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """Turns the client's errors into those of this module."""
    try:
        yield
    except ApiException as error:
        passed_on = {HTTPStatus.FORBIDDEN: HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND: HTTPStatus.NOT_FOUND}
        raise UnreadableError(error_message(error), passed_on.get(error.status, HTTPStatus.BAD_GATEWAY)) from error
    except (HTTPError, ValueError) as error:
        raise UnreadableError(f"the API server cannot be read: {error}") from error
