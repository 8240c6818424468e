"""Plans endpoints and caches together, as if the caches had their models."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from aimlib.api.cache_status import CacheStatus, CacheStorageStatus
from aimlib.api.meta import Raw
from aimlib.caching.choice import cache_uses
from aimlib.config import Config
from aimlib.protocol.standard_conditions import STANDARD
from hooks.cache.hook import read_cache_spec
from hooks.endpoint.children import OPTIONAL
from hooks.endpoint.world import read_spec
from hooks.planning import simulate, simulate_cache
from hooks.planning.explanation import Explanation, explanation_of
from hooks.planning.simulate import SimulatedCluster
from hooks.planning.simulate_gateway import routing_to

TRANSIENT_REASONS = frozenset({"Bound", "AllCached", "Progressing", "Downloading", "Current", "ModelVersionAvailable"})
"""Reasons of a new cache's conditions that need no change of its spec."""


class EndpointResponse(NamedTuple):
    """The endpoint hook's children, and the explanation of the selection."""

    children: list[Raw]
    explanation: Explanation


class PlannedObject(NamedTuple):
    """An object of the files, and its planned children."""

    title: str
    message: str
    fits: bool
    warnings: tuple[str, ...]
    children: list[Raw]
    explanation: Explanation | None = None
    """Of an endpoint."""


class PlanContext(NamedTuple):
    """What objects are planned with."""

    cluster: SimulatedCluster
    config: Config
    assumed_kinds: tuple[str, ...] = ()
    """Optional kinds of which it is not known whether the cluster has their component."""

    def respond(self, endpoint: Raw) -> EndpointResponse:
        """Calls the endpoint hook, as if the caches of the namespace had all their models, and gateways routed."""
        spec = read_spec(endpoint)
        routing = tuple(routing_to(endpoint, spec, self.cluster.gateways))
        ranks = {one.source.repository: one.largest_rank for one in spec.adapters}
        cluster = self.cluster._replace(caches=self._caches_of(endpoint, ranks), gateways=routing)
        response = simulate.sync(endpoint, cluster, self.config)
        explanation = explanation_of(endpoint, response["status"], cluster.recipes)
        return EndpointResponse(response["children"], explanation)

    def _caches_of(self, endpoint: Raw, ranks: Mapping[str, int]) -> list[Raw]:
        namespace, caches = endpoint["metadata"]["namespace"], self.cluster.caches
        return [
            simulate_cache.with_all_models(cache, ranks)
            for cache in caches
            if cache["metadata"]["namespace"] == namespace
        ]

    def plan_endpoint(self, response: EndpointResponse) -> PlannedObject:
        """The plan of an endpoint."""
        explanation = response.explanation
        warnings = (
            *explanation.status.warnings,
            *self._assumed_components(response.children),
            *self._assumed_models(explanation),
            *_missing_adapters(response),
        )
        return PlannedObject(
            explanation.title, explanation.message, explanation.fits, warnings, response.children, explanation
        )

    def _assumed_components(self, children: Iterable[Raw]) -> Iterator[str]:
        """Warnings about children of kinds that the plan assumes to be offered."""
        for child in children:
            for optional in OPTIONAL:
                if optional.kind in self.assumed_kinds and optional.kind == f"{child['kind']}.{child['apiVersion']}":
                    yield (
                        f"planned as if the kustomize component {optional.component} were installed; "
                        f"{optional.field} has no effect without it"
                    )

    def _assumed_models(self, explanation: Explanation) -> Iterator[str]:
        """Warnings about models that the plan assumes to be cached."""
        cache_used, resolved = explanation.status.cache, explanation.status.resolved
        if not cache_used or not resolved:
            return
        used = [(one.id, one.revision) for one in cache_uses(cache_used, *resolved.repositories)]
        used += [(one.repository, one.revision) for one in explanation.status.adapters]
        for cache in self.cluster.caches:
            name = (cache["metadata"]["namespace"], cache["metadata"]["name"])
            models = (cache.get("status") or {}).get("cachedModels") or ()
            cached = {(model["id"], model["revision"]) for model in models if model["status"] == "Ready"}
            lacking = [one for one, revision in used if (one, revision) not in cached]
            if name == (explanation.endpoint["metadata"]["namespace"], cache_used.name) and lacking:
                had = " and ".join(lacking)
                yield f"planned as if AIMCache {cache_used.name} had {had}; no replica starts before it has"

    def plan_cache(self, cache: Raw, responses: Iterable[EndpointResponse]) -> PlannedObject:
        """The plan of a cache with these users."""
        endpoints = [(one.explanation.endpoint, child) for one in responses for child in one.children]
        records = [simulate_cache.with_owner(child, owner) for owner, child in endpoints]
        response = simulate_cache.sync(cache, records, self.cluster.recipes, self.config)
        metadata, status = cache["metadata"], CacheStatus.model_validate(response["status"])
        _, *conditions = status.conditions  # Ready repeats the first one that is not met
        problems = [
            one.message for one in conditions if one.type not in STANDARD and one.reason not in TRANSIENT_REASONS
        ]
        title = f"AIMCache {metadata['namespace']}/{metadata['name']}"
        return PlannedObject(
            title,
            "; ".join(problems or _cache_outcome(cache, status)),
            not problems,
            status.warnings,
            response["children"],
        )


def _missing_adapters(response: EndpointResponse) -> Iterator[str]:
    """Why an endpoint with adapters would start no replica even if its caches had all that they list."""
    status = response.explanation.status
    refused = [one for one in status.conditions if one.type == "CacheReady" and one.status == "False"]
    started = any(child["kind"] == "Deployment" for child in response.children)
    if refused and not started and response.explanation.endpoint["spec"].get("adapters"):
        yield f"no replica starts: {refused[0].message}"


def _cache_outcome(cache: Raw, status: CacheStatus) -> Iterator[str]:
    """The volume, and which models are downloaded to it when."""
    spec, volume = read_cache_spec(cache), status.storage or CacheStorageStatus()
    size = "as it is" if spec.storage.existing_claim else f"of {volume.requested_size}"
    yield f"PersistentVolumeClaim {volume.pvc_name} {size}"
    later = [cached_model.id for cached_model in status.cached_models if cached_model.status == "OnDemand"]
    now = [one.id for one in status.cached_models if one.id not in later]
    if now:
        yield f"{'verifies' if spec.hub.offline else 'downloads'} {', '.join(now)}"
    if later:
        yield f"{', '.join(later)} when an endpoint uses it"
