"""The claim that an endpoint made stays as it is, whatever its spec requests later, since most fields are immutable."""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.kube.quantity import canonical_quantity
from aimlib.protocol.last_applied import kept_child
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.own_names import CLAIM
from hooks.endpoint.world import World

NOT_CHANGED = "it is never changed, so that no file is lost"


def _own_claim(world: World, owner: Owner) -> Raw | None:
    """The observed claim that pods are to mount, unless it is being deleted."""
    claim = world.child(CLAIM, owner.claim) if owner.own_claim else None
    return None if claim is None or claim["metadata"].get("deletionTimestamp") else claim


def with_claim_as_it_is(desired: list[Raw], world: World, owner: Owner) -> list[Raw]:
    """The children with the claim as it was last applied, where it is there."""
    claim = _own_claim(world, owner)
    return [kept_child(claim) if claim and child["kind"] == claim["kind"] else child for child in desired]


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
