"""Golden cases: where they are, and how their files are read.

The keys of a request.yaml:

body       the request itself, as text or data; nothing else is needed then
endpoint   the parent: `spec`, and where it matters `metadata` and `status` (recipe, node, slice, inventory: likewise)
recipes    AIMRecipes in the cluster: names of files in shared/recipes, or whole objects
models     AIMModels by name, each with its spec, or with `spec` and `status`
inventory  the AIMInventory's status: the name of a file in shared/inventories, or the status itself; there is none
           when it is left out
nodes      AIMNodes by name, for the inventory
resourceSlices
           ResourceSlices by name, for the inventory: each makes an AIMNode, as its hook does
deviceClasses
           DeviceClasses by name, each with its spec, and where it matters `created`
caches     AIMCaches of the namespace by name, each with its spec and status
state      what a cache's Jobs have reported: `models` and `newest`, lists; `volume`; `cleanup`; and `texts` that are
           no reports
inspected  what the Jobs have reported that read the files of a model, or look up a digest (with checkedAt): a list
users      what endpoints use of a cache: by endpoint a list of ids, or of [id, revision]
classes    storage classes by name, with what is said of each; standard, the default one, when left out
claims     claims of the namespace by name, that are nobody's children
offers     kinds of children that a component adds to those that the controller declares, as in a request:
           `HTTPRoute.gateway.networking.k8s.io/v1`
settings   the operator's settings, where they are not the defaults
now        when the request comes, where that matters
syncs      1 for the answer of the first sync alone; a world that begins has others until all children are there,
           since some wait for those that they use by name
earlier    what was different at an earlier sync, whose status and children are found now; {} when nothing was
observed   how the children of the earlier sync are found: `ready` (the default) or `created`, or by kind:
           `missing`, or an object that is merged into the child
written    what is merged into the status that the earlier sync wrote
stale      true where the status is the one that the earlier sync found, since the one that it wrote is not there yet
pods       the endpoint's Pods, each as what is different about it (`pod` of world.py); asked for as the server does
log        the log of the container that ended, read as the server does: the name of a file in testdata/engine-logs, a
           text, or null where it could not be read
queue      what Kueue tells of the pod that waits in a queue, asked for as the server does
told       Events of the pod that has a node and no containers, read as the server does: each `reason`, `message` and
           where it matters `at`
refused    Events SyncError of the parent, read as the server does: each its message, or `message` and `at`
free       the AIMNodes with what pods request of them, asked for as the server does: by name `pools` and the rest of an
           AIMNode's spec, and `requested` by resource
figures    what Prometheus says of the endpoint: the figures by their names in the status, or what was found instead of
           an answer, as text; asked for as the server does
routed     what gateways may route to: by `namespace/endpoint`, or `namespace/endpoint/track`, the record, and where it
           matters `port`, `created`, `phase`, `labels` or `service`, which is merged into the Service
namespaces namespaces by name, each with its labels
tracks     what Prometheus says of both versions while one is tried, by track: the names of `aimlib.canary.figures`
traffic    what Prometheus has of the endpoint's requests at once: of each ten minutes, again and again for three days;
           what was found instead of an answer, as text
scaled     the status of the HorizontalPodAutoscaler that KEDA has made for the endpoint
gateways   AIMGateways by name, each with its status, in the endpoint's namespace
unobserved true while no observer reads the names in the catalogue

The answer that is expected stands in the response.yaml beside it, which `make golden` writes: as the difference to the
answer of another case where that is shorter (tests/golden.py, tests/merge_patch.py).
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests import golden
from tests.files import TESTDATA, read

PARENTS = {
    "endpoint": "AIMEndpoint",
    "recipe": "AIMRecipe",
    "model": "AIMModel",
    "node": "Node",
    "slice": "ResourceSlice",
    "inventory": "AIMInventory",
    "cache": "AIMCache",
    "gateway": "AIMGateway",
}
KEYS = ("body", "recipes", "models", "inventory", "nodes", "caches", "state", "users", "classes", "claims")
KEYS += ("settings", "now", "syncs", "earlier", "observed", "written", "pods", "log", "queue", "figures", "offers")
KEYS += ("unobserved", "inspected", "routed", "namespaces", "tracks", "gateways", "scaled", "traffic", "free")
KEYS += ("deviceClasses", "resourceSlices", "stale", "refused", "told")


class Case(NamedTuple):
    """One folder below testdata/<kind>/<hook>."""

    path: Path

    @property
    def kind(self) -> str:
        return self.path.parts[-3]

    @property
    def hook(self) -> str:
        return f"/{self.kind}/{self.path.parts[-2]}"

    @property
    def world(self) -> dict[str, Any]:
        found = read(self.path / "request.yaml")
        known = {self.kind, *KEYS}
        for key in {**found, **found.get("earlier", {})}:
            if key not in known:
                raise ValueError(f"{self}/request.yaml: unknown key {key}; known are {', '.join(sorted(known))}")
        return found

    @property
    def said(self) -> dict[str, Any]:
        """The answer that is expected."""
        return golden.plain(golden.expected(str(self)))["answer"]

    def __str__(self) -> str:
        return "/".join(self.path.parts[-3:])


def cases(kind: str = "*", hook: str = "*") -> list[Case]:
    """Every case of the hooks, in the order of their folders."""
    found = (one.parent for one in TESTDATA.glob(f"{kind}/{hook}/*/request.yaml"))
    return [Case(path) for path in sorted(found) if path.parts[-3] in PARENTS]


@cache
def _shared(kind: str, name: str) -> str:
    return json.dumps(read(TESTDATA / "shared" / kind / f"{name}.yaml"))


def shared(kind: str, given: Any) -> Any:
    """A fixture by its name, or what was given instead of a name."""
    return json.loads(_shared(kind, given)) if isinstance(given, str) else given


def merged(base: Any, patch: Any) -> Any:
    """`base` with `patch` laid over it; a null takes a key away (RFC 7386)."""
    if not isinstance(patch, dict) or not isinstance(base, dict):
        return patch
    together = base | {key: merged(base.get(key, {}), value) for key, value in patch.items()}
    return {key: value for key, value in together.items() if value is not None}


def pod_template(child: dict[str, Any]) -> dict[str, Any] | None:
    """The pods that a child of any kind makes; None for one that makes none."""
    spec = child.get("spec", {})
    if group := spec.get("leaderWorkerTemplate"):
        return group["leaderTemplate"]
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")
