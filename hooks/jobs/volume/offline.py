"""A model that has to be on the volume already: found, verified byte by byte, and nothing is asked for."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aimlib.caching.volume_index import CachedModel
from hooks.jobs.volume import clock, index, locks, snapshot, verify
from hooks.jobs.volume.errors import DownloadError
from hooks.jobs.volume.layout import Volume
from hooks.jobs.volume.progress import Progress
from hooks.jobs.volume.report import Teller
from hooks.jobs.volume.request import Wish

READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def verified(wish: Wish, teller: Teller, say: Callable[[str], None]) -> CachedModel:
    """The model as it is on the volume, which may be read-only. DownloadError (NotOnVolume) where it is not whole."""
    volume = Volume(wish.root)
    with _locked(volume, wish, say) as writable:
        if writable and (known := snapshot.known(volume, wish, say)):
            return known
        model = _checked(volume, wish, teller)
        if writable:
            index.update(wish.root, lambda before: before.having(model), say)
    return model


@contextmanager
def _locked(volume: Volume, wish: Wish, say: Callable[[str], None]) -> Iterator[bool]:
    """The model's lock, and whether there is one: nobody writes to a volume that is read-only here."""
    try:
        volume.prepare()
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        say(f"the volume at {wish.root} is read-only: its index is left alone")
        yield False
        return
    with locks.held(volume, volume.repo(wish.model).path.name, locks.MODEL_WAIT, say):
        yield True


def _checked(volume: Volume, wish: Wish, teller: Teller) -> CachedModel:
    commit = volume.repo(wish.model).commit(wish.revision)
    if commit is None:
        raise DownloadError(
            "NotOnVolume",
            f"{wish.name} is not on the volume at {wish.root}, and nothing may be downloaded: "
            f"there is no {volume.repo(wish.model).ref(wish.revision)}",
        )
    folder = snapshot.check(volume, wish, commit)
    files = wish.chosen(verify.listed(folder))
    if not files:
        raise DownloadError("NotOnVolume", f"no file of {wish.name} on the volume matches: {wish.patterned}")
    model = wish.cached(commit, files, clock.stamp())
    progress = Progress(sum(one.size for one in files))

    def look() -> None:
        teller.tell(
            wish.report(state="Verifying", commit=commit, done=progress.done, total=progress.total, files=len(files))
        )

    wrong = verify.wrong(folder, files, wish.workers, progress.add, look)
    if not wrong:
        wrong = tuple(f"{path} is missing" for path in verify.missing_shards(folder, files))
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise DownloadError("NotOnVolume", f"{wish.name} is not whole on the volume: {'; '.join(wrong[:3])}{more}")
    return model
