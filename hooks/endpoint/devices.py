"""The ResourceClaims of an endpoint's pods: which templates stay, and what its status tells without the component."""

from collections.abc import Iterable, Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.engines.arguments import parse_args
from aimlib.kube.server_kinds import is_server
from aimlib.protocol.conditions import Verdict
from hooks.endpoint.children import OptionalChild
from hooks.endpoint.children.device_claims import CLAIM_TEMPLATE, templates_in_use
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World


def claim_templates_in_use(desired: Sequence[Raw], made: Sequence[Raw], world: World) -> list[Raw]:
    """The endpoint's ResourceClaimTemplates that are not desired any more and that pods may still be made by.

    `desired` are its children, and `made` those of a version that is tried.
    """
    templates = world.children.get(CLAIM_TEMPLATE, {}).values()
    changed = [one for one in (*desired, *made) if is_server(one)]
    return templates_in_use(desired, templates, [*world.deployments], changed)


def with_component_checked(serving: Verdict, owner: Owner, missing: Iterable[OptionalChild]) -> Verdict:
    """Available, with the component that is missing where pods cannot be made without it."""
    lacking = next((child for child in missing if child.kind == CLAIM_TEMPLATE), None)
    if lacking is None or serving.met or not owner.replicas:
        return serving
    kind = CLAIM_TEMPLATE.partition(".")[0]
    why = f"{owner.resolved.product} is asked for by a ResourceClaim"
    return Verdict(
        "Available",
        False,
        "ComponentRequired",
        f"{why}: {kind} is managed once the kustomize component {lacking.component} is installed",
    )


def device_warnings(owner: Owner) -> Iterator[str]:
    """Memory that nothing isolates, GPUs that a queue may not count, a volume that one of several nodes can mount."""
    if owner.spec.accelerators.gpu_share and owner.spec.image.repository:
        flag = owner.engine.flags.memory_fraction
        yield (
            f"accelerators.gpuShare: an image of your own keeps to the share by {flag} alone, as far as it knows that; "
            "what it takes beyond is taken from the other pods on the GPU"
        )
    if owner.resolved.nodes and owner.cache and owner.one_node:
        cache, many = owner.cache, f"a replica is on {owner.resolved.nodes} nodes"
        yield (
            f"the volume of AIMCache {cache.name} is {cache.access_mode}, for one node at a time, and {many}, of which "
            "the others wait for it: use a cache with ReadWriteMany, or none"
        )
    if owner.resolved.time_sliced:
        flag = owner.engine.flags.memory_fraction
        stated = parse_args(owner.resolved.backend, owner.spec.engine.args).value(flag, float)
        bounds = f"; {flag} in engine.args bounds the part of this one" if stated is None else ""
        yield (
            "accelerators.allowTimeSliced: the memory of a time-sliced GPU is not isolated, so the pods on one take it "
            f"from each other{bounds}"
        )
    if owner.resolved.device_claim and owner.spec.queue_name:
        yield (
            "queueName: Kueue counts GPUs of ResourceClaims only where its deviceClassMappings name the DeviceClass "
            f"{owner.resolved.device_claim.device_class}; without them it admits by CPU and memory alone"
        )
