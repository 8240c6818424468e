"""Reads the state from three Secrets, and lays it out in them."""

from collections.abc import Mapping
from typing import NamedTuple

from aimlib.kube.timestamp import parse_time
from hooks.jobs.certificates.issuing import InvalidCertificateError, parse_certificates, parse_pair
from hooks.jobs.certificates.rotation import Certificate, Pair, State, trusted_cas

CA_SECRET, SERVER_SECRET, TOKEN_SECRET = "aim-hooks-ca", "aim-hooks-tls", "aim-hooks-callers"
SecretTexts = Mapping[str, Mapping[str, str]]
"""The decoded data of each Secret, by key."""


class ReadState(NamedTuple):
    """The state, and messages about the parts that could not be read."""

    state: State
    errors: tuple[str, ...]


class _Reader:
    """Reads the keys of Secrets, and collects errors."""

    def __init__(self, texts: SecretTexts) -> None:
        self.texts = texts
        self.errors: list[str] = []

    def text(self, secret: str, key: str) -> str:
        return self.texts[secret].get(key, "")

    def certificates(self, secret: str, key: str) -> tuple[Certificate, ...]:
        try:
            return parse_certificates(self.text(secret, key))
        except InvalidCertificateError as error:
            self.errors.append(f"{key} of Secret {secret}: {error}")
            return ()

    def pair(self, secret: str, certificate: str, key: str) -> Pair | None:
        try:
            return parse_pair(self.text(secret, certificate), self.text(secret, key))
        except InvalidCertificateError as error:
            self.errors.append(f"{certificate} of Secret {secret}: {error}")
            return None

    def tokens(self, client: str) -> tuple[str, ...]:
        return tuple(self.text(TOKEN_SECRET, client).split())


def read_state(texts: SecretTexts) -> ReadState:
    """Reads the state from the Secrets; unreadable parts count as missing."""
    reader = _Reader(texts)
    state = State(
        signing_ca=reader.pair(CA_SECRET, "ca.crt", "ca.key"),
        next_ca=reader.pair(CA_SECRET, "next.crt", "next.key"),
        distributed_at=parse_time(reader.text(CA_SECRET, "next.everywhere")),
        previous_cas=reader.certificates(CA_SECRET, "former.crt"),
        server_pair=reader.pair(SERVER_SECRET, "tls.crt", "tls.key"),
        hook_tokens=reader.tokens("hooks"),
        admission_tokens=reader.tokens("admission"),
    )
    return ReadState(state, tuple(reader.errors))


def read_external_state(texts: SecretTexts) -> ReadState:
    """Reads the state where another program issues the certificates: its authorities, and the clients' tokens.

    The authority's own Secret is read, too: it holds a new authority before that signs the server's certificate.
    """
    reader = _Reader(texts)
    trusted = dict.fromkeys((*reader.certificates(SERVER_SECRET, "ca.crt"), *reader.certificates(CA_SECRET, "tls.crt")))
    return ReadState(
        State(
            previous_cas=tuple(trusted), hook_tokens=reader.tokens("hooks"), admission_tokens=reader.tokens("admission")
        ),
        tuple(reader.errors),
    )


def ca_bundle(trusted: tuple[Certificate, ...]) -> str:
    """The certificates as one PEM text."""
    return "".join(certificate.text for certificate in trusted)


def desired_secrets(state: State) -> dict[str, dict[str, str]]:
    """The desired data of the Secrets, in the order in which they are written.

    Tokens come first: they must be accepted before clients get them.
    """
    signing_ca, next_ca, server_pair = state.signing_ca, state.next_ca, state.server_pair
    return {
        TOKEN_SECRET: _tokens(state),
        CA_SECRET: {
            "ca.crt": signing_ca.certificate.text if signing_ca else "",
            "ca.key": signing_ca.key if signing_ca else "",
            "next.crt": next_ca.certificate.text if next_ca else "",
            "next.key": next_ca.key if next_ca else "",
            "next.everywhere": state.distributed_at.isoformat() if state.distributed_at else "",
            "former.crt": ca_bundle(state.previous_cas),
        },
        SERVER_SECRET: {
            "tls.crt": server_pair.certificate.text if server_pair else "",
            "tls.key": server_pair.key if server_pair else "",
            "ca.crt": ca_bundle(trusted_cas(state)),
        },
    }


def desired_token_secret(state: State) -> dict[str, dict[str, str]]:
    """The desired data where another program issues the certificates: the tokens alone."""
    return {TOKEN_SECRET: _tokens(state)}


def _tokens(state: State) -> dict[str, str]:
    return {"hooks": "\n".join(state.hook_tokens), "admission": "\n".join(state.admission_tokens)}


def secret_changes(found: Mapping[str, str], desired: Mapping[str, str]) -> dict[str, str | None]:
    """The keys to write, with None for those to remove; empty where nothing differs."""
    return {key: value or None for key, value in desired.items() if found.get(key, "") != value}
