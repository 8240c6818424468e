"""The claims that an endpoint made stay as they are, whatever its spec requests later: most fields are immutable."""

from collections.abc import Iterator

from aimlib.api.compile_cache import CompileCache
from aimlib.api.endpoint_parts import Cache
from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.capacity import RequiredSpace, recipe_sizes
from aimlib.caching.usage import mounted_claims, own_claim
from aimlib.kube.quantity import canonical_quantity, parse_quantity
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.last_applied import kept_child
from aimlib.protocol.observed import CLAIM, phase_of
from hooks.endpoint.children.compile_cache import compile_cache, compiled_in
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World, requests_claim
from hooks.objects.volume_claim import missing_class

NOT_CHANGED = "it is never changed, so that no file is lost"


def _own_claim(world: World, owner: Owner) -> Raw | None:
    """The observed claim that has the model's files and that pods are to mount."""
    return _as_it_is(world, owner.claim) if owner.own_claim else None


def _as_it_is(world: World, name: str) -> Raw | None:
    """An observed claim of the endpoint, unless it is being deleted."""
    claim = world.child(CLAIM, name)
    return None if claim is None or claim["metadata"].get("deletionTimestamp") else claim


def with_claims_as_they_are(desired: list[Raw], world: World) -> list[Raw]:
    """The children with each claim as it was last applied, where it is there."""
    return [_kept(child, world) if child["kind"] == "PersistentVolumeClaim" else child for child in desired]


def _kept(desired: Raw, world: World) -> Raw:
    claim = _as_it_is(world, desired["metadata"]["name"])
    return kept_child(claim) if claim else desired


def caches_in_use(desired: list[Raw], world: World, owner: Owner) -> list[Raw]:
    """The endpoint's own caches that are not desired any more and that pods still use, as last applied."""
    names = {child["metadata"]["name"] for child in desired if child["kind"] == "AIMCache"}
    mounted = {claim for one in world.deployments for claim in mounted_claims(one)}
    mounted |= {own_claim(use.cache) for use in owner.uses}  # those of pods that are being replaced, too
    former = (one for one in world.own_caches if one["metadata"]["name"] not in names)
    return [kept_child(one) for one in former if own_claim(one["metadata"]["name"]) in mounted]


MAY_BE_THE_CLAIM = {"Progressing", "Unschedulable", "WaitingForNode", "ClaimPending"}
"""Reasons why replicas are not ready that may come from the claim."""


def with_claim_checked(world: World, owner: Owner, serving: Verdict) -> Verdict:
    """Available, with what the endpoint's own claim lacks where that may be why replicas are not ready."""
    if serving.met or serving.reason not in MAY_BE_THE_CLAIM or not requests_claim(owner.spec):
        return serving
    claim = world.child(CLAIM, owner.claim)
    name, has = f"PersistentVolumeClaim {owner.claim}", (claim or {}).get("spec") or {}
    size = _requested(has) or owner.spec.cache.size
    recipe = [one for one in world.recipes if one["metadata"]["name"] == owner.resolved.recipe]
    sizes_of, loaded = recipe_sizes(recipe), owner.resolved.repositories
    needed = sum(sizes_of.get(one, 0) for one in loaded)
    if size and parse_quantity(size) < needed:
        enough = RequiredSpace(needed, ()).size
        sizes = f"{name} has {size}, and {' with '.join(loaded)} needs {format_bytes(needed, at_least=True)}"
        return Verdict("Available", False, "TooSmall", f"{sizes}; {enough} would be enough: {_larger(claim)}")
    storage_class = has.get("storageClassName") or owner.spec.cache.storage_class
    missing = None if phase_of(claim) == "Bound" else missing_class(world.storage_classes, storage_class)
    if missing and storage_class != "":
        return Verdict("Available", False, "StorageClassNotFound", f"{name} is not bound: {missing}")
    return serving


def _larger(claim: Raw | None) -> str:
    """How a claim gets larger: it is never changed."""
    return "set cache.size, and delete the claim, which is never changed" if claim else "set cache.size"


def claim_warnings(world: World, owner: Owner) -> Iterator[str]:
    """Where the claims differ from what the spec requests."""
    compiled = compile_cache(owner)
    if claim := _own_claim(world, owner):
        yield from _differences("cache", owner.spec.cache, claim)
    if compiled and (claim := _as_it_is(world, compiled_in(owner))):
        yield from _differences("engine.compileCache", compiled, claim)


def _differences(path: str, stated: Cache | CompileCache, claim: Raw) -> Iterator[str]:
    name, has = claim["metadata"]["name"], claim.get("spec") or {}
    rows = (
        ("size", "size", stated.size and canonical_quantity(stated.size), _requested(has)),
        ("storage_class", "storageClass", stated.storage_class, has.get("storageClassName")),
        ("access_mode", "accessMode", stated.access_mode, ", ".join(map(str, has.get("accessModes") or ()))),
    )
    for field, spelled, requested, found in rows:
        if field in stated.model_fields_set and requested and found and requested != found:
            what = f"PersistentVolumeClaim {name} has {found}, and {NOT_CHANGED}"
            yield f"{path}.{spelled} {requested} has no effect: {what}"


def _requested(spec: Raw) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage") or "")
