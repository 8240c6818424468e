"""The response to a sync of an endpoint: its status, its children, and when to look again."""

from functools import partial
from typing import Any

from aimlib.api.endpoint_status import EndpointStatus
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.diagnosis.container_ends import PodFailure
from aimlib.diagnosis.engine_errors import Diagnosis
from aimlib.diagnosis.pod_failures import pod_failure
from aimlib.diagnosis.start_progress import start_progress
from aimlib.gateway.routed import SUSPENDED, with_endpoint
from aimlib.kube.server_kinds import is_server
from aimlib.kube.timestamp import parse_time
from aimlib.protocol.conditions import ready_condition
from aimlib.protocol.given_up import one_to_write
from aimlib.protocol.last_applied import kept_children
from aimlib.protocol.metacontroller import prune, written_status
from aimlib.protocol.observed import (
    ChildState,
    Rollout,
    child_states,
    condition_of,
    condition_since,
    phase_of,
    rollout,
    serves,
)
from aimlib.protocol.reasons import RESTING, phase
from aimlib.selection.coming import SETTING
from aimlib.telemetry.live_metrics import RESYNC_SECONDS
from hooks.endpoint import conditions, status
from hooks.endpoint.adapters import adapter_warnings
from hooks.endpoint.build import Built
from hooks.endpoint.canary import canary_warnings, resync_seconds, stable_pods
from hooks.endpoint.children.owner import SUSPENDED_REST, Owner
from hooks.endpoint.decision import EndpointDecision
from hooks.endpoint.devices import device_warnings, with_component_checked
from hooks.endpoint.drift import drift_warnings
from hooks.endpoint.gated import gated_model_warnings
from hooks.endpoint.history import Version
from hooks.endpoint.inspection import code_warnings
from hooks.endpoint.load_balancer import use_load_balancer
from hooks.endpoint.own_claim import claim_warnings, with_claim_checked
from hooks.endpoint.own_names import used_since
from hooks.endpoint.pending_children import pending_children
from hooks.endpoint.queue import queue_warnings
from hooks.endpoint.route import use_route
from hooks.endpoint.routing import children_to_wait_for, routing_warnings
from hooks.endpoint.scaling import scaling_status, scaling_warnings
from hooks.endpoint.schedule import schedule_resync_seconds
from hooks.endpoint.startup import measured_startup, starts_fast
from hooks.endpoint.versions_report import current_version, report_versions
from hooks.endpoint.warnings import warnings
from hooks.endpoint.world import World, requests_claim
from hooks.inspection.state import is_made_here
from hooks.objects.volume_claim import former_claim_warning

CARRIED = ("canary", "rollback", "history", "startup")
"""Fields of a status about what has been, which nothing else has."""
POD_RESYNC_SECONDS, LATEST_POD_RESYNC_SECONDS = 5, 30
"""When to look at the Pods again while replicas are missing, at first and at last: no event tells that a Pod is in
trouble."""


def report(world: World, version: Version, decision: EndpointDecision, built: Built | None) -> dict[str, Any]:
    """Status and children; without a configuration the children that are observed, which are none at first."""
    if built is None or decision.resolved is None:
        return _unresolved(world, decision)
    return _running(world, version, decision, built)


def _unresolved(world: World, decision: EndpointDecision) -> dict[str, Any]:
    """The response while there is no configuration: the reason, and every observed child as it was last applied.

    What reads the model's files is as it is desired now.
    """
    why, inspection = decision.verdict, decision.inspection
    kept = [child for child in kept_children(world.children) if not is_made_here(child, world.name)]
    if kept:
        names = ", ".join(f"{child['kind']} {child['metadata']['name']}" for child in kept)
        why = why._replace(message=f"{why.message}; status.resolved is missing: {names} stay as last applied")
    deployment = next(iter(world.deployments), None)
    running = rollout(ChildState({}, deployment, applied=False)) if deployment else None
    made = status.waiting(world, why, running, inspection.status if inspection else None)
    response = _response(made, decision.selection, [*kept, *(inspection.children if inspection else [])])
    carried = {key: world.before[key] for key in CARRIED if key in world.before}
    return {**response, "status": {**response["status"], **carried}}


def _running(world: World, version: Version, decision: EndpointDecision, built: Built) -> dict[str, Any]:
    """The response for an endpoint that has a configuration."""
    owner, cache, states, tracks = built.owner, built.cache, built.states, built.tracks
    since = [condition_since(world.now, world.before, verdict.type, verdict.status) for verdict in cache.conditions]
    since += [tracks.status.since] if tracks.status else []
    waited = children_to_wait_for(states.values())
    settling = [state for state in waited if not (tracks.serving and is_server(state.desired))]
    used = used_since(owner, world.children)
    pending = pending_children(world, settling, *since, *used, alone=partial(_one_to_write, world, built))
    examined = world.pods_examined and owner.replicas > 0
    replicas = tracks.serving or rollout(built.deployment)
    if lacking := built.groups_missing:
        replicas = replicas._replace(problem=PodFailure("GroupsNotManaged", lacking))
    if examined and not tracks.serving:
        replicas = _with_cause(replicas, world, owner, cache.pods.restricted_because)
    claim_lost = any(phase_of(state.observed) == "Lost" for state in states.values())
    serving = conditions.available(owner.replicas, replicas, pending, cache.pods, owner.rest, claim_lost=claim_lost)
    answering = serves(world.children)
    serving = (
        conditions.degraded(serving, owner.replicas, replicas)
        if answering
        else with_claim_checked(world, owner, serving)
    )
    serving = with_component_checked(serving, owner, built.not_offered)
    service = states["Service", owner.child].observed
    route = use_route(world, built.state("HTTPRoute"), built.not_offered)
    balancer = use_load_balancer(world, service)
    versions = report_versions(world, version, built, (serving, replicas))
    current = current_version(decision, built, versions)
    # The last is the one whose message Ready has when there is no objection: that about the replicas.
    # One that is suspended and has stopped is as requested, whatever it would lack.
    first = (serving,) if serving.reason == SUSPENDED_REST[0] else ()
    ready = ready_condition(
        *first, decision.verdict, *cache.objections, serving, *route.objections, *balancer.objections, serving
    )
    ready = ready._replace(met=ready.met or ready.reason in RESTING)
    verdicts = (ready, decision.verdict, *cache.conditions, serving, *route.conditions, *balancer.conditions, current)
    started = measured_startup(world)
    cached = not owner.downloads or requests_claim(world.spec)
    fast = starts_fast(started, world.config.startup_target_seconds, cached=cached)
    verdicts = (*verdicts, *fast, *versions.conditions)
    made = EndpointStatus(
        phase=phase("AIMEndpoint", ready, serves=answering),
        message=ready.message[:4096],
        model=world.spec.requested_model.id,
        selected_recipe=status.selected(versions.resolved),
        endpoints=status.endpoints(owner, service, route.url) if service or not pending.overdue else None,
        replicas=status.replica_counts(owner.replicas, replicas, world.before),
        selector=status.selector(owner.serving_selector),
        scaling=scaling_status(world, built, serving),
        cache=owner.cache,
        source=cache.source,
        adapters=cache.adapters,
        metrics=status.metrics(replicas, world),
        startup=started,
        conditions=status.conditions(verdicts, world.generation),
        warnings=(
            *warnings(world.spec, versions.resolved, world.config),
            *scaling_warnings(owner),
            *version.warnings,
            *canary_warnings(world),
            *decision.notes,
            *(kind.message for kind in built.not_offered),
            *cache.warnings,
            *adapter_warnings(cache.adapters, owner.resolved),
            *queue_warnings(owner),
            *device_warnings(owner),
            *map(former_claim_warning, built.former),
            *claim_warnings(world, owner),
            *drift_warnings(states.values()),
            *routing_warnings(world, states.values()),
            *gated_model_warnings(world, owner, serving),
            *code_warnings(decision.inspection),
        ),
        inspection=decision.inspection.status if decision.inspection else None,
        resolved=versions.resolved,
        canary=versions.canary,
        rollback=versions.rollback,
        history=versions.history,
    )
    resyncs = (
        _pod_resync_seconds(world) if examined else pending.resync_seconds,
        RESYNC_SECONDS if world.live_metrics else 0,
        resync_seconds(tracks.status, world.spec.deployment.canary),
        cache.resync_seconds,
        schedule_resync_seconds(owner.scalers.times, world.now),
    )
    again = min(filter(None, resyncs), default=0)
    children = with_endpoint(built.children, SUSPENDED if world.spec.suspend else str(made.phase), world.labels)
    return _response(made, decision.selection, children) | ({"resyncAfterSeconds": again} if again else {})


def _one_to_write(world: World, built: Built) -> bool:
    """Whether one child alone is to be created or changed, by what the last sync returned."""
    phase_before = SUSPENDED if world.spec.suspend else str(world.before.get("phase") or "")
    returned = with_endpoint(built.children, phase_before, world.labels)
    return one_to_write(child_states(world.children, returned).values())


def _with_cause(replicas: Rollout, world: World, owner: Owner, appended: str) -> Rollout:
    """The rollout with what its Pods show: why they fail, beyond what the Deployment reports, and how they start."""
    pods, resolved = stable_pods(world, owner), owner.resolved
    former = _former_failure(world, resolved, appended)
    found = pod_failure(pods, world.now, world.log, former, queue=world.queue, unprepared=world.unprepared)
    found = _waiting_for_node(found, resolved) if found and resolved.may_come else found
    return replicas._replace(problem=found or replicas.problem, starting=start_progress(pods, world.now))


def _waiting_for_node(found: PodFailure, resolved: Resolved) -> PodFailure:
    """That a pod without a node waits for one that may come."""
    if found.reason != "Unschedulable":
        return found
    waits = f"waits for a node with {resolved.product}, which may come ({SETTING})"
    return PodFailure("WaitingForNode", f"{waits}: {found.message}")


def _pod_resync_seconds(world: World) -> int:
    """Less and less often, by how long replicas have been missing: a model that loads does so for minutes."""
    since = parse_time(condition_since(world.now, world.before, "Available", "False")) or world.now
    waited = (world.now - since).total_seconds()
    return int(min(max(waited / 2, POD_RESYNC_SECONDS), LATEST_POD_RESYNC_SECONDS))


def _former_failure(world: World, resolved: Resolved, appended: str) -> Diagnosis | None:
    """What was last reported of the same spec and the same configuration, without what is appended to it."""
    former = condition_of(world.before, "Available")
    same = former.get("observedGeneration") == world.generation and world.before.get("resolved") == prune(
        resolved.wire()
    )
    message = conditions.without_serving(str(former.get("message") or "")).removesuffix(f"; {appended}")
    return Diagnosis(str(former.get("reason") or ""), message) if same and former.get("status") == "False" else None


def _response(made: EndpointStatus, selection: Raw | None, children: list[Raw]) -> dict[str, Any]:
    """The explanation of a decision is written once and then carried along as it was read."""
    explained = {"selection": selection} if selection else {}
    return {"status": written_status(made.wire()) | explained, "children": children}
