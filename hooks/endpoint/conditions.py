"""The conditions of an endpoint, each from what was decided and what is observed; Ready is the first objection."""

from typing import NamedTuple

import jsonpatch

from aimlib.api.endpoint_status import Resolved
from aimlib.api.meta import Raw
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import Rollout
from aimlib.selection.rules import gpus
from aimlib.selection.select import Decision
from hooks.endpoint.pending_children import Awaited


def recipe_selected(decision: Decision | None, pinned: Resolved | None, key: str, explained: Raw) -> Verdict:
    """Whether what is asked for now has a recipe. A pinned choice for the same request is one, for its old reason."""
    name = "RecipeSelected"
    if pinned and pinned.decided_for == key:
        usual = f"{pinned.recipe} with {gpus(pinned.gpu_count)} on {pinned.product}"
        reason = "Fallback" if explained.get("fallback") else "Selected"
        return Verdict(name, True, reason, explained.get("message", usual))
    kept = f"; {pinned.recipe} keeps running" if pinned else ""
    if decision is None:
        waiting = f"waiting for the AIMInventory named cluster to be filled{kept}"
        return Verdict(name, False, "InventoryNotReady", waiting)
    selection = decision.selection
    if decision.resolved:
        return Verdict(name, True, "Fallback" if selection.fallback else "Selected", selection.message)
    reason = "NothingFits" if selection.considered else "NoRecipe"
    return Verdict(name, False, reason, selection.message + kept)


def up_to_date(running: Resolved, fresh: Decision | None) -> Verdict:
    """Whether a decision made now would be the same; it is reported, not taken, unless updatePolicy is Auto."""
    name = "UpToDate"
    if fresh is None or fresh.resolved == running:
        return Verdict(name, True, "Current", "a new decision would be the same")
    if fresh.resolved is None:
        return Verdict(name, False, "NoLongerFits", f"kept as it was chosen; now {fresh.selection.message}")
    better = fresh.resolved
    if (better.recipe, better.gpu_count) != (running.recipe, running.gpu_count):
        return Verdict(name, False, "BetterRecipeAvailable", f"{fresh.selection.message}; {HOW_TO_TAKE}")
    changed = sorted(
        {operation["path"].split("/")[1] for operation in jsonpatch.make_patch(running.wire(), better.wire())}
    )
    return Verdict(
        name,
        False,
        "RecipeChanged",
        f"{running.recipe} has changed since it was chosen ({', '.join(changed)}); {HOW_TO_TAKE}",
    )


HOW_TO_TAKE = "set recipe.updatePolicy: Auto to take it"


class Pods(NamedTuple):
    """What an endpoint's cache means for its pods."""

    idle: str = ""
    """Why there are none though replicas are wanted."""
    crowd: str = ""
    """Why there may not be room for all of them."""
    kept: bool = False
    """Whether they are of an earlier version."""


def available(desired: int, seen: Rollout, awaited: Awaited, claim_lost: bool, pods: Pods) -> Verdict:  # noqa: FBT001
    """Whether all children are there, and all wanted replicas of the present version answer: the first that applies."""
    settled = seen.up_to_date and seen.updated >= desired and seen.ready >= desired and seen.current <= desired
    missing_pods = pods.crowd if seen.ready < desired else ""
    progress = pods.idle or "; ".join(filter(None, (_progress(desired, seen), missing_pods)))
    reason, said = seen.trouble or ("", "")
    missing, unchanged = awaited.missing, awaited.unchanged
    table = (
        (missing and awaited.given_up, False, "ChildMissing", f"{missing} cannot be created: {WHY_NOT}"),
        (unchanged and awaited.given_up, False, "ChildRefused", f"{unchanged} cannot be changed: {WHY_UNCHANGED}"),
        (claim_lost, False, "ClaimLost", "the volume of the cache's claim is gone"),
        (seen.trouble, False, reason, "; ".join(filter(None, (said, missing_pods)))),
        (not settled and awaited.overdue, False, "Progressing", f"{progress}; {awaited.overdue}"),
        (not settled, False, "Progressing", progress),
        (awaited.words, False, "Progressing", awaited.words),
        (desired == 0, False, "Stopped", "spec.replicas is 0"),
        (True, True, "AllReplicasReady", f"{desired} of {desired} replicas ready{', as they were before' * pods.kept}"),
    )
    return next(Verdict("Available", good, reason, words) for applies, good, reason, words in table if applies)


def _progress(desired: int, seen: Rollout) -> str:
    """How far a rollout is, by the first thing that it still waits for."""
    old = seen.current - seen.updated
    table = (
        (desired == 0, f"stopping: {_replicas(seen.current)} left"),
        (seen.current > 0 and not seen.up_to_date, "the new version is about to be rolled out"),
        (old > 0 and seen.updated < desired, f"{seen.updated} of {desired} replicas updated"),
        (old > 0 and seen.ready >= desired, f"{_replicas(old)} of the old version left"),
        (seen.current > desired, f"{_replicas(seen.current - desired)} too many"),
    )
    return next((words for applies, words in table if applies), f"{seen.ready} of {desired} replicas ready")


def _replicas(count: int) -> str:
    return f"{count} replica{'s' * (count != 1)}"


WHY_UNCHANGED = "the API server refuses it (see the events of this endpoint)"
WHY_NOT = f"an object of that name may belong to somebody else, or {WHY_UNCHANGED}"
