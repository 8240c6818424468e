"""Selects the AIMCache of an endpoint, and holds the Deployment until the model is cached.

Until then no pod is started that would download it: the Deployment stays as it was last applied.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api.adapter import AdapterStatus
from aimlib.api.cache import CacheSpec
from aimlib.api.cache_status import CacheStatus
from aimlib.api.endpoint_status import LoadedSource, UsedCache
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.caching.choice import (
    CacheCandidate,
    CacheChoice,
    CacheHistory,
    CacheRequest,
    SpecModel,
    cache_uses,
    choose_cache,
)
from aimlib.caching.usage import mounted_claims
from aimlib.caching.weight_files import form_loaded, forms_left_out
from aimlib.config import Config
from aimlib.hub_url import HUGGING_FACE, may_have_token, shown
from aimlib.kube.server_kinds import pods_template
from aimlib.memo import Memo, memoized, versions
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.last_applied import last_applied
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import SERVICE, find_server
from aimlib.schema.error_messages import validation_messages
from hooks.cache.children.owner import CacheOwner
from hooks.endpoint.adapters import AdapterUse, adapters_there, own_download, use_adapters, without_cache
from hooks.endpoint.cache_messages import cache_ready, other_users, shared, unused
from hooks.endpoint.cache_uses import all_uses, labels_of_claims, template_uses
from hooks.endpoint.children.deployment import engine_deployment, held_deployment
from hooks.endpoint.children.held import HeldDeployment
from hooks.endpoint.children.own_cache import own_cache
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.conditions import CachePods
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.world import World, may_use_cache, remembered_part

FOUND_ROOM = 8 << 20
"""Characters of statuses that are stored: each change of a cache is another version, of up to a megabyte."""
FOUND: Memo[CacheCandidate] = Memo(256, lambda found: len(found.status.model_dump_json()), FOUND_ROOM)


class Memory(NamedTuple):
    """What the status has of caches so far."""

    cache: UsedCache | None
    same: bool
    """Whether it was written for the present recipe and checkpoint."""
    been_ready: bool
    """Whether any replica ever was."""


class CacheUse(NamedTuple):
    """How an endpoint uses a cache."""

    owner: Owner
    """The endpoint with its cache, and with the Deployment that is held until the model is there."""
    conditions: tuple[Verdict, ...] = ()
    """CacheReady; none where no cache is used."""
    objections: tuple[Verdict, ...] = ()
    """The same while Ready has to wait for it."""
    pods: CachePods = CachePods()
    warnings: tuple[str, ...] = ()
    newer: str = ""
    """That the source of the model names another version than the cache has; empty where it does not."""
    source: LoadedSource | None = None
    """Which version of a source is loaded."""
    adapters: tuple[AdapterStatus, ...] = ()
    """The adapters of the cache."""
    children: tuple[Raw, ...] = ()
    """What looks up which version that is, where no cache does."""
    resync_seconds: int = 0
    """When to look again; 0 for not by itself."""


def use_cache(world: World, decision: EndpointDecision, owner: Owner) -> CacheUse:
    """The cache of an endpoint, and all that follows from it."""
    memory = _memory(world, decision.pinned, owner.resolved)
    running = find_server(world.children, world.name, owner.track)
    service = world.child(SERVICE, owner.child)
    raws = _usable(world, owner, memory)
    caches = [memoized(FOUND, versions([raw]), partial(_read, raw, owner.config)) for raw in raws]
    request, name = _cache_request(owner), owner.own_cache if owner.download else owner.spec.cache.name
    wanted = owner.resolved.adapters or ()
    before = CacheHistory(
        pinned=memory.cache if memory.same else None,
        running=template_uses(running) if _size(running) else (),
        mounted=mounted_claims(running),
        serves_without=bool(caches) and name is None and not wanted and _serves_without(owner, running, memory),
        lost=memory.cache is None,
    )
    uses_one = owner.download or raws or may_use_cache(owner.spec)
    choice = choose_cache(name, caches, request, before) if uses_one else None
    used = choice.used if choice else None
    runs = bool(owner.replicas and _size(running)) and not _idle(running, memory)
    adapters = use_adapters(world, owner, choice, before.running, runs=runs) if choice else AdapterUse()
    desired = (*(cache_uses(used, *request.repositories) if used else ()), *adapters.uses)
    every_use = all_uses(desired, running, service)
    owner = owner._replace(cache=used, uses=every_use, claim_labels=labels_of_claims(owner, used, every_use, running))
    owner = owner._replace(adapters=adapters.loaded)
    if choice is None:
        return _without_cache(owner, caches, request, running, memory)
    verdict = cache_ready(choice, owner.namespace, running=runs, source=owner.download.source if owner.download else "")
    verdict = _with_adapters(verdict, owner, adapters)
    hold = None if verdict.met else _hold(owner, choice, running, memory)
    restricted = shared(used, owner.most_replicas, other_users(choice, owner.name)) if used else ""
    return CacheUse(
        owner._replace(hold=hold),
        (verdict,),
        (verdict,) if hold and owner.replicas else (),
        _pods(hold, owner, choice, restricted),
        (*([restricted] if ":" in restricted else []), *_mounted_elsewhere(owner), *_without(owner, choice, hold)),
        (choice.model.newest_message if choice.model else None) or "",
        _loaded_source(world, owner, choice),
        adapters=adapters.statuses,
    )


def _with_adapters(verdict: Verdict, owner: Owner, adapters: AdapterUse) -> Verdict:
    """Whether the cache has the model and all adapters."""
    if owner.resolved.adapters and owner.download:
        return own_download(owner, owner.download.source)
    if not verdict.met or not owner.resolved.adapters:
        return verdict
    return adapters.objection or verdict._replace(message=f"{verdict.message}{adapters_there(adapters.statuses)}")


def _without_cache(
    owner: Owner, caches: Sequence[CacheCandidate], request: CacheRequest, running: Raw | None, memory: Memory
) -> CacheUse:
    """An endpoint that uses no cache, which one with adapters needs."""
    if not owner.resolved.adapters:
        return CacheUse(owner, warnings=tuple(unused(caches, request)))
    verdict = without_cache(owner, caches, request)
    hold = _hold(owner, CacheChoice("", request), running, memory)
    objections = (verdict,) if owner.replicas else ()
    waits = CachePods("no replica is started before a cache has the model and its adapters")
    return CacheUse(owner._replace(hold=hold), (verdict,), objections, waits if hold else CachePods())


def with_former_uses(world: World, owner: Owner) -> Owner:
    """An endpoint that uses no cache, with what pods of an earlier version still use."""
    running, service = find_server(world.children, world.name, owner.track), world.child(SERVICE, owner.child)
    every_use = all_uses((), running, service)
    return owner._replace(uses=every_use, claim_labels=labels_of_claims(owner, None, every_use, running))


def _usable(world: World, owner: Owner, memory: Memory) -> list[Raw]:
    """The caches that may be chosen: with a source its own alone; else one of its own only while pods run on it.

    One that is not there yet is as it will be made, so that all is the same before and after.
    """
    if owner.download:
        there = [one for one in world.own_caches if one["metadata"]["name"] == owner.own_cache]
        return there or [prune(own_cache(owner) or {})]
    pinned = memory.cache.name if memory.same and memory.cache else None
    return [*world.caches, *(one for one in world.own_caches if one["metadata"]["name"] == pinned)]


def _loaded_source(world: World, owner: Owner, choice: CacheChoice) -> LoadedSource | None:
    """Which version of a source the pods load. What the status has of it stays while the cache cannot tell."""
    model = choice.model if choice.model and choice.model.status == "Ready" else None
    if model is None:
        before = remembered_part(world.before, "source", LoadedSource)
        same = before and owner.download and before.source == owner.download.source
        return before if same or choice.in_use else None
    if model.source is None:
        return None
    return LoadedSource(source=model.source, resolved=model.resolved, commit=model.commit, verified=model.verified)


def _memory(world: World, pinned: Resolved | None, resolved: Resolved) -> Memory:
    """What the status has of caches, and whether it was written for this configuration."""
    same = pinned and pinned.loaded_files == resolved.loaded_files
    # Without this part the status is lost, and with it whether a replica ever was: then the pods are kept.
    been_ready = "current" in (world.before.get("replicas") or ("current",))
    return Memory(remembered_part(world.before, "cache", UsedCache), bool(same), been_ready)


def _read(raw: Raw, config: Config) -> CacheCandidate:
    """An AIMCache as it is found. One that cannot be read must not stop what runs."""
    metadata = raw["metadata"]
    name, deleting = metadata["name"], "deletionTimestamp" in metadata
    try:
        spec = CacheSpec.model_validate(raw.get("spec"))
        status = CacheStatus.model_validate(raw.get("status") or {})
    except ValidationError as error:
        return CacheCandidate(name, deleting=deleting, error="; ".join(validation_messages(error))[:1024])
    volume = CacheOwner(name, metadata.get("namespace", "default"), spec, config)
    mode = spec.storage.access_mode
    models = tuple(
        SpecModel(one.id, one.revision, forms_left_out(one.include, one.exclude), one.source or "")
        for one in spec.models
    )
    source = _own_source(spec, config)
    return CacheCandidate(
        name, models, status, volume.claim, volume.mount_path, mode, deleting=deleting, own_source=source
    )


def _own_source(spec: CacheSpec, config: Config) -> str:
    """Where a cache's files come from, unless it is the default hub or one of the settings."""
    if claim := spec.storage.existing_claim:
        return f"PersistentVolumeClaim {claim}"
    trusted = may_have_token(spec.hub.endpoint, (HUGGING_FACE, *config.token_hubs))
    return "" if trusted else shown(spec.hub.endpoint or HUGGING_FACE)


def _mounted_elsewhere(owner: Owner) -> Iterator[str]:
    """A warning where another path is requested than the selected cache has; a named cache has a warning of its own."""
    stated, used = owner.spec.cache, owner.cache
    if used and not stated.name and "mount_path" in stated.model_fields_set and stated.mount_path != used.mount_path:
        yield f"cache.mountPath has no effect: cache {used.name} is mounted at {used.mount_path}"


def _without(owner: Owner, choice: CacheChoice, hold: HeldDeployment | None) -> Iterator[str]:
    """How an endpoint goes on that waits for a cache, and need not."""
    if hold and owner.replicas and not (choice.in_use or owner.download or owner.resolved.adapters):
        how = " instead of cache.name" if owner.spec.cache.name else ""
        yield f"replicas wait for cache {choice.name}; cache.enabled: false{how} starts them without one"


def _cache_request(owner: Owner) -> CacheRequest:
    resolved = owner.resolved
    default_only = owner.runs_code and owner.config.remote_code_revisions == "Default"
    form = form_loaded(resolved.backend, resolved.args)
    adapters = tuple(one.source.repository for one in resolved.adapters or ())
    stated = (owner.revision, default_only, form)
    return CacheRequest(
        resolved.model_id, resolved.checkpoint, resolved.recipe, *stated, resolved.draft, adapters=adapters
    )


def _size(running: Raw | None) -> int:
    """How many replicas an observed Deployment has in its spec."""
    return int(running["spec"].get("replicas", 1)) if running else 0


def _ready(running: Raw | None) -> bool:
    return bool(((running or {}).get("status") or {}).get("readyReplicas"))


def _idle(running: Raw | None, memory: Memory) -> bool:
    """Whether there is no reason to keep the pods: none was ever ready, and they would download it themselves."""
    return not (template_uses(running) or memory.been_ready or _ready(running))


def _serves_without(owner: Owner, running: Raw | None, memory: Memory) -> bool:
    """Whether this configuration has been served without a cache, so that one that appears later is not used."""
    if template_uses(running):
        return False
    if memory.same and memory.cache is None and memory.been_ready:
        return True
    last = last_applied(running) if running and _ready(running) and _size(running) else None
    return last is not None and pods_template(last) == pods_template(prune(engine_deployment(owner)))


def _hold(owner: Owner, choice: CacheChoice, running: Raw | None, memory: Memory) -> HeldDeployment | None:
    """The Deployment to keep until the model is there; None where that is what is desired anyway."""
    if choice.used and not owner.replicas and len(owner.adapters) == len(owner.resolved.adapters or ()):
        return None
    if running is None:
        return HeldDeployment(None)
    last = last_applied(running)
    if last is None and choice.in_use:
        return None
    count = 0 if _idle(running, memory) or not _size(running) else owner.replicas
    spec = {**(last or running)["spec"], "replicas": count}
    if choice.used and spec == prune(engine_deployment(owner))["spec"]:
        return None
    return held_deployment(owner, running, spec)


def _pods(hold: HeldDeployment | None, owner: Owner, choice: CacheChoice, restricted: str) -> CachePods:
    """What that means for the pods."""
    running = hold.deployment["spec"]["replicas"] if hold and hold.deployment else 0
    loaded = choice.request.repositories
    none = f"no replica is started before {' and '.join(loaded)} {'are' if loaded[1:] else 'is'} in cache {choice.name}"
    return CachePods(none if hold and owner.replicas > running else "", restricted, earlier=bool(running))
