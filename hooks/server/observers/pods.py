"""The observer of Pods: those of one endpoint, asked for while replicas of it are missing.

Pods are not related to endpoints: Metacontroller would then watch and keep every Pod of the cluster. A list by label
reads the few that matter, at the moment when they do.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from kubernetes.client import ApiException, CoreV1Api
from kubernetes.config import ConfigException
from pydantic_core import from_json
from urllib3.exceptions import HTTPError

from aimlib.api.meta import Raw
from aimlib.naming import ENDPOINT_LABEL, label_value
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import DEPLOYMENT, replicas_missing
from hooks.kube_client import connected, worded
from hooks.observability import metrics
from hooks.observability.logs import logger

LIMIT = 20
"""Pods that are asked for at most: those of one version fail alike."""
TIMEOUT_SECONDS = 2.0
FRESH = timedelta(seconds=2)
"""How long an answer serves: several syncs of one endpoint within moments ask once."""
REMEMBERED = 512
"""Endpoints whose answers are kept at most."""


class Pods:
    """Asks the API server, at most once for one sync."""

    def __init__(self) -> None:
        self._client: Any = None
        self._answers: OrderedDict[tuple[str, str], tuple[datetime, list[Raw]]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, request: Request) -> list[Raw] | None:
        """The endpoint's Pods; None where no replica is missing, and so nothing is asked.

        Empty where the API server does not answer: nothing is concluded from it, and the next sync asks again.
        """
        if not replicas_missing(request.observed(DEPLOYMENT)):
            return None
        metadata = request.parent["metadata"]
        key = metadata.get("namespace", "default"), metadata["name"]
        with self._lock:
            asked, known = self._answers.get(key, (None, []))
            if asked is not None and timedelta(0) <= request.now - asked < FRESH:
                return known
        found = self._ask(*key)
        with self._lock:
            self._answers[key] = (request.now, found)
            self._answers.move_to_end(key)
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return found

    def _ask(self, namespace: str, name: str) -> list[Raw]:
        try:
            found = self._listed(namespace, name)
        except (ApiException, ConfigException, HTTPError, OSError, ValueError) as error:
            metrics.OBSERVATIONS.labels("pods", "failed").inc()
            facts = {"namespace": namespace, "name": name, "error": worded(error)}
            logger().warning("pods are not known", extra={"facts": facts})
            return []
        metrics.OBSERVATIONS.labels("pods", "answered").inc()
        return found

    def _listed(self, namespace: str, name: str) -> list[Raw]:
        self._client = self._client or connected()
        # Read as it was sent: as objects of the client it would take many times as long.
        answer: Any = CoreV1Api(self._client).list_namespaced_pod(
            namespace,
            label_selector=f"{ENDPOINT_LABEL}={label_value(name)}",
            limit=LIMIT,
            _request_timeout=TIMEOUT_SECONDS,
            _preload_content=False,
        )
        return list(from_json(answer.data).get("items") or ())
