"""What a clean-up would remove, as things are now. Nothing is written, and no lock is taken."""

from typing import NamedTuple

from aimlib.caching import eviction
from aimlib.caching.eviction import Removal
from hooks.jobs.volume import cleanup, clock, disk, missing_files
from hooks.jobs.volume.layout import Volume
from hooks.jobs.volume.listing import stored
from hooks.jobs.volume.policy import Rules


class Preview(NamedTuple):
    """What would go, and what there is to say besides."""

    removals: tuple[Removal, ...]
    notes: tuple[str, ...]


def preview(volume: Volume, rules: Rules) -> Preview:
    """What `cleanup.collect` would do, but for what a download is working on. ClusterError, NoCacheError, OSError."""
    models = stored(volume).models.values()
    rated = rules.rated(models)
    removals = [cleanup.garbage_removal(*one) for one in cleanup.garbage(volume, rated)]
    notes, broken = [], set()
    for one in models:
        name = (one.id, one.revision)
        if found := [*missing_files.objections(volume.repo(one.id), one).values()]:
            broken.add(name)
            if name in rated.given_up:
                removals.append(cleanup.broken_removal(one, found))
            else:
                notes.append(cleanup.broken_words(name, found))
    free = disk.free(volume.root) + sum(one.bytes for one in removals)
    whole = [one for one in rated.models if (one.id, one.revision) not in broken]
    now = clock.now()
    if said := eviction.shortage(whole, rated.policy, free, now):
        notes.append(said)
    return Preview((*removals, *eviction.plan(whole, rated.policy, free, now)), tuple(notes))
