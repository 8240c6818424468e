"""Reads and changes objects of a running cluster, and reaches its pods, with the user's kubeconfig."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.stream import portforward
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.naming import ENDPOINT_LABEL, TRACKS, track_value
from aimlib.selection.near_names import meant
from hooks.cli.absent import AbsentEndpointError
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError

LIST_SECONDS = 30
"""How long one request for a list may take."""


UNKNOWN_KIND = "the cluster does not know this kind of object: is the operator installed there? `aim doctor` checks it"
"""Instead of the API server's `404 page not found`."""


class LiveCluster:
    """The cluster of a kubeconfig's context. CommandError where there is none."""

    def __init__(self, context: str | None, kubeconfig: str | None, namespace: str | None) -> None:
        if kubeconfig and not Path(kubeconfig).exists():
            raise CommandError(f"--kubeconfig {kubeconfig}: there is no such file", CLUSTER_ERROR_CODE)
        try:
            _check_context(kubeconfig, context)
            api_client, own = _of_kubeconfig(kubeconfig, context)
        except (config.ConfigException, OSError) as error:
            if not (found := None if kubeconfig or context else _of_pod()):
                reason = str(error).rstrip(".")
                raise CommandError(
                    f"no cluster is configured: {reason}; name one by --kubeconfig or KUBECONFIG", CLUSTER_ERROR_CODE
                ) from error
            api_client, own = found
        self.api: Any = client.CustomObjectsApi(api_client)
        self.core: Any = client.CoreV1Api(api_client)
        self.namespace = namespace or own or "default"

    def all(self, plural: str) -> list[Raw]:
        """All objects of one of this API's kinds, those of all namespaces."""
        with _as_command_errors():
            found: list[Raw] = self.api.list_cluster_custom_object(GROUP, VERSION, plural)["items"]
            return found

    def endpoint(self, name: str) -> Raw:
        """One AIMEndpoint of the namespace. CommandError where there is none, with what may have been meant."""
        try:
            with _as_command_errors():
                found: Raw = self.api.get_namespaced_custom_object(GROUP, VERSION, self.namespace, "aimendpoints", name)
                return found
        except CommandError as error:
            if not _has_status(error, HTTPStatus.NOT_FOUND) or str(error) == UNKNOWN_KIND:
                raise
            there = self._listed()
            if there is None:
                raise
            raise AbsentEndpointError(self.namespace, name, there) from error

    def endpoints(self) -> list[Raw]:
        """The AIMEndpoints of the namespace."""
        with _as_command_errors():
            found: list[Raw] = self.api.list_namespaced_custom_object(
                GROUP, VERSION, self.namespace, "aimendpoints", _request_timeout=LIST_SECONDS
            )["items"]
            return found

    def _listed(self) -> list[Raw] | None:
        """The AIMEndpoints of the namespace; None where the user may not list them."""
        with suppress(CommandError):
            return self.endpoints()
        return None

    def create_endpoint(self, endpoint: Raw) -> None:
        """Creates an AIMEndpoint in the namespace."""
        with _as_command_errors():
            self.api.create_namespaced_custom_object(GROUP, VERSION, self.namespace, "aimendpoints", endpoint)

    def patch_endpoint(self, name: str, change: Raw) -> None:
        """Applies a merge patch to an AIMEndpoint."""
        with _as_command_errors():
            self.api.patch_namespaced_custom_object(GROUP, VERSION, self.namespace, "aimendpoints", name, change)

    def pods(self, name: str) -> list[Raw]:
        """The Pods of an endpoint, those of a version that is tried included, the newest first."""
        tracks = ", ".join(track_value(name, track) for track in TRACKS)
        found = self._items(self.core.list_namespaced_pod, label_selector=f"{ENDPOINT_LABEL} in ({tracks})")
        return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)

    def labelled_pods(self, selector: str) -> list[Raw]:
        """The Pods of the namespace with these labels."""
        return self._items(self.core.list_namespaced_pod, label_selector=selector)

    def events(self, name: str) -> list[Raw]:
        """The Events of an endpoint, the oldest first."""
        about = f"involvedObject.kind=AIMEndpoint,involvedObject.name={name}"
        found = self._items(self.core.list_namespaced_event, field_selector=about)
        return sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime")))

    def log(
        self, pod: str, lines: int, *, previous: bool, namespace: str | None = None, container: str | None = None
    ) -> str:
        """The last lines of the log of a Pod's container, its only one unless it is named, or of the run before."""
        named = {"container": container} if container else {}
        with _as_command_errors():
            response = self.core.read_namespaced_pod_log(
                pod, namespace or self.namespace, tail_lines=lines, previous=previous, _preload_content=False, **named
            )
            return str(response.data.decode(errors="replace"))

    def open_port(self, pod: str, port: int) -> HTTPConnection:
        """A connection to a port of a Pod through the API server, as `kubectl port-forward` makes it."""
        with _as_command_errors():
            forwarded = portforward(
                self.core.connect_get_namespaced_pod_portforward, pod, self.namespace, ports=str(port)
            )
        connection = HTTPConnection("localhost", port)
        connection.sock = forwarded.socket(port)
        return connection

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Raw:
        """What a GET of a path of the API server returns; nothing where there is nothing."""
        try:
            return self._call(path, "GET", None, query)
        except CommandError as error:
            if _has_status(error, HTTPStatus.NOT_FOUND):
                return {}
            raise

    def change(self, method: str, path: str, body: Raw | None = None) -> Raw:
        """What another method than GET returns at a path of the API server."""
        return self._call(path, method, body)

    def may(self, verb: str, resource: str, group: str = "", subresource: str = "") -> bool:
        """Whether the user has a right in the namespace."""
        attributes = {"verb": verb, "resource": resource, "group": group, "subresource": subresource}
        spec = {"resourceAttributes": {**attributes, "namespace": self.namespace}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        found = self._call("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST", review)
        return bool(found["status"]["allowed"])

    def _call(self, path: str, method: str, body: Raw | None, query: Mapping[str, str] | None = None) -> Raw:
        with _as_command_errors():
            api = self.core.api_client
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            stated = [*(query or {}).items()]
            request = api.param_serialize(
                method, path, query_params=stated, header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            response = api.call_api(*request, _request_timeout=LIST_SECONDS)
            response.read()
            found: Raw = api.response_deserialize(response, {"200": "object", "201": "object", "202": "object"}).data
            return found

    def _items(self, call: Callable[..., Any], **selectors: str) -> list[Raw]:
        """What a call lists in the namespace, as JSON."""
        with _as_command_errors():
            response = call(self.namespace, _preload_content=False, **selectors)
            found: list[Raw] = json.loads(response.data)["items"]
            return found

    def caches(self, namespace: str) -> list[Raw]:
        """The AIMCaches of a namespace."""
        return self._of_namespace(namespace, "aimcaches")

    def gateways(self, namespace: str) -> list[Raw]:
        """The AIMGateways of a namespace."""
        return self._of_namespace(namespace, "aimgateways")

    def _of_namespace(self, namespace: str, plural: str) -> list[Raw]:
        with _as_command_errors():
            found: list[Raw] = self.api.list_namespaced_custom_object(GROUP, VERSION, namespace, plural)["items"]
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


def _check_context(kubeconfig: str | None, context: str | None) -> None:
    """CommandError where a kubeconfig has no such context. ConfigException or OSError where it cannot be read."""
    if context is None:
        return
    contexts, _ = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    names = [one["name"] for one in contexts]
    if context not in names:
        hint = meant(context, names) or f"it has {', '.join(names)}"
        text = f"--context {context}: the kubeconfig has no such context; {hint}"
        raise CommandError(text, CLUSTER_ERROR_CODE)


def _of_kubeconfig(kubeconfig: str | None, context: str | None) -> tuple[client.ApiClient, str | None]:
    """A client for a context, and its namespace. ConfigException or OSError."""
    contexts, active = config.list_kube_config_contexts(kubeconfig)  # type: ignore[no-untyped-call]
    selected = next((one for one in contexts if one["name"] == context), active) if context else active
    api_client = config.new_client_from_config(kubeconfig, context)  # type: ignore[no-untyped-call]
    return api_client, selected["context"].get("namespace")


POD_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod has its account."""


def _of_pod() -> tuple[client.ApiClient, str | None] | None:
    """A client with the account of the pod that this runs in, and its namespace, as kubectl has it in a pipeline."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        return client.ApiClient(configuration), (POD_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (config.ConfigException, OSError):
        return None


def is_forbidden(error: CommandError) -> bool:
    """Whether the user has no right to what was requested."""
    return _has_status(error, HTTPStatus.FORBIDDEN)


def _has_status(error: CommandError, status: HTTPStatus) -> bool:
    return isinstance(error.__cause__, client.ApiException) and error.__cause__.status == status


@contextmanager
def _as_command_errors() -> Iterator[None]:
    """Turns the client's errors into Failures."""
    try:
        yield
    except client.ApiException as error:
        raise CommandError(_error_message(error), CLUSTER_ERROR_CODE) from error
    except HTTPError as error:
        raise CommandError(_unreachable(error), CLUSTER_ERROR_CODE) from error


def _unreachable(error: HTTPError) -> str:
    """Why the API server cannot be reached, without the client's own names in it."""
    if not isinstance(error, MaxRetryError):
        return f"the cluster cannot be reached: {error}"
    address = f"{error.pool.host}:{error.pool.port}" if isinstance(error.pool, HTTPConnectionPool) else "its address"
    reason = re.sub(r"^HTTPS?Connection(?:Pool)?\([^()]*\): ", "", str(error.reason))
    return f"the cluster cannot be reached at {address}: {reason}"


HANDSHAKE = re.compile(r"Handshake status (\d+ .*?) -\+-\+- .* -\+-\+- (.*)", re.DOTALL)
"""What the client has of a WebSocket that was refused: the status, headers, and the body."""
LONGEST_ANSWER = 200
"""Characters of such a body, where it is no Status."""


def _error_message(error: Any) -> str:  # noqa: ANN401 - the client is not typed
    """The API server's message, else status and reason."""
    if refused := HANDSHAKE.search(str(error.reason)):
        answer = _message_in(refused[2]) or " ".join(refused[2].split())[:LONGEST_ANSWER]
        return f"the port of the pod is not forwarded: {refused[1]}: {answer}"
    if error.status == HTTPStatus.NOT_FOUND and not _message_in(error.body):
        return UNKNOWN_KIND
    return _message_in(error.body) or f"{error.status} {error.reason}"


def _message_in(body: Any) -> str:  # noqa: ANN401 - as above
    """The message of a Status in a body; nothing where it is none."""
    try:
        return str(json.loads(body)["message"])
    except (TypeError, ValueError, KeyError):
        return ""
