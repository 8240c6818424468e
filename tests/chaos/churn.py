"""Endpoints that are created, changed and deleted without a pause, and what each of them should be at the end."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client
from urllib3.exceptions import HTTPError

from aimlib.api import API_VERSION
from tests.cluster.clients import connection
from tests.cluster.plane import ControlPlane
from tests.e2e.space import endpoint

THREADS = 3
PAUSE_SECONDS = (0.1, 0.5)
MODEL = "Qwen/Qwen3-32B"
PATIENCE_SECONDS = 180
GROUP, VERSION = API_VERSION.split("/")
ABSENT, EXISTS = 404, 409


class Churn:
    """Some endpoints by number, each changed by one thread alone, so that it is known what was last asked of it."""

    def __init__(self, plane: ControlPlane, namespace: str, count: int, seed: int) -> None:
        self.namespace, self.count, self.seed = namespace, count, seed
        self.specs: dict[int, dict[str, Any] | None] = dict.fromkeys(range(count))
        """What was last asked of each; None where it was deleted."""
        self.done: Counter[str] = Counter()
        """How often each was done, and how often an API server could not be reached or refused."""
        self.failed: list[str] = []
        """Why a thread has ended before the others."""
        self._connections = [connection(plane.kubeconfig) for _ in range(THREADS)]
        self._over = threading.Event()

    def spec(self, chance: random.Random, number: int) -> dict[str, Any]:
        """A spec that Deployment, Service and claim show; a third has a claim of its own, a third uses the cache."""
        cache = ({"enabled": True, "size": "80Gi"}, {"name": "shared"}, {"enabled": False})[number % 3]
        return {
            "modelId": MODEL,
            "replicas": chance.choice((0, 0, 0, 1, 2)),
            "resources": {"cpu": str(chance.randint(1, 9)), "memory": "16Gi"},
            "service": {"port": chance.randint(9000, 9999)},
            "cache": cache,
        }

    @contextmanager
    def going(self) -> Iterator[None]:
        """All endpoints are there, and then changed again and again for as long as the context lasts."""
        threads = [threading.Thread(target=self._change, args=[number]) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _change(self, thread: int) -> None:
        chance = random.Random(f"{self.seed}/{thread}")  # noqa: S311 - to be made again
        api = client.CustomObjectsApi(self._connections[thread])
        mine = [number for number in self.specs if number % THREADS == thread]
        try:
            for number in mine:
                self._step(api, chance, number)
            while not self._over.wait(chance.uniform(*PAUSE_SECONDS)):
                self._step(api, chance, chance.choice(mine))
        except (client.ApiException, HTTPError) as error:
            self.failed.append(f"{type(error).__name__}: {error}")

    def _step(self, api: client.CustomObjectsApi, chance: random.Random, number: int) -> None:
        name = f"churn-{number}"
        place = (GROUP, VERSION, self.namespace, "aimendpoints")
        if self.specs[number] is None:
            spec = self.spec(chance, number)
            self._insist("created", EXISTS, lambda: api.create_namespaced_custom_object(*place, endpoint(name, **spec)))
            self.specs[number] = spec
        elif chance.random() < 0.2:
            self._insist("deleted", ABSENT, lambda: api.delete_namespaced_custom_object(*place, name))
            self.specs[number] = None
        else:
            spec = self.spec(chance, number)
            change = {"spec": spec}
            self._insist("changed", None, lambda: api.patch_namespaced_custom_object(*place, name, change))
            self.specs[number] = spec

    def _insist(self, what: str, enough: int | None, call: Callable[[], object]) -> None:
        """Do it, and again where nobody answers; what came before that may have been done all the same."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                call()
            except (client.ApiException, HTTPError) as error:
                if getattr(error, "status", None) == enough and enough is not None:
                    break
                self.done["refused or not reached"] += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
            else:
                break
        self.done[what] += 1
