"""The observer of Pods: lists those of one endpoint while replicas are missing, and once when one has come.

Pods are not related objects of endpoints, because Metacontroller would then watch and keep all Pods of the cluster. A
list by label reads only the endpoint's, and only when needed.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from kubernetes.client import CoreV1Api

from aimlib.api.meta import Raw
from aimlib.memo import Memo
from aimlib.naming import ENDPOINT_LABEL, TRACKS, track_value
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import pods_matter, servers
from hooks.kube_client import api_client
from hooks.server.observers.answered import answered
from hooks.server.observers.bodies import json_within

MAX_PODS = 20
"""Most Pods of a list: those of one version fail alike."""
POD_LIST_TIMEOUT_SECONDS = 2.0
MAX_POD_BYTES = 8 * 2**20
"""Most bytes of a list; a Pod has some ten KiB, and never more than 1.5 MiB."""
REUSED_FOR = timedelta(seconds=2)
"""How long a result is reused by syncs of the same endpoint, unless a replica has become ready or ended meanwhile."""
MAX_ENDPOINTS = 512
"""Most endpoints whose results are kept."""


class PodObserver:
    """Lists Pods at the API server, at most once per sync."""

    def __init__(self) -> None:
        self._client: Any = None
        self._recent: Memo[tuple[datetime, int, list[Raw]]] = Memo(MAX_ENDPOINTS)

    def __call__(self, request: Request) -> list[Raw] | None:
        """The endpoint's Pods; None where no replica is missing or has just come, and so none are listed.

        Empty where the API server fails: nothing is concluded from that, and the next sync lists again.
        """
        observed = [*servers(request.children)]
        if not pods_matter(observed, request.parent.get("status") or {}):
            return None
        ready = sum((one.get("status") or {}).get("readyReplicas") or 0 for one in observed)
        metadata = request.parent["metadata"]
        place = metadata.get("namespace", "default"), metadata["name"]
        key = (*place, str(metadata.get("uid")))
        listed_at, ready_then, pods = self._recent.stored(key) or (None, 0, [])
        recent = listed_at is not None and timedelta(0) <= request.now - listed_at < REUSED_FOR
        if recent and ready == ready_then:
            return pods
        named = dict(zip(("namespace", "name"), place, strict=True))
        pods = answered("pods", "pods cannot be listed", partial(self._list, *place), **named) or []
        self._recent.store(key, (request.now, ready, pods))
        return pods

    def _list(self, namespace: str, name: str) -> list[Raw]:
        """The endpoint's Pods. Nobody deletes failed ones: where there are more than a list has, others come first."""
        pods, complete = self._page(namespace, name)
        if complete:
            return pods
        live, _ = self._page(namespace, name, field_selector="status.phase!=Failed")
        listed = {pod["metadata"]["name"] for pod in live}
        return [*live, *(pod for pod in pods if pod["metadata"]["name"] not in listed)]

    def _page(self, namespace: str, name: str, field_selector: str | None = None) -> tuple[list[Raw], bool]:
        """The first Pods, and whether they are all."""
        self._client = self._client or api_client()
        # Parsed from JSON: the client's own objects would take many times as long.
        response: Any = CoreV1Api(self._client).list_namespaced_pod(
            namespace,
            label_selector=f"{ENDPOINT_LABEL} in ({','.join(track_value(name, one) for one in TRACKS)})",
            limit=MAX_PODS,
            _request_timeout=POD_LIST_TIMEOUT_SECONDS,
            _preload_content=False,
            field_selector=field_selector,
        )
        found = json_within(response, MAX_POD_BYTES, POD_LIST_TIMEOUT_SECONDS, "its Pods")
        return list(found.get("items") or ()), not (found.get("metadata") or {}).get("continue")
