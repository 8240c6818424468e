"""A bare client of the API server: plain JSON over kept-alive connections, as many at once as there are threads."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Self

import urllib3

from tests.bench.stored import Raw
from tests.cluster.plane import ControlPlane

THREADS = 20
"""As many as Metacontroller has workers."""


def path(api_version: str, plural: str, namespace: str = "default") -> str:
    """The path of a collection."""
    group = "/api/" if "/" not in api_version else "/apis/"
    return f"{group}{api_version}/namespaces/{namespace}/{plural}"


def collection(raw: Raw) -> str:
    """The path of the collection that an object belongs to."""
    return path(raw["apiVersion"], f"{raw['kind'].lower()}s", raw["metadata"]["namespace"])


class Client:
    """The administrator."""

    def __init__(self, plane: ControlPlane) -> None:
        self.server = plane.server
        self.pool = urllib3.PoolManager(
            maxsize=THREADS + 2, ca_certs=str(plane.credentials.folder / "apiserver.crt"), retries=False
        )
        self.headers = {"Authorization": f"Bearer {plane.credentials.tokens['admin']}"}

    def call(self, method: str, where: str, body: Raw | None = None) -> Raw:
        """The answer; RuntimeError with the API server's words when it refuses."""
        reply = self.pool.request(method, f"{self.server}{where}", json=body, headers=self.headers)
        if reply.status >= 300:
            raise RuntimeError(f"{method} {where}: {reply.status} {reply.data[:500].decode(errors='replace')}")
        return json.loads(reply.data)

    def count(self, where: str) -> int:
        """How many objects a collection holds, without reading them."""
        answer = self.call("GET", f"{where}?limit=1")
        return len(answer["items"]) + answer["metadata"].get("remainingItemCount", 0)

    def watch(self, where: str) -> urllib3.BaseHTTPResponse:
        """The events of a collection from its beginning on, each with the columns of `kubectl get` alone."""
        table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
        url = f"{self.server}{where}?watch=true&includeObject=None"
        return self.pool.request("GET", url, headers={**self.headers, **table}, preload_content=False)


def all_at_once(work: Callable[[Any], object], items: list[Any]) -> None:
    """`work` for every item on THREADS threads; the first failure is raised."""
    with ThreadPoolExecutor(THREADS) as pool:
        for done in pool.map(work, items):
            del done


class Column:
    """The latest value of one column of `kubectl get` for every object of a collection, kept by a watch."""

    def __init__(self, client: Client, where: str, head: str) -> None:
        self.values: dict[str, str] = {}
        self.head = head
        self.open = partial(client.watch, where)
        self.over = False
        self.reply = self.open()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        self.reply.shutdown()
        self.thread.join()

    def _follow(self) -> None:
        """A watch that the API server ends, as it does when nobody keeps up with it, begins anew."""
        while not self.over:
            with suppress(urllib3.exceptions.HTTPError):
                self._read()
            if not self.over:
                self.reply = self.open()

    def _read(self) -> None:
        heads: list[str] = []
        rest = b""
        for chunk in self.reply.stream(2**16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                table = json.loads(line)["object"]
                # Only the first event of a watch names the columns.
                heads = [column["name"] for column in table.get("columnDefinitions") or ()] or heads
                for row in table.get("rows") or ():
                    name, value = (row["cells"][heads.index(head)] for head in ("Name", self.head))
                    self.values[name] = str(value)
