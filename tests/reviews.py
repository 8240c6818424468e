"""A golden case of admission: the world that a request.yaml describes, and the AdmissionReview that is made from it.

The keys of a request.yaml are those of `tests/world.py` for an endpoint (endpoint, earlier, recipes, inventory,
settings), and:

body       the AdmissionReview itself, as text or data; nothing else is needed then
enforce    true for the webhook of namespaces that enforce
queues     ClusterQueues of Kueue by the name of the LocalQueue that leads to one; {} where there are none
known      false while the server has read neither recipes nor inventory
written    what is merged into the status of the stored endpoint

The answers that are expected stand whole in a response.yaml beside it, with the patch as it reads (tests/golden.py).

With `earlier` the endpoint is updated: the earlier one is stored, with the status that the endpoint hook gave it.
"""

import base64
import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aimlib.config import Config
from aimlib.diagnosis.quotas import QueueQuota, read_quota
from hooks.endpoint.admission import Catalogue
from hooks.endpoint.world import INVENTORY, MODELS, RECIPES
from hooks.server.webhooks import call_webhook, webhooks
from tests.cases import TESTDATA, merged, read
from tests.playing import Answer, play
from tests.world import catalogue, parent

KEYS = {"body", "endpoint", "earlier", "recipes", "inventory", "settings", "enforce", "known", "written", "queues"}
HOOKS = ("mutate", "validate")


class Case(NamedTuple):
    """One folder below testdata/admission/<validate|mutate>."""

    path: Path

    @property
    def world(self) -> dict[str, Any]:
        found = read(self.path / "request.yaml")
        if unknown := found.keys() - KEYS:
            raise ValueError(f"{self}/request.yaml: unknown {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}")
        return found

    @property
    def route(self) -> str:
        """Where the API server asks."""
        mode = ("/enforce" if self.world.get("enforce") else "/warn") if self.path.parts[-2] == "validate" else ""
        return f"/admission/endpoints/{self.path.parts[-2]}{mode}"

    def __str__(self) -> str:
        return "/".join(self.path.parts[-3:])


def cases() -> list[Case]:
    """Every case, in the order of the folders."""
    return [Case(path.parent) for path in sorted((TESTDATA / "admission").glob("*/*/request.yaml"))]


def body(world: dict[str, Any]) -> Any:
    """The AdmissionReview of a world, as the API server sends it."""
    if "body" in world:
        return world["body"]
    found, old = parent("endpoint", world), None
    if "earlier" in world:
        before = merged(world["endpoint"], world["earlier"].get("endpoint", {}))
        past = {"endpoint": before, **{key: world[key] for key in ("recipes", "inventory", "settings") if key in world}}
        status = play("endpoint", "/endpoint/sync", past).answer.said["status"]
        status = merged(status, world.get("written", {}))
        old = {**parent("endpoint", {"endpoint": before}), "status": status}
        found = {**found, "status": status}
    return reviewed(found, old)


def reviewed(found: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
    """The AdmissionReview about an endpoint, and the one that is stored where it is updated."""
    kind = {"group": "aim.engine.amd.com", "version": "v1alpha1"}
    metadata = found["metadata"]
    asked = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {**kind, "kind": "AIMEndpoint"},
        "resource": {**kind, "resource": "aimendpoints"},
        "name": metadata.get("name"),
        "namespace": metadata.get("namespace"),
        "operation": "UPDATE" if old else "CREATE",
        "userInfo": {"username": "jane", "groups": ["system:authenticated"]},
        "object": found,
        "oldObject": old,
        "dryRun": False,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}


def known(world: dict[str, Any]) -> Catalogue | None:
    """What the server knows of the world's cluster."""
    if world.get("known") is False:
        return None
    found = [one for one in catalogue(world) if one["kind"] in {"AIMRecipe", "AIMModel", "AIMInventory"}]
    return {key: [one for one in found if one["kind"] == key.partition(".")[0]] for key in (RECIPES, MODELS, INVENTORY)}


def quota_of(queues: dict[str, Any] | None, namespace: str, queue: str) -> QueueQuota | None:
    """The quota of a queue as the server reads it; None where nobody reads queues."""
    if queues is None or queue in queues:
        return read_quota(queues[queue]) if queues else None
    return QueueQuota({}, {}, missing=f"LocalQueue {queue} in namespace {namespace}")


def asked(case: Case) -> Answer:
    """What the server answers; the patch, which is encoded, as it reads."""
    world = case.world
    sent = body(world)
    text = sent if isinstance(sent, str) else json.dumps(sent)
    config = Config.model_validate(world.get("settings") or {})
    served = webhooks(config, lambda: known(world), partial(quota_of, world.get("queues")))
    _, _, said, code = call_webhook(served[case.route], text.encode())
    return Answer(code, said)


def patch(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The operations of an answer."""
    return json.loads(base64.b64decode(said["response"].get("patch", base64.b64encode(b"[]"))))
