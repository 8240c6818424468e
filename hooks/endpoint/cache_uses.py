"""What the pods of an endpoint use of caches, as its Deployment and its Service record it."""

from collections.abc import Iterator

from aimlib.api.endpoint_status import UsedCache
from aimlib.api.meta import Raw
from aimlib.caching.usage import CLAIM_LABEL_PREFIX, Use, claim_labels, mounted_claims, uses
from aimlib.kube.server_kinds import pods_template
from hooks.endpoint.children.compile_cache import compiled_in
from hooks.endpoint.children.owner import Owner


def template_uses(running: Raw | None) -> tuple[Use, ...]:
    """What the pods of an observed Deployment use of caches."""
    return (uses(pods_template(running).get("metadata") or {}) or ()) if running else ()


def all_uses(desired: tuple[Use, ...], running: Raw | None, service: Raw | None) -> tuple[Use, ...]:
    """What is desired; what the Deployment's pods use; and what is recorded, until no earlier pod is left."""
    if running is None:
        return desired
    latest = template_uses(running)
    recorded = () if {*latest} == {*desired} and _rolled_out(running) else _recorded_uses(running, service)
    return tuple(sorted({*desired, *latest, *recorded}))


def labels_of_claims(
    owner: Owner, used: UsedCache | None, every_use: tuple[Use, ...], running: Raw | None
) -> dict[str, str]:
    """The labels for the claims that are desired and mounted, and the recorded ones, until no such pod is left."""
    desired = (*((used.claim_name,) if used else ()), *((owner.source.name,) if owner.source else ()))
    claims = {*mounted_claims(running), *desired} - {owner.claim, compiled_in(owner)}
    labels = claim_labels(claims, every_use)
    if running is None or _rolled_out(running):
        return labels
    found = running["metadata"].get("labels") or {}
    return {**{key: str(found[key]) for key in found if key.startswith(f"{CLAIM_LABEL_PREFIX}/")}, **labels}


def _rolled_out(running: Raw) -> bool:
    """Whether no pod of an earlier version is left."""
    status = running.get("status") or {}
    seen = status.get("observedGeneration", 0) >= running["metadata"].get("generation", 0)
    return bool(seen and status.get("replicas", 0) == status.get("updatedReplicas", 0))


def _recorded_uses(*children: Raw | None) -> Iterator[Use]:
    """The uses that are recorded on children, and so those of pods of earlier versions."""
    for child in children:
        yield from (uses(child["metadata"]) or ()) if child else ()
