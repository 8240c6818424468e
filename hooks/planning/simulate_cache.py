"""Calls the cache hook with given objects, and builds caches that have their models."""

from collections.abc import Iterable, Mapping
from functools import partial

from aimlib.api.meta import Raw
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.weight_files import draft_of
from aimlib.config import Config
from aimlib.protocol.metacontroller import BadRequestError, parse_request
from aimlib.selection.recipe_check import loaded_by, model_of
from hooks.cache import hook as cache
from hooks.planning import simulate

CACHE_CHILD_KINDS = (
    "PersistentVolumeClaim.v1",
    "ConfigMap.v1",
    "Job.batch/v1",
    "CronJob.batch/v1",
    "ServiceAccount.v1",
    "Role.rbac.authorization.k8s.io/v1",
    "RoleBinding.rbac.authorization.k8s.io/v1",
)
"""Children that the controller of AIMCaches declares: each is a key in its requests, with objects or not."""
UNKNOWN_COMMIT = "COMMIT"
"""In place of the commit of what is not downloaded yet."""


def listed_models(raw: Raw) -> tuple[str, ...]:
    """The models that a cache lists. BadRequestError where its spec is invalid."""
    return tuple(model.id for model in cache.read_cache_spec(raw).models)


def with_all_models(raw: Raw, ranks: Mapping[str, int]) -> Raw:
    """The cache with all listed models, of which adapters have the ranks that are stated for them.

    An invalid one is returned as it is; the endpoint hook reports it.
    """
    try:
        models = cache.read_cache_spec(raw).models
    except BadRequestError:
        return raw
    now = (raw.get("status") or {}).get("cachedModels") or ()
    there = {(one["id"], one["revision"]): one for one in now if one["status"] == "Ready"}
    keys = [(model.id, model.revision or DEFAULT_REVISION) for model in models]
    cached = [
        {"id": key[0], "revision": key[1], "status": "Ready", **_assumed(there.get(key), ranks.get(key[0], 1))}
        for key in keys
    ]
    return {**raw, "status": {"phase": "Ready", "cachedModels": cached}}


def _assumed(there: Raw | None, rank: int) -> Raw:
    """What is known of a model that is in the cache; else that it might be any adapter."""
    if there is None:
        return {"commit": UNKNOWN_COMMIT, "adapter": {"rank": rank}}
    return {name: there[name] for name in ("commit", "adapter") if name in there}


def with_owner(child: Raw, owner: Raw) -> Raw:
    """A child with its ownerReference, as in the cluster."""
    reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "controller": True}
    return {**child, "metadata": {**child["metadata"], "ownerReferences": [reference]}}


def sync(parent: Raw, users: Iterable[Raw], recipes: Iterable[Raw], config: Config) -> Raw:
    """Calls the cache hook for a new cache; returns `status` and `children`. `users` are the children of endpoints.

    An existing claim is assumed to be bound, and the storage class to exist.
    """
    rules = cache.customize(parse_request({"parent": parent}))["relatedResources"]
    models = {*listed_models(parent)}
    catalogue = [
        simulate.simulate_recipe(recipe, config)
        for recipe in recipes
        if {model_of(recipe), loaded_by(recipe), draft_of(recipe.get("spec") or {})[0]} & models
    ]
    claim_name = parent["spec"].get("storage", {}).get("existingClaim")
    metadata = {"name": claim_name, "namespace": parent["metadata"]["namespace"]}
    claims = (
        [{"kind": "PersistentVolumeClaim", "metadata": metadata, "status": {"phase": "Bound"}}] if claim_name else []
    )
    related = simulate.select_related(rules, [*users, *catalogue, *claims])
    return simulate.sync_with_children(partial(cache.sync, config=config), parent, CACHE_CHILD_KINDS, related)
