"""The observer of the catalogue: all recipes and the inventory, kept as the API server lists and watches them.

Admission cannot wait for a list, and is sent nothing but the object. Each worker process follows both kinds in a thread
of its own, and keeps of each object what selection reads.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from threading import Event, Lock, Thread
from typing import Any

from kubernetes.client import ApiException, CustomObjectsApi
from pydantic_core import from_json

from aimlib.api.meta import Raw
from hooks.endpoint.admission import Catalogue
from hooks.endpoint.world import INVENTORY, RECIPES
from hooks.kube_client import connected, worded
from hooks.observability import metrics
from hooks.observability.logs import logger

PAGE = 200
"""Objects of one answer to a list: a catalogue of large recipes must not be in memory twice."""
MOST = 5000
"""Objects of one kind that are kept at most; with more, nothing is known of it."""
TIMEOUT_SECONDS = 10.0
"""How long an answer to a list may take."""
WATCH_SECONDS = 240
"""How long one watch lasts, as for other clients of the API; then it goes on in another."""
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0)
"""Seconds to wait after a watch that has ended, after one failure, after two, and so on. After as many as stand here,
what was known is too old to be said."""
GONE = 410
"""The API server knows no more what has happened since the version that was asked for."""


class Kind:
    """The objects of one kind, by name."""

    def __init__(self, key: str, plural: str, *fields: str) -> None:
        """`key` is `Kind.group/version`; `fields` are those that are kept beside the metadata."""
        self.key, self.plural, self.fields = key, plural, fields
        self.group, _, self.version = key.partition(".")[2].partition("/")
        self.found: dict[str, Raw] | None = None
        """None while they are not known. Replaced whole, so that it is read without a lock."""
        self.stopped = Event()
        self._version: str | None = None
        self._client: Any = None

    def objects(self) -> list[Raw] | None:
        """Those that there are, in the order of their names."""
        return None if self.found is None else [one for _, one in sorted(self.found.items())]

    def follow(self) -> None:
        """List, then watch; again and again until it is stopped."""
        failed = 0
        while not self.stopped.is_set():
            try:
                if self._version is None:
                    self._list()
                for line in self._changes():
                    self._take(from_json(line))
                    failed = 0
                failed = 0
            except Exception as error:  # noqa: BLE001 - whatever it is, this goes on
                failed += 1
                self._failed(error, failed)
            self.stopped.wait(WAITS[min(failed, len(WAITS) - 1)])

    def _failed(self, error: Exception, times: int) -> None:
        """Whether it goes on with the watch depends on the error; what is known stays for a while."""
        if getattr(error, "status", None) == GONE:
            self._version = None
        metrics.OBSERVATIONS.labels(self.plural, "failed").inc()
        facts = {"observed": self.plural, "error": worded(error), "failures": times}
        logger().warning("the catalogue is not followed", extra={"facts": facts})
        if times >= len(WAITS):
            self.found, self._version = None, None

    def _list(self) -> None:
        found: dict[str, Raw] = {}
        page: str | None = None
        while True:
            with closing(self._ask(limit=PAGE, _continue=page, _request_timeout=TIMEOUT_SECONDS)) as answer:
                said = from_json(answer.read())
            found |= {one["metadata"]["name"]: self._kept(one) for one in said["items"]}
            page = said["metadata"].get("continue")
            self._bounded(found)
            if not page:
                break
        self.found, self._version = found, said["metadata"]["resourceVersion"]
        metrics.OBSERVATIONS.labels(self.plural, "answered").inc()

    def _changes(self) -> Iterator[bytes]:
        """The lines of one watch, as they come."""
        with closing(
            self._ask(
                watch=True,
                allow_watch_bookmarks=True,
                resource_version=self._version,
                timeout_seconds=WATCH_SECONDS,
                _request_timeout=(TIMEOUT_SECONDS, WATCH_SECONDS + TIMEOUT_SECONDS),
            )
        ) as answer:
            metrics.OBSERVATIONS.labels(self.plural, "answered").inc()
            yield from answer

    def _ask(self, **how: Any) -> Any:  # noqa: ANN401 - the client is not typed
        self._client = self._client or connected()
        api = CustomObjectsApi(self._client)
        return api.list_cluster_custom_object(self.group, self.version, self.plural, _preload_content=False, **how)

    def _take(self, event: Raw) -> None:
        """One change; of a BOOKMARK, which has no object, the version alone."""
        changed = event["object"]
        if event["type"] == "ERROR":
            raise ApiException(changed.get("code"), changed.get("message"))
        metadata = changed["metadata"]
        found = dict(self.found or {})
        if event["type"] in {"ADDED", "MODIFIED"}:
            found[metadata["name"]] = self._kept(changed)
        elif event["type"] == "DELETED":
            found.pop(metadata["name"], None)
        self._bounded(found)
        self.found, self._version = found, metadata["resourceVersion"]

    def _kept(self, raw: Raw) -> Raw:
        """What selection reads, and what names the content."""
        named = {name: raw["metadata"].get(name) for name in ("name", "uid", "resourceVersion")}
        return {"metadata": named, **{field: raw[field] for field in self.fields if field in raw}}

    def _bounded(self, found: dict[str, Raw]) -> None:
        if len(found) > MOST:
            self.found, self._version = None, None
            raise ValueError(f"there are more than {MOST} {self.plural}")


KINDS = ((RECIPES, "aimrecipes", "spec"), (INVENTORY, "aiminventories", "status"))
"""What admission reads: key, plural and the fields of each kind."""


class CatalogueObserver:
    """Follows a list of kinds; called, it returns their objects."""

    def __init__(self, kinds: Iterable[tuple[str, ...]] = KINDS) -> None:
        self.kinds = [Kind(*kind) for kind in kinds]
        self._process: int | None = None
        self._lock = Lock()

    def begin(self) -> None:
        """Follow them from now on, in this process: threads do not live on in one that is forked."""
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
        for one in self.kinds:
            Thread(target=one.follow, name=f"catalogue: {one.plural}", daemon=True).start()

    def __call__(self) -> Catalogue | None:
        """All objects by kind; None until every kind has been read."""
        self.begin()
        found = {kind.key: kind.objects() for kind in self.kinds}
        complete = {key: objects for key, objects in found.items() if objects is not None}
        return complete if len(complete) == len(found) else None
