"""Previews a clean-up: what it would remove now. Nothing is written, and no lock is taken."""

from typing import NamedTuple

from aimlib.caching import eviction
from aimlib.caching.eviction import Removal
from hooks.jobs.volume import cleanup, clock, disk, missing_files
from hooks.jobs.volume.layout import MountedVolume
from hooks.jobs.volume.listing import read_index
from hooks.jobs.volume.policy import CleanupRules


class Preview(NamedTuple):
    """Removals that a clean-up would make, and its notes."""

    removals: tuple[Removal, ...]
    notes: tuple[str, ...]


def preview(volume: MountedVolume, rules: CleanupRules) -> Preview:
    """Previews `cleanup.clean_up`, except for running downloads. ApiServerError, InvalidVolumeError, OSError."""
    models = read_index(volume).models.values()
    rated = rules.rate(models)
    removals = [cleanup.leftovers_removal(*leftover) for leftover in cleanup.removable_leftovers(volume, rated)]
    notes, broken = [], set()
    for one in models:
        name = (one.id, one.revision)
        if found := [*missing_files.find_missing(volume.repo(one.id), one).values()]:
            broken.add(name)
            if name in rated.unneeded:
                removals.append(cleanup.incomplete_removal(one, found))
            else:
                notes.append(cleanup.incomplete_message(name, found))
    free = disk.free_bytes(volume.root) + sum(removal.bytes for removal in removals)
    whole = [model for model in rated.models if (model.id, model.revision) not in broken]
    now = clock.now()
    if message := eviction.shortage(whole, rated.policy, free, now):
        notes.append(message)
    return Preview((*removals, *eviction.plan_removals(whole, rated.policy, free, now)), tuple(notes))
