"""One run: reads what is there, renews what is due, writes what differs, and says what it did.

The order of the writes is what makes a run that is killed anywhere harmless (stored.written): the next one goes on.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aimlib.api.meta import Raw
from hooks.jobs.certificates import secrets as stored
from hooks.jobs.certificates.callers import TARGETS, Target, trusts
from hooks.jobs.certificates.cluster import Cluster, ClusterError, ConflictError, texts
from hooks.jobs.certificates.issuing import MAKERS
from hooks.jobs.certificates.rotation import ISSUED_ELSEWHERE, MADE_HERE, Kept, Rule, Situation, given, noted, renewed

ATTEMPTS = 5
"""How often everything is read anew because somebody else has written meanwhile."""

Say = Callable[..., None]
"""`say(what, **facts)`: a line for the log, which holds neither keys nor tokens."""


class Wish(NamedTuple):
    """What the program is asked for."""

    names: frozenset[str]
    """Of the server."""
    issued_elsewhere: bool = False


class Way(NamedTuple):
    """Who issues the certificates decides which rules apply, and what is read and written."""

    rules: tuple[Rule, ...]
    read: Callable[[stored.Texts], stored.Reading]
    written: Callable[[Kept], Mapping[str, Mapping[str, str]]]


OURS = Way(MADE_HERE, stored.reading, stored.written)
ELSEWHERE = Way(ISSUED_ELSEWHERE, stored.reading_elsewhere, stored.written_elsewhere)


def settle(cluster: Cluster, wish: Wish, now: datetime, say: Say) -> list[Target]:
    """Renew and hand out whatever is due; the targets that are not there. ClusterError."""
    for _ in range(ATTEMPTS):
        try:
            return _once(cluster, wish, now, say)
        except ConflictError as error:
            say("somebody else wrote meanwhile", asked=str(error))
    raise ClusterError(f"somebody else wrote what this program writes, {ATTEMPTS} times in a row")


def _once(cluster: Cluster, wish: Wish, now: datetime, say: Say) -> list[Target]:
    way = ELSEWHERE if wish.issued_elsewhere else OURS
    now = now.replace(microsecond=0)  # as certificates have it
    secrets = {name: cluster.secret(name) for name in (stored.CALLERS, stored.AUTHORITIES, stored.SERVER)}
    found = {target: cluster.found(target.place) for target in TARGETS}
    kept, doubts = way.read({name: texts(secret) for name, secret in secrets.items()})
    for doubt in doubts:
        say("something cannot be read, and counts as not there", what=doubt)
    wanted = renewed(kept, way.rules, Situation(now, wish.names, _everybody_trusts(kept, found), MAKERS))
    if not given(wanted, now).trusted:
        raise ClusterError(
            f"asked for ca.crt in Secret {cluster.namespace}/{stored.SERVER}, found no valid certificate"
        )
    secrets = _stored(cluster, way, secrets, wanted, say)
    changed = False
    for target, one in found.items():
        if one and (change := target.patch(one, given(wanted, now))):
            cluster.patch(target.place, one, change, target.content_type)
            say("handed out", to=target.name, authorities=len(given(wanted, now).trusted))
            changed = True
    missing = [target for target, one in found.items() if not one]
    if not any(target.required for target in missing):
        _stored(cluster, way, secrets, noted(wanted, now, changed=changed), say)
    return missing


def _everybody_trusts(kept: Kept, found: Mapping[Target, Raw | None]) -> bool:
    if not kept.coming:
        return False
    coming = kept.coming.certificate
    return all(trusts(target, one, coming) for target, one in found.items() if one)


def _stored(cluster: Cluster, way: Way, secrets: Mapping[str, Raw], kept: Kept, say: Say) -> dict[str, Raw]:
    """The Secrets after what differs in them was written."""
    after = dict(secrets)
    for name, wanted in way.written(kept).items():
        change = stored.changes(texts(secrets[name]), wanted)
        if change:
            after[name] = cluster.write_secret(secrets[name], change)
            say("wrote", secret=name, keys=sorted(change), **_until(name, kept))
    return after


def _until(secret: str, kept: Kept) -> dict[str, Any]:
    """How long what was written is valid, for the log."""
    pairs = {
        stored.AUTHORITIES: {"signs_until": kept.signing, "next_until": kept.coming},
        stored.SERVER: {"serves_until": kept.served},
    }
    return {
        name: pair.certificate.expires.isoformat() for name, pair in pairs.get(secret, {}).items() if pair is not None
    }
