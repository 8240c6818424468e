"""The claim that an endpoint made stays as it is, whatever its spec requests later, since most fields are immutable."""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.capacity import RequiredSpace, recipe_sizes
from aimlib.caching.usage import mounted_claims, own_claim
from aimlib.kube.quantity import canonical_quantity, parse_quantity
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.last_applied import kept_child
from aimlib.protocol.observed import CLAIM, phase_of
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World, requests_claim
from hooks.objects.volume_claim import missing_class

NOT_CHANGED = "it is never changed, so that no file is lost"


def _own_claim(world: World, owner: Owner) -> Raw | None:
    """The observed claim that pods are to mount, unless it is being deleted."""
    claim = world.child(CLAIM, owner.claim) if owner.own_claim else None
    return None if claim is None or claim["metadata"].get("deletionTimestamp") else claim


def with_claim_as_it_is(desired: list[Raw], world: World, owner: Owner) -> list[Raw]:
    """The children with the claim as it was last applied, where it is there."""
    claim = _own_claim(world, owner)
    return [kept_child(claim) if claim and child["kind"] == claim["kind"] else child for child in desired]


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
    """Where the claim differs from what the spec requests."""
    claim = _own_claim(world, owner)
    if claim is None:
        return
    stated, has = owner.spec.cache, claim.get("spec") or {}
    modes = ", ".join(map(str, has.get("accessModes") or ()))
    rows = (
        ("size", stated.size and canonical_quantity(stated.size), _requested(has)),
        ("storageClass", stated.storage_class, has.get("storageClassName")),
        ("accessMode", stated.access_mode if "access_mode" in stated.model_fields_set else None, modes),
    )
    for field, requested, found in rows:
        if requested and found and requested != found:
            name = f"PersistentVolumeClaim {owner.claim}"
            yield f"cache.{field} {requested} has no effect: {name} has {found}, and {NOT_CHANGED}"


def _requested(spec: Raw) -> str:
    return str(((spec.get("resources") or {}).get("requests") or {}).get("storage") or "")
