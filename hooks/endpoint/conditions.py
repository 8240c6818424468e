"""The conditions of an endpoint, each from its decision and what is observed; Ready is the first that fails."""

import re
from typing import NamedTuple

from aimlib import pod_template
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import Rollout
from aimlib.protocol.reasons import RESTING
from aimlib.selection.candidates import format_gpus
from aimlib.selection.select import Decision
from hooks.endpoint.pending_children import PendingChildren


def recipe_selected(decision: Decision | None, pinned: Resolved | None, key: str, explained: Raw) -> Verdict:
    """Whether the present spec has a recipe. A configuration pinned for the same request is one, for its old reason."""
    name = "RecipeSelected"
    if pinned and pinned.decided_for == key:
        text = f"{pinned.recipe} with {format_gpus(pinned.gpu_count)} on {pinned.product}"
        reason = "Fallback" if explained.get("fallback") else "Selected"
        return Verdict(name, True, reason, explained.get("message", text))
    running = f"; {pinned.recipe} keeps running" if pinned else ""
    if decision is None:
        waiting = f"waiting for the AIMInventory named cluster to be filled{running}"
        return Verdict(name, False, "InventoryNotReady", waiting)
    selection = decision.selection
    if decision.resolved:
        return Verdict(name, True, "Fallback" if selection.fallback else "Selected", selection.message)
    reason = "NothingFits" if selection.considered else "NoRecipe"
    return Verdict(name, False, reason, selection.message + running)


def up_to_date(running: Resolved, fresh: Decision | None, newer: str = "") -> Verdict:
    """Whether selection would return the same now; another result is taken only where updatePolicy is Auto.

    `newer` tells of another version of the model, which its cache does not have.
    """
    name = "UpToDate"
    if fresh is None or (fresh.resolved and not fresh.resolved.differs_from(running)):
        if newer:
            return Verdict(name, False, "ModelVersionAvailable", newer)
        return Verdict(name, True, "Current", "the current selection is still the best")
    if fresh.resolved is None:
        return Verdict(
            name, False, "NoLongerFits", f"the pinned configuration keeps running; now {fresh.selection.message}"
        )
    better = fresh.resolved
    if (better.recipe, better.gpu_count) != (running.recipe, running.gpu_count):
        return Verdict(name, False, "BetterRecipeAvailable", f"{fresh.selection.message}; {HOW_TO_TAKE}")
    if better.with_template_of(running) == running:
        return Verdict(name, False, "TemplateChanged", _template_message(running, better))
    before, now = running.wire(), better.wire()
    changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    return Verdict(
        name,
        False,
        "RecipeChanged",
        f"{running.recipe} has changed since it was chosen ({', '.join(changed)}); {HOW_TO_TAKE}",
    )


def _template_message(running: Resolved, newest: Resolved) -> str:
    version, other = running.template_version or pod_template.FIRST, newest.template_version
    if version > pod_template.NEWEST:
        return f"a later release rendered these pods (template version {version}); this one has version {other}"
    what = pod_template.what_is_new(version)
    return f"a newer pod template is available (version {other}: {what}); {HOW_TO_TAKE}"


HOW_TO_TAKE = "set recipe.updatePolicy: Auto to take it"


class CachePods(NamedTuple):
    """What an endpoint's cache means for its pods."""

    none_because: str = ""
    """Why there are none though replicas are desired."""
    restricted_because: str = ""
    """Why there may not be room for all of them."""
    earlier: bool = False
    """Whether they are of an earlier version."""


def available(  # noqa: PLR0913 - all that it is about
    desired: int,
    rollout: Rollout,
    pending: PendingChildren,
    pods: CachePods,
    rest: tuple[str, str],
    *,
    claim_lost: bool,
) -> Verdict:
    """Whether all children are there and all desired replicas of the present version ready: the first row applies.

    `rest` are the reason and the words where none is desired.
    """
    settled = (
        rollout.up_to_date and rollout.updated >= desired and rollout.ready >= desired and rollout.current <= desired
    )
    missing_pods = pods.restricted_because if rollout.ready < desired else ""
    progress = pods.none_because or "; ".join(
        filter(None, (_progress(desired, rollout), rollout.starting, missing_pods))
    )
    reason, problem = rollout.problem or ("", "")
    missing, unchanged = pending.missing, pending.unchanged
    table = (
        (missing and pending.given_up, False, "ChildMissing", pending.not_created),
        (unchanged and pending.given_up, False, "ChildRefused", pending.not_changed),
        (claim_lost, False, "ClaimLost", "the volume of the PersistentVolumeClaim is gone"),
        (rollout.problem, False, reason, "; ".join(filter(None, (problem, missing_pods)))),
        (not settled and pending.overdue, False, "Progressing", f"{progress}; {pending.overdue}"),
        (not settled, False, "Progressing", progress),
        (pending.message, False, "Progressing", pending.message),
        (desired == 0, False, *rest),
        (
            True,
            True,
            "AllReplicasReady",
            f"{desired} of {desired} replicas ready{', as they were before' * pods.earlier}",
        ),
    )
    return next(Verdict("Available", good, reason, message) for applies, good, reason, message in table if applies)


def degraded(available: Verdict, desired: int, rollout: Rollout) -> Verdict:
    """Available with how many replicas serve although something is wrong; as it is where nothing is wrong."""
    if available.met or not desired or available.reason in PASSING:
        return available
    ready = min(rollout.ready, desired)
    about_pods = rollout.problem is not None and available.reason == rollout.problem[0]
    missing, old = desired - ready, rollout.current - rollout.updated
    table = (
        (not about_pods, ""),
        (old > 0, "the new version: "),
        (missing == 1, f"the {ORDINALS.get(desired, 'last')}: "),
        (missing > 1, "the others: "),
    )
    about = next((text for applies, text in table if applies), "")
    message = f"{ready} of {desired} replicas serve{'s' * (ready == 1)}; {about}{available.message}"
    return available._replace(message=message)


def without_serving(message: str) -> str:
    """A message of Available without what `degraded` puts before it."""
    return SERVING.sub("", message)


SERVING = re.compile(r"^\d+ of \d+ replicas serves?; (?:the [a-z ]+: )?")
"""What `degraded` puts before a message."""
PASSING = RESTING | {"Progressing"}
"""Reasons of Available while nothing is wrong."""
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth"}
"""The last replica, by how many are desired."""


def _progress(desired: int, rollout: Rollout) -> str:
    """How far a rollout is, by the first thing that it still waits for."""
    old = rollout.current - rollout.updated
    table = (
        (desired == 0, f"stopping: {_replicas(rollout.current)} left"),
        (rollout.current > 0 and not rollout.up_to_date, "the new version is about to be rolled out"),
        (old > 0 and rollout.updated < desired, f"{rollout.updated} of {desired} replicas updated"),
        (old > 0 and rollout.ready >= desired, f"{_replicas(old)} of the old version left"),
        (rollout.current > desired, f"{_replicas(rollout.current - desired)} too many"),
    )
    return next((message for applies, message in table if applies), f"{rollout.ready} of {desired} replicas ready")


def _replicas(count: int) -> str:
    return f"{count} replica{'s' * (count != 1)}"
