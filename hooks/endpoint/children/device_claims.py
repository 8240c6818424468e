"""The ResourceClaimTemplates of an endpoint: what its pods' ResourceClaims ask for.

A template's spec is immutable, so its name has a digest of its content. An old one stays while pods may still be made
by it: a ReplicaSet that is replaced makes pods until it is scaled to zero.
"""

from collections.abc import Iterable, Sequence

from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.hardware.device_claims import REQUEST, claim_spec
from aimlib.kube.server_kinds import pods_template
from aimlib.naming import child_name, short_digest
from aimlib.protocol.last_applied import kept_child
from hooks.endpoint.children.owner import Owner

CLAIM_TEMPLATE = "ResourceClaimTemplate.resource.k8s.io/v1"
DIGEST_LENGTH = 16


def _spec(resolved: Resolved) -> Raw | None:
    claim = resolved.device_claim
    return {"spec": claim_spec(claim, resolved.gpus_per_node)} if claim else None


def _name_ending(spec: Raw) -> str:
    return f"-gpus-{short_digest(spec, length=DIGEST_LENGTH)}"


def claim_template_name(owner: Owner) -> str | None:
    """The name of the template of these pods; None where they have none."""
    spec = _spec(owner.resolved)
    return child_name(owner.name, _name_ending(spec)) if spec else None


def has_claim_of(pod_spec: Raw, resolved: Resolved) -> bool:
    """Whether a pod has its devices by the ResourceClaim of a configuration."""
    spec, claims = _spec(resolved), pod_spec.get("resourceClaims") or ()
    return spec is not None and any(
        str(one.get("resourceClaimTemplateName")).endswith(_name_ending(spec)) for one in claims
    )


def claim_template(owner: Owner) -> Raw | None:
    """The ResourceClaimTemplate of the selected configuration."""
    spec, name = _spec(owner.resolved), claim_template_name(owner)
    if spec is None or name is None:
        return None
    kind, _, version = CLAIM_TEMPLATE.partition(".")
    return {"apiVersion": version, "kind": kind, "metadata": owner.metadata(name), "spec": spec}


def pod_claims(owner: Owner) -> list[Raw]:
    """The ResourceClaims of a pod: one for all of its devices."""
    name = claim_template_name(owner)
    return [{"name": REQUEST, "resourceClaimTemplateName": name}] if name else []


def container_claims(owner: Owner) -> list[Raw]:
    """The ResourceClaims of the pod that the engine's container uses."""
    return [{"name": REQUEST}] if owner.resolved.device_claim else []


def templates_in_use(
    desired: Sequence[Raw], templates: Iterable[Raw], deployments: Sequence[Raw], changed: Sequence[Raw]
) -> list[Raw]:
    """The observed templates that are not desired any more and that pods may be made by, as last applied.

    All of them stay while none of the `deployments` is observed, or one has pods of an earlier version, or has not been
    seen by its controller; else those stay that one of them, or one of `changed`, names.
    """
    wanted = {child["metadata"]["name"] for child in desired}
    former = [one for one in templates if one["metadata"]["name"] not in wanted]
    if deployments and all(map(_is_rolled_out, deployments)):
        named = {name for one in (*deployments, *changed) for name in _template_names(one)}
        former = [one for one in former if one["metadata"]["name"] in named]
    return [kept_child(one) for one in former]


def _template_names(deployment: Raw) -> list[str]:
    claims = pods_template(deployment)["spec"].get("resourceClaims") or ()
    return [str(one.get("resourceClaimTemplateName")) for one in claims]


def _is_rolled_out(deployment: Raw) -> bool:
    """Whether all pods of a Deployment are of its present template, by what its controller reports."""
    status, generation = deployment.get("status") or {}, deployment["metadata"].get("generation", 0)
    seen = status.get("observedGeneration", -1) >= generation
    return bool(seen and status.get("replicas", 0) == status.get("updatedReplicas", 0))
