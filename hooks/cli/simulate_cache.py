"""AIMCaches without a cluster: what their hook says, and what endpoints find once a cache has its models."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.config import Config
from aimlib.protocol.metacontroller import BadRequestError, request
from aimlib.selection.recipe_check import loaded_by, model_of
from hooks.cache import hook as cache
from hooks.cli import simulate

CHILD_KINDS = (
    "PersistentVolumeClaim.v1",
    "ConfigMap.v1",
    "Job.batch/v1",
    "CronJob.batch/v1",
    "ServiceAccount.v1",
    "Role.rbac.authorization.k8s.io/v1",
    "RoleBinding.rbac.authorization.k8s.io/v1",
)
"""Children that the controller of AIMCaches declares: each is a key in its requests, with objects or not."""


def listed(raw: Raw) -> tuple[str, ...]:
    """The models that a cache keeps; BadRequestError where its spec cannot be read."""
    return tuple(one.id for one in cache.read_cache_spec(raw).models)


def filled(raw: Raw) -> Raw:
    """A cache that has all models that it lists. One that cannot be read is left to the endpoint hook."""
    try:
        models = cache.read_cache_spec(raw).models
    except BadRequestError:
        return raw
    there = [{"id": one.id, "revision": one.revision or DEFAULT_REVISION, "status": "Ready"} for one in models]
    return {**raw, "status": {"phase": "Ready", "cachedModels": there}}


def owned(child: Raw, owner: Raw) -> Raw:
    """A child as the cluster has it: with its owner."""
    reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "controller": True}
    return {**child, "metadata": {**child["metadata"], "ownerReferences": [reference]}}


def sync(parent: Raw, services: Iterable[Raw], recipes: Iterable[Raw], config: Config) -> Raw:
    """The cache hook's answer, `status` and `children`, to a new cache that the endpoints of these Services use.

    A claim that it is given is taken to be there. Whether its storage class is shows in the cluster.
    """
    rules = cache.customize(request({"parent": parent}))["relatedResources"]
    models = {*listed(parent)}
    catalogue = [simulate.decorated(one) for one in recipes if {model_of(one), loaded_by(one)} & models]
    given = parent["spec"].get("storage", {}).get("existingClaim")
    metadata = {"name": given, "namespace": parent["metadata"]["namespace"]}
    claims = [{"kind": "PersistentVolumeClaim", "metadata": metadata, "status": {"phase": "Bound"}}] if given else []
    related = simulate.related(rules, [*services, *catalogue, *claims])
    children: Raw = {kind: {} for kind in CHILD_KINDS}
    return cache.sync(request({"parent": parent, "children": children, "related": related}), config)
