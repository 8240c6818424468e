"""The reader of queues: what of a queue's quota is used, for the admission of endpoints that are to wait in it."""

from functools import partial
from http import HTTPStatus
from typing import Any

from kubernetes.client import ApiException, CustomObjectsApi

from aimlib.api.meta import Raw
from aimlib.diagnosis.quotas import QueueQuota, read_quota
from aimlib.kube.queue import CLUSTER_QUEUES, LOCAL_QUEUES
from hooks.kube_client import api_client
from hooks.server.observers.answered import answered

QUOTA_TIMEOUT_SECONDS = 1.0
"""Of each of two requests: the API server waits for admission as long."""


class QuotaReader:
    """Reads a LocalQueue and its ClusterQueue, once for each endpoint that is to request more."""

    def __init__(self) -> None:
        self._client: Any = None

    def __call__(self, namespace: str, queue: str) -> QueueQuota | None:
        """The quota of a queue; None where it cannot be read, from which nothing is concluded."""
        ask = partial(self._read, namespace, queue)
        return answered("quotas", "a queue cannot be read", ask, namespace=namespace)

    def _read(self, namespace: str, queue: str) -> QueueQuota:
        self._client = self._client or api_client()
        api, options = CustomObjectsApi(self._client), {"_request_timeout": QUOTA_TIMEOUT_SECONDS}
        (group, version, plural), (*_, plural_of_cluster) = LOCAL_QUEUES, CLUSTER_QUEUES
        local = _unless_missing(api.get_namespaced_custom_object, group, version, namespace, plural, queue, **options)
        if local is None:
            return QueueQuota({}, {}, missing=f"LocalQueue {queue} in namespace {namespace}")
        name = str(local["spec"]["clusterQueue"])
        found = _unless_missing(api.get_cluster_custom_object, group, version, plural_of_cluster, name, **options)
        return QueueQuota({}, {}, missing=f"ClusterQueue {name}") if found is None else read_quota(found)


def _unless_missing(read: Any, *names: str, **options: float) -> Raw | None:  # noqa: ANN401 - an untyped client
    """An object; None where the API server has none of that name."""
    try:
        found: Raw = read(*names, **options)
    except ApiException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    return found
