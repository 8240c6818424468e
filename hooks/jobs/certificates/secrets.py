"""How the state stands in three Secrets: what is read from their keys, and what is written there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from hooks.jobs.certificates.issuing import UnreadableError, certificates, pair
from hooks.jobs.certificates.rotation import Certificate, Kept, Pair, known

AUTHORITIES, SERVER, CALLERS = "aim-hooks-ca", "aim-hooks-tls", "aim-hooks-callers"
Texts = Mapping[str, Mapping[str, str]]
"""The texts of each Secret by key."""


class Reading(NamedTuple):
    """The state that was found, and what of it could not be read, in words."""

    kept: Kept
    unreadable: tuple[str, ...]


class _Reader:
    """Reads the keys of Secrets, and keeps what it could not read."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.doubts: list[str] = []

    def text(self, secret: str, key: str) -> str:
        return self.texts[secret].get(key, "")

    def certificates(self, secret: str, key: str) -> tuple[Certificate, ...]:
        try:
            return certificates(self.text(secret, key))
        except UnreadableError as error:
            self.doubts.append(f"{key} of Secret {secret}: {error}")
            return ()

    def pair(self, secret: str, certificate: str, key: str) -> Pair | None:
        try:
            return pair(self.text(secret, certificate), self.text(secret, key))
        except UnreadableError as error:
            self.doubts.append(f"{certificate} of Secret {secret}: {error}")
            return None

    def tokens(self, whose: str) -> tuple[str, ...]:
        return tuple(self.text(CALLERS, whose).split())


def reading(texts: Texts) -> Reading:
    """The state that the Secrets hold. What cannot be read counts as not there."""
    read = _Reader(texts)
    kept = Kept(
        signing=read.pair(AUTHORITIES, "ca.crt", "ca.key"),
        coming=read.pair(AUTHORITIES, "next.crt", "next.key"),
        everywhere=_time(read.text(AUTHORITIES, "next.everywhere")),
        former=read.certificates(AUTHORITIES, "former.crt"),
        served=read.pair(SERVER, "tls.crt", "tls.key"),
        hooks=read.tokens("hooks"),
        admission=read.tokens("admission"),
    )
    return Reading(kept, tuple(read.doubts))


def reading_elsewhere(texts: Texts) -> Reading:
    """The state where another program issues the certificates: whom it trusts, and our tokens.

    The certificate of its authority, in the Secret of that, is known before the first server's certificate is signed
    by it.
    """
    read = _Reader(texts)
    trusted = dict.fromkeys((*read.certificates(SERVER, "ca.crt"), *read.certificates(AUTHORITIES, "tls.crt")))
    return Reading(
        Kept(former=tuple(trusted), hooks=read.tokens("hooks"), admission=read.tokens("admission")), tuple(read.doubts)
    )


def bundle(trusted: tuple[Certificate, ...]) -> str:
    """Certificates one after the other."""
    return "".join(one.text for one in trusted)


def written(kept: Kept) -> dict[str, dict[str, str]]:
    """What the Secrets should hold, in the order in which they are written.

    Tokens come first: they must be accepted before the authority that they come with goes out.
    """
    signing, coming, served = kept.signing, kept.coming, kept.served
    return {
        CALLERS: _callers(kept),
        AUTHORITIES: {
            "ca.crt": signing.certificate.text if signing else "",
            "ca.key": signing.key if signing else "",
            "next.crt": coming.certificate.text if coming else "",
            "next.key": coming.key if coming else "",
            "next.everywhere": kept.everywhere.isoformat() if kept.everywhere else "",
            "former.crt": bundle(kept.former),
        },
        SERVER: {
            "tls.crt": served.certificate.text if served else "",
            "tls.key": served.key if served else "",
            "ca.crt": bundle(known(kept)),
        },
    }


def written_elsewhere(kept: Kept) -> dict[str, dict[str, str]]:
    """The same where another program issues the certificates: the tokens alone are ours."""
    return {CALLERS: _callers(kept)}


def _callers(kept: Kept) -> dict[str, str]:
    return {"hooks": "\n".join(kept.hooks), "admission": "\n".join(kept.admission)}


def changes(found: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str | None]:
    """The keys to write, None for those to take away; empty where nothing differs."""
    return {key: value or None for key, value in wanted.items() if found.get(key, "") != value}


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
