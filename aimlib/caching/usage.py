"""Records which endpoint uses which model of a cache: a label and an annotation on its Deployment and its Service.

A cache's related objects are those with its label. The Deployment has the record because no pod of an endpoint starts
without it; the Service because it is there before, while the model is waited for. Who mounts a claim that another cache
made, by way of `storage.existingClaim`, has a label for the claim, by which the cache that made it finds them.
"""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.naming import child_name

USAGE_LABEL_PREFIX = f"cache.{GROUP}"
CLAIM_LABEL_PREFIX = f"claim.{GROUP}"
USAGE_ANNOTATION = f"{GROUP}/cached-models"


class Use(NamedTuple):
    """One model of one cache."""

    cache: str
    id: str
    revision: str = DEFAULT_REVISION


class Users(NamedTuple):
    """The endpoints that use one cache."""

    by_model: Mapping[tuple[str, str], tuple[str, ...]]
    """By id and revision of the model."""
    of_unknown: tuple[str, ...] = ()
    """Those whose record cannot be read: they may use any model."""

    def may_use(self, model: tuple[str, str]) -> tuple[str, ...]:
        """Those that use a model, or may."""
        return tuple(sorted({*self.by_model.get(model, ()), *self.of_unknown}))


def usage_label(cache: str) -> str:
    """The key of the label by which a cache finds its users."""
    return f"{USAGE_LABEL_PREFIX}/{child_name(cache)}"


def usage_labels(uses: tuple[Use, ...]) -> dict[str, str]:
    """The labels of an object whose endpoint uses these."""
    return {usage_label(use.cache): "used" for use in uses}


def own_claim(cache: str) -> str:
    """The name of the claim that a cache makes."""
    return child_name(cache, "-storage")


def claim_label(claim: str) -> str:
    """The key of the label by which the cache that made a claim finds those who mount it for another cache."""
    return f"{CLAIM_LABEL_PREFIX}/{child_name(claim)}"


def claim_labels(claims: Iterable[str], uses: Iterable[Use]) -> dict[str, str]:
    """The labels of a Deployment that mounts these claims, but for those of the caches that it uses by name."""
    by_name = {own_claim(use.cache) for use in uses}
    return {claim_label(claim): "used" for claim in claims if claim not in by_name}


def usage_annotation(uses: tuple[Use, ...]) -> dict[str, str]:
    """The annotation of an object whose endpoint uses these; none where there are none."""
    return {USAGE_ANNOTATION: json.dumps(sorted(set(uses)))} if uses else {}


def usage_metadata(
    metadata: Mapping[str, object], uses: tuple[Use, ...], labels_of_claims: Mapping[str, str] | None = None
) -> Raw:
    """Metadata with the record of these uses."""
    found = dict(metadata)
    labels = {**usage_labels(uses), **(labels_of_claims or {})}
    for key, record in (("labels", labels), ("annotations", usage_annotation(uses))):
        before = found.get(key)
        found[key] = {**(before if isinstance(before, dict) else {}), **record}
    return found


def used_by(objects: Iterable[Raw], cache: str, claim: str) -> Users:
    """The endpoints that use one cache, by the records on the Deployments and Services that have its label.

    Those that mount its claim use it, too, whichever cache they name. A record that cannot be read, or has nothing of
    the cache, means any model. An object without an owner, as an endpoint leaves it that was deleted alone, counts by
    its own name.
    """
    users: dict[tuple[str, str], set[str]] = {}
    unknown: set[str] = set()
    label = usage_label(cache)
    for one in objects:
        metadata = one["metadata"]
        mounts = claim in mounted_claims(one)
        if not mounts and label not in (metadata.get("labels") or {}):
            continue
        owners = (owner["name"] for owner in metadata.get("ownerReferences") or () if owner.get("controller"))
        endpoint = next(owners, metadata["name"])
        found = [use for use in uses(metadata) or () if mounts or use.cache == cache]
        if not found:
            unknown.add(endpoint)
        for use in found:
            users.setdefault((use.id, use.revision), set()).add(endpoint)
    return Users({model: tuple(sorted(names)) for model, names in users.items()}, tuple(sorted(unknown)))


def mounted_claims(running: Raw | None) -> tuple[str, ...]:
    """The claims that the pods of a Deployment mount; none of another object."""
    spec = (running or {}).get("spec") or {}
    template = (spec.get("leaderWorkerTemplate") or {}).get("leaderTemplate") or spec.get("template") or {}
    volumes = (template.get("spec") or {}).get("volumes") or ()
    claims = (volume.get("persistentVolumeClaim") or {} for volume in volumes)
    return tuple(claim["claimName"] for claim in claims if claim)


def uses(metadata: Raw) -> tuple[Use, ...] | None:
    """The uses in the annotation of an object: none where it is absent; None where it cannot be read."""
    text = (metadata.get("annotations") or {}).get(USAGE_ANNOTATION)
    try:
        found = json.loads("[]" if text is None else text)
        read = tuple(Use(*one) for one in found)
    except (TypeError, ValueError, RecursionError):
        return None
    return read if all(isinstance(part, str) for use in read for part in use) else None
