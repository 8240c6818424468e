"""The observer of queues: what Kueue tells of a pod that waits in one, from the pod's Workload.

Workloads are no related objects: Metacontroller would watch and keep all of the cluster, for the few that wait.
"""

from functools import partial
from typing import Any

from kubernetes.client import CustomObjectsApi

from aimlib.api.meta import Raw
from aimlib.diagnosis.pod_failures import queued_pod
from aimlib.kube.queue import POD_UID_LABEL, WORKLOAD_LABEL, WORKLOADS
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observations import PODS
from hooks.kube_client import api_client
from hooks.server.observers.answered import answered

QUEUE_TIMEOUT_SECONDS = 1.0
TELLING = (("QuotaReserved", "False"), ("Admitted", "False"), ("Evicted", "True"))
"""Conditions of a Workload, with their status, that tell why its pod waits; the most telling one first."""
STILL_GATED = (
    "Kueue has admitted it and has not removed its scheduling gate yet; where that stays so, the log of Kueue has why "
    "the API server refuses to"
)
"""A policy or an admission plugin that a pod passed when it was created may refuse the update."""


class QueueObserver:
    """Reads one Workload of Kueue per sync at most."""

    def __init__(self) -> None:
        self._client: Any = None

    def __call__(self, request: Request) -> str | None:
        """The words of Kueue about the newest pod that waits; None where none does, or none could be read."""
        pods = request.observations.get(PODS)
        pod = queued_pod(pods or (), request.now)
        if pod is None:
            return None
        place = {"namespace": pod["metadata"]["namespace"]}
        found = answered("queues", "workloads cannot be listed", partial(self._workloads, pod["metadata"]), **place)
        return next((words for one in found or () if (words := _words(one))), None)

    def _workloads(self, pod: Raw) -> list[Raw]:
        self._client = self._client or api_client()
        group, version, plural = WORKLOADS
        found: Any = CustomObjectsApi(self._client).list_namespaced_custom_object(
            group,
            version,
            pod["namespace"],
            plural,
            **_selector(pod),
            limit=1,
            _request_timeout=QUEUE_TIMEOUT_SECONDS,
        )
        return [one for one in found.get("items") or () if isinstance(one, dict)]


def _selector(pod: Raw) -> dict[str, Any]:
    """Selects the Workload of a pod: its own, or that of its group."""
    name = (pod.get("labels") or {}).get(WORKLOAD_LABEL)
    return {"field_selector": f"metadata.name={name}"} if name else {"label_selector": f"{POD_UID_LABEL}={pod['uid']}"}


def _words(workload: Raw) -> str:
    """What a Workload tells about why it waits: its conditions, or the checks that none of them has the words of."""
    status = workload.get("status") or {}
    told = {one.get("type"): one for one in status.get("conditions") or ()}
    stated = {kind: one.get("status") for kind, one in told.items()}
    if stated.get("Admitted") == "True":
        return STILL_GATED
    checks = _checks(status) if stated.get("QuotaReserved") == "True" else ""
    found = (told[kind].get("message") for kind, status in TELLING if stated.get(kind) == status)
    return checks or str(next(filter(None, found), ""))


def _checks(status: Raw) -> str:
    """The admission checks that a Workload with quota waits for, with what each tells."""
    waiting = [one for one in status.get("admissionChecks") or () if one.get("state") != "Ready"]
    named = (f"{one.get('name')} is {one.get('state')}: {one.get('message') or ''}".rstrip(": ") for one in waiting)
    found = "; ".join(named)
    return f"its quota is reserved, and the admission check {found}" if found else ""
