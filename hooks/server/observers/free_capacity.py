"""The observer of free capacity: what pods request of each node, when a configuration is selected for an endpoint.

Pods of all namespaces are listed for it, once for all endpoints that are decided within two seconds, or up to half a
minute where the list takes long; no other sync needs them, and a watch would keep every Pod of the cluster in memory.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from kubernetes.client import CoreV1Api, CustomObjectsApi

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.errors import UnavailableError
from aimlib.hardware.free import NodeUse, extended_requests
from aimlib.protocol.metacontroller import Request
from hooks.endpoint.free_capacity import is_decided_anew
from hooks.inventory import equal_nodes
from hooks.kube_client import api_client
from hooks.server.observers.answered import answered
from hooks.server.observers.bodies import json_within

SHARED_SECONDS = (2.0, 30.0)
"""Bounds of how long what was found counts for all endpoints: the shorter, the fresher. A failure counts longest."""
TIMES_AS_LONG = 10
"""How many times as long as the list took, so that listing takes a tenth of the time at most."""
PAGE = 500
MOST_PAGES = 40
"""Most pages of a list. A cluster with more pods has too many to list for a rank, and nothing is known of it."""
PAGE_TIMEOUT_SECONDS = 5.0
MAX_PAGE_BYTES = 64 * 2**20
"""Most bytes of a page; one of usual pods has five to ten MiB, and one of the largest that may be has 750."""
MOST_SECONDS = 8.0
"""For all pages of a list: who decides meanwhile waits for it."""
ON_NODES = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
"""Selects the pods that have a node, and have not ended."""


class TooManyError(UnavailableError):
    """A list has more pages than are read, or takes longer than is waited for."""


class FreeCapacityObserver:
    """Lists AIMNodes and Pods, for a tenth of the time at most."""

    def __init__(self) -> None:
        self._client: Any = None
        self._found: tuple[datetime, timedelta, list[NodeUse] | None] | None = None
        self._lock = Lock()

    def __call__(self, request: Request) -> Sequence[NodeUse] | None:
        """The nodes with what their pods request; None where nothing is to be selected, or they cannot be listed."""
        if not is_decided_anew(request):
            return None
        with self._lock:  # who comes meanwhile waits for the list that is under way
            if self._found is None or not timedelta(0) <= request.now - self._found[0] < self._found[1]:
                self._found = request.now, *self._listed()
            return self._found[2]

    def _listed(self) -> tuple[timedelta, list[NodeUse] | None]:
        """What is found, and how long it counts."""
        started = time.monotonic()
        found = answered("free capacity", "free capacity cannot be observed", self._uses)
        shortest, longest = SHARED_SECONDS
        seconds = longest if found is None else TIMES_AS_LONG * (time.monotonic() - started)
        return timedelta(seconds=min(max(seconds, shortest), longest)), found

    def _uses(self) -> list[NodeUse]:
        self._client = self._client or api_client()
        requested: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for pod in self._pages(CoreV1Api(self._client).list_pod_for_all_namespaces, field_selector=ON_NODES):
            requested[pod["spec"]["nodeName"]].update(extended_requests(pod["spec"]))
        nodes = self._pages(
            CustomObjectsApi(self._client).list_cluster_custom_object, *API_VERSION.split("/"), "aimnodes"
        )
        return [NodeUse(same.spec, requested[name]) for same in equal_nodes(nodes) for name in same.names]

    def _pages(self, list_page: Any, *names: str, **options: str) -> Iterator[Raw]:  # noqa: ANN401 - an untyped client
        """The objects of a list; TooManyError where it has more pages than are read."""
        following, started = "", time.monotonic()
        for _ in range(MOST_PAGES):
            if time.monotonic() - started > MOST_SECONDS:
                raise TooManyError(f"listing them takes longer than {MOST_SECONDS:g} s")
            # Parsed from JSON: the client's own objects would take many times as long.
            response = list_page(
                *names,
                limit=PAGE,
                _continue=following,
                _request_timeout=PAGE_TIMEOUT_SECONDS,
                _preload_content=False,
                **options,
            )
            found = json_within(response, MAX_PAGE_BYTES, PAGE_TIMEOUT_SECONDS, f"{PAGE} of them")
            yield from found.get("items") or ()
            following = (found.get("metadata") or {}).get("continue") or ""
            if not following:
                return
        raise TooManyError(f"the cluster has more than {PAGE * MOST_PAGES} of them")
