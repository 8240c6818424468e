"""The observers of the catalogue: they list and watch recipes, AIMModels and the inventory, and keep them in memory.

An admission request has only the object, and cannot wait for a list. Each worker process watches each kind in a thread,
and keeps of each object what selection reads. A sync brings what is of the requested model; where nothing is, processes
of hooks watch the catalogue, too, and keep names.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from threading import Event, Lock, Thread
from typing import Any

from kubernetes.client import ApiException, CustomObjectsApi
from pydantic_core import from_json

from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import CatalogueNames
from hooks.endpoint.admission import Catalogue
from hooks.endpoint.world import INVENTORY, MODELS, RECIPES, is_unknown
from hooks.kube_client import api_client, error_message
from hooks.observability import metrics
from hooks.observability.logs import logger

PAGE_SIZE = 200
"""Objects of one page of a list, so that large recipes are not in memory twice."""
MAX_OBJECTS = 5000
"""Most objects of one kind; with more, the kind counts as unknown."""
LIST_TIMEOUT_SECONDS = 10.0
"""Time for one page of a list."""
WATCH_TIMEOUT_SECONDS = 240
"""Duration of one watch, as for other clients of the API; another follows."""
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0)
"""Seconds to wait after a watch has ended, after one failure, after two, and so on. After as many failures, the objects
are too old to be used."""
FIRST_LIST_SECONDS = 1.0
"""How long the first sync that needs names waits for each kind of them."""
GONE = 410
"""Status of a watch whose resourceVersion is too old."""


class WatchedKind:
    """The objects of one kind, by name."""

    def __init__(self, key: str, plural: str, *fields: str) -> None:
        """`key` is `Kind.group/version`; `fields` are those that are kept beside the metadata."""
        self.key, self.plural, self.fields = key, plural, fields
        self.group, _, self.version = key.partition(".")[2].partition("/")
        self.by_name: dict[str, Raw] | None = None
        """None while unknown. Replaced as a whole, so that it can be read without a lock."""
        self.stopped, self.listed = Event(), Event()
        self._version: str | None = None
        self._client: Any = None

    def objects(self) -> list[Raw] | None:
        """The objects in the order of their names; None while unknown."""
        return None if self.by_name is None else [item for _, item in sorted(self.by_name.items())]

    def follow(self) -> None:
        """Lists and watches, until it is stopped."""
        failures = 0
        while not self.stopped.is_set():
            try:
                if self._version is None:
                    self._list()
                for line in self._watch():
                    self._apply(from_json(line))
                    failures = 0
                failures = 0
            except Exception as error:  # noqa: BLE001 - any error is retried
                failures += 1
                self._handle_error(error, failures)
            self.stopped.wait(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])

    def _handle_error(self, error: Exception, failures: int) -> None:
        """Logs an error; lists again where the watch cannot continue, and drops the objects after too many failures."""
        if getattr(error, "status", None) == GONE:
            self._version = None
        metrics.OBSERVER_REQUESTS.labels(self.plural, "failed").inc()
        facts = {"observed": self.plural, "error": error_message(error), "failures": failures}
        logger().warning("the catalogue cannot be watched", extra={"facts": facts})
        if failures >= len(BACKOFF_SECONDS):
            self.by_name, self._version = None, None

    def _list(self) -> None:
        found: dict[str, Raw] = {}
        continue_token: str | None = None
        while True:
            with closing(
                self._request(limit=PAGE_SIZE, _continue=continue_token, _request_timeout=LIST_TIMEOUT_SECONDS)
            ) as response:
                page_read = from_json(response.read())
            found |= {item["metadata"]["name"]: self._pruned(item) for item in page_read["items"]}
            continue_token = page_read["metadata"].get("continue")
            self._check_count(found)
            if not continue_token:
                break
        self.by_name, self._version = found, page_read["metadata"]["resourceVersion"]
        self.listed.set()
        metrics.OBSERVER_REQUESTS.labels(self.plural, "succeeded").inc()

    def _watch(self) -> Iterator[bytes]:
        """Yields the lines of one watch as they arrive."""
        with closing(
            self._request(
                watch=True,
                allow_watch_bookmarks=True,
                resource_version=self._version,
                timeout_seconds=WATCH_TIMEOUT_SECONDS,
                _request_timeout=(LIST_TIMEOUT_SECONDS, WATCH_TIMEOUT_SECONDS + LIST_TIMEOUT_SECONDS),
            )
        ) as response:
            metrics.OBSERVER_REQUESTS.labels(self.plural, "succeeded").inc()
            yield from response

    def _request(self, **options: Any) -> Any:  # noqa: ANN401 - the client is not typed
        self._client = self._client or api_client()
        api = CustomObjectsApi(self._client)
        return api.list_cluster_custom_object(self.group, self.version, self.plural, _preload_content=False, **options)

    def _apply(self, event: Raw) -> None:
        """Applies one event; a BOOKMARK has only a resourceVersion."""
        observed = event["object"]
        if event["type"] == "ERROR":
            raise ApiException(observed.get("code"), observed.get("message"))
        metadata = observed["metadata"]
        found = dict(self.by_name or {})
        if event["type"] in {"ADDED", "MODIFIED"}:
            found[metadata["name"]] = self._pruned(observed)
        elif event["type"] == "DELETED":
            found.pop(metadata["name"], None)
        self._check_count(found)
        self.by_name, self._version = found, metadata["resourceVersion"]

    def _pruned(self, raw: Raw) -> Raw:
        """The fields that selection reads, and the metadata that identify the content."""
        metadata = {name: raw["metadata"].get(name) for name in ("name", "uid", "resourceVersion")}
        return {"metadata": metadata, **{field: raw[field] for field in self.fields if field in raw}}

    def _check_count(self, found: dict[str, Raw]) -> None:
        if len(found) > MAX_OBJECTS:
            self.by_name, self._version = None, None
            raise ValueError(f"there are more than {MAX_OBJECTS} {self.plural}")


WATCHED_KINDS = (
    (RECIPES, "aimrecipes", "spec"),
    (MODELS, "aimmodels", "spec"),
    (INVENTORY, "aiminventories", "status"),
)
"""What admission reads: key, plural and the fields of each kind."""


class CatalogueObserver:
    """Watches a list of kinds; calling it returns their objects."""

    def __init__(self, kinds: Iterable[WatchedKind] | None = None) -> None:
        self.kinds = [WatchedKind(*kind) for kind in WATCHED_KINDS] if kinds is None else [*kinds]
        self._process: int | None = None
        self._lock = Lock()

    def start(self) -> bool:
        """Starts the threads, once in each process, since threads do not survive a fork; whether this did."""
        with self._lock:
            if self._process == os.getpid():
                return False
            self._process = os.getpid()
        for kind in self.kinds:
            Thread(target=kind.follow, name=f"catalogue: {kind.plural}", daemon=True).start()
        return True

    def __call__(self) -> Catalogue | None:
        """All objects by kind; None until every kind has been read."""
        self.start()
        found = {kind.key: kind.objects() for kind in self.kinds}
        complete = {key: objects for key, objects in found.items() if objects is not None}
        return complete if len(complete) == len(found) else None


class WatchedNames(WatchedKind):
    """The same, of whose spec only what it can be requested by is kept."""

    def _pruned(self, raw: Raw) -> Raw:
        found = super()._pruned(raw)
        spec = found.get("spec") or {}
        return {**found, "spec": {name: spec[name] for name in NAMED_BY if name in spec}}


NAMED_BY = ("modelId", "checkpoint", "source", "allowedNamespaces")


class NamesObserver:
    """The names of what the catalogue has, watched from the first endpoint on for whose model there is nothing."""

    def __init__(self) -> None:
        self.catalogue = CatalogueObserver(
            (
                WatchedNames(RECIPES, "aimrecipes", "spec"),
                WatchedNames(MODELS, "aimmodels", "spec"),
            )
        )

    def __call__(self, request: Request) -> CatalogueNames | None:
        """None where the request has what it asks for, and while the catalogue is not known."""
        if not is_unknown(request):
            return None
        if self.catalogue.start():
            for kind in self.catalogue.kinds:
                kind.listed.wait(FIRST_LIST_SECONDS)
        found = self.catalogue()
        return CatalogueNames(found[RECIPES], found[MODELS]) if found else None
