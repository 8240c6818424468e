"""What must be renewed, given what is there and the time: a table of rules, each from one state to the next.

A new authority goes through three stages, so that whoever calls always trusts what the server shows:

1. made, and kept beside the one that signs (`coming`); the callers' next token is accepted from now on;
2. after SETTLE the callers get it, with the next token;
3. SETTLE after every caller has it, it signs. The one before it stays in the bundle until it expires.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

AUTHORITY_LASTS = timedelta(days=365)
SERVER_LASTS = timedelta(days=90)
SETTLE = timedelta(minutes=10)
"""Until what was written is what everybody uses: kubelets look for changes of Secrets every minute or two."""


class Certificate(NamedTuple):
    """What matters of a certificate."""

    text: str
    """PEM."""
    made: datetime
    expires: datetime
    own: str
    """Identifier of its key."""
    issuer: str
    """Identifier of the key that signed it."""
    names: frozenset[str] = frozenset()
    """Host names and addresses of a server."""


class Pair(NamedTuple):
    """A certificate and its private key, as PEM."""

    certificate: Certificate
    key: str


class Kept(NamedTuple):
    """What is kept from one run to the next, in Secrets."""

    signing: Pair | None = None
    coming: Pair | None = None
    everywhere: datetime | None = None
    """Since when every caller has the coming one."""
    former: tuple[Certificate, ...] = ()
    served: Pair | None = None
    hooks: tuple[str, ...] = ()
    """Tokens that are accepted from Metacontroller, the newest first."""
    admission: tuple[str, ...] = ()
    """The same from the API server."""


class Given(NamedTuple):
    """What a caller gets: whom to trust, newest first, and what to show."""

    trusted: tuple[Certificate, ...]
    hooks: str
    admission: str


class Makers(NamedTuple):
    """Where new keys and tokens come from."""

    authority: Callable[[datetime], Pair]
    server: Callable[[Pair, frozenset[str], datetime], Pair]
    token: Callable[[], str]


class Situation(NamedTuple):
    """What a rule may look at besides the state."""

    now: datetime
    names: frozenset[str]
    """What the server is called by."""
    trusted: bool
    """Whether every caller was found to trust the coming authority."""
    make: Makers


Rule = Callable[[Kept, Situation], Kept]


def due(certificate: Certificate, now: datetime) -> bool:
    """Whether a third of its time is left, or less."""
    return certificate.expires - now <= (certificate.expires - certificate.made) / 3


def _forgotten(kept: Kept, at: Situation) -> Kept:
    """Authorities that have expired are nobody's any more."""
    coming = kept.coming if kept.coming and kept.coming.certificate.expires > at.now else None
    former = tuple(one for one in kept.former if one.expires > at.now)
    return kept._replace(former=former, coming=coming, everywhere=kept.everywhere if coming else None)


def _signing(kept: Kept, at: Situation) -> Kept:
    """Without an authority that is valid there is nothing to wait for."""
    if kept.signing and kept.signing.certificate.expires > at.now:
        return kept
    return kept._replace(signing=kept.coming or at.make.authority(at.now), coming=None, everywhere=None)


def _promoted(kept: Kept, at: Situation) -> Kept:
    """The coming authority signs once everybody has trusted it for a while."""
    if not (kept.signing and kept.coming and kept.everywhere and at.trusted and at.now - kept.everywhere >= SETTLE):
        return kept
    former = (kept.signing.certificate, *kept.former)
    return kept._replace(signing=kept.coming, coming=None, everywhere=None, former=former)


def _coming(kept: Kept, at: Situation) -> Kept:
    """The next authority is made in time."""
    if kept.coming or not kept.signing or not due(kept.signing.certificate, at.now):
        return kept
    return kept._replace(coming=at.make.authority(at.now), everywhere=None)


def _tokens(kept: Kept, at: Situation) -> Kept:
    """Tokens change with the authority, and overlap like it."""

    def accepted(before: tuple[str, ...]) -> tuple[str, ...]:
        if not before or (kept.coming and len(before) == 1):
            return (at.make.token(), *before)
        return before if kept.coming or kept.former else before[:1]

    return kept._replace(hooks=accepted(kept.hooks), admission=accepted(kept.admission))


def _served(kept: Kept, at: Situation) -> Kept:
    """The server's certificate is in time, for its names, and of the authority that signs."""
    signing, was = kept.signing, kept.served and kept.served.certificate
    good = was and signing and was.issuer == signing.certificate.own and was.names == at.names
    if not signing or (was and good and not due(was, at.now)):
        return kept
    return kept._replace(served=at.make.server(signing, at.names, at.now))


MADE_HERE: tuple[Rule, ...] = (_forgotten, _promoted, _signing, _coming, _tokens, _served)
ISSUED_ELSEWHERE: tuple[Rule, ...] = (_forgotten, _tokens)


def renewed(kept: Kept, rules: tuple[Rule, ...], at: Situation) -> Kept:
    """The state that is wanted now."""
    for rule in rules:
        kept = rule(kept, at)
    return kept


def known(kept: Kept) -> tuple[Certificate, ...]:
    """Every authority that is still of use, newest first."""
    pairs = [pair.certificate for pair in (kept.coming, kept.signing) if pair]
    return tuple(sorted({*pairs, *kept.former}, key=lambda one: (one.made, one.own), reverse=True))


def given(kept: Kept, now: datetime) -> Given:
    """What callers get at this stage."""
    if kept.coming and now - kept.coming.certificate.made < SETTLE:
        before = tuple(one for one in known(kept) if one != kept.coming.certificate)
        return Given(before, kept.hooks[-1], kept.admission[-1])
    return Given(known(kept), kept.hooks[0], kept.admission[0])


def noted(kept: Kept, now: datetime, *, changed: bool) -> Kept:
    """The state after every caller has what it is given; `changed` says that some had to be written."""
    if not kept.coming or now - kept.coming.certificate.made < SETTLE or (kept.everywhere and not changed):
        return kept
    return kept._replace(everywhere=now)
