"""The status of an endpoint: the whole of it, every time, since whatever is left out is erased."""

from collections.abc import Mapping

from aimlib.api.endpoint_status import Endpoints, EndpointStatus, Metrics, Replicas, SelectedRecipe, Selection
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Condition, Raw
from aimlib.api.resolved import Resolved
from aimlib.memo import once_per_value
from aimlib.protocol.conditions import Verdict, ready_condition
from aimlib.protocol.metacontroller import prune
from aimlib.protocol.observed import Rollout, serves
from aimlib.protocol.reasons import phase
from aimlib.telemetry.live_metrics import current_metrics
from hooks.endpoint.children.labels import pod_selector
from hooks.endpoint.children.owner import SUSPENDED_REST, Owner
from hooks.endpoint.load_balancer import balancer_address
from hooks.endpoint.warnings import warnings
from hooks.endpoint.world import World

API_PATH = "/v1"
"""The path below which engines serve the API of OpenAI; its clients' base URLs end in it."""


@once_per_value
def written_selection(selection: Selection) -> Raw:
    """An explanation as it is written; endpoints that share a decision share it."""
    return dict(prune(selection.wire(), printed=True))


def endpoints(owner: Owner, service: Raw | None, route: str | None) -> Endpoints:
    """Base URLs that clients take as they stand; those outside the cluster once it has given an address.

    `route` is the URL of a route that was accepted.
    """
    requested = owner.spec.service
    internal = f"http://{owner.child}.{owner.namespace}.svc:{requested.port}{API_PATH}"
    address = balancer_address(service)
    host = f"[{address}]" if ":" in (address or "") else address
    outside = f"http://{host}:{requested.port}{API_PATH}"
    ports = (service or {}).get("spec", {}).get("ports") or [{}]
    return Endpoints(
        internal=internal,
        external=(route and route + API_PATH) or (outside if address else None),
        load_balancer=outside if address else None,
        node_port=ports[0].get("nodePort") if requested.type == "NodePort" else None,
    )


def replica_counts(desired: int, rollout: Rollout, before: Raw) -> Replicas:
    """What the Deployment reports, from its first ready replica on; until then only the desired number."""
    if not rollout.ready and "current" not in (before.get("replicas") or {}):
        return Replicas(desired=desired)
    return Replicas(desired=desired, current=rollout.current, ready=rollout.ready, available=rollout.available)


def metrics(rollout: Rollout, world: World) -> Metrics | None:
    """Live metrics, or why there are none; None where monitoring is not requested."""
    return (
        current_metrics(world.before.get("metrics"), rollout.ready, world.live_metrics, world.now)
        if world.spec.monitoring.scraped
        else None
    )


def conditions(verdicts: tuple[Verdict, ...], generation: int | None) -> tuple[Condition, ...]:
    return tuple(verdict.condition(generation) for verdict in verdicts)


def waiting(world: World, chosen: Verdict, running: Rollout | None, inspection: Inspection | None) -> EndpointStatus:
    """The status while there is no configuration: the reason. `running` are the replicas of a kept Deployment."""
    spec = world.spec
    stopped = spec.suspend and running is None
    verdict = Verdict("Ready", True, *SUSPENDED_REST) if stopped else ready_condition(chosen)
    desired = 0 if spec.suspend else spec.replicas
    return EndpointStatus(
        phase=phase("AIMEndpoint", verdict, serves=serves(world.children)),
        message=verdict.message[:4096],
        model=spec.requested_model.id,
        replicas=replica_counts(desired, running, world.before) if running else Replicas(desired=desired),
        selector=selector(pod_selector(world.name, world.stable_track)) if running else None,
        conditions=conditions((verdict, chosen), world.generation),
        warnings=warnings(spec, None, world.config),
        inspection=inspection,
    )


def selected(resolved: Resolved) -> SelectedRecipe:
    """The selected configuration in short."""
    return SelectedRecipe(
        name=resolved.recipe,
        backend=resolved.backend,
        precision=resolved.precision,
        gpu_count=resolved.gpu_count,
        hardware=resolved.product,
    )


def selector(labels: Mapping[str, str]) -> str:
    """The label selector of the pods in the form that the scale subresource needs."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
