"""Renews authorities, certificates and tokens: a table of rules, each a function from state and time to the next state.

A new authority goes through three stages, so that clients trust the server's certificate at any time:

1. It is created and stored as `next_ca` beside the one that signs; the clients' next tokens are accepted from now on.
2. After PROPAGATION the clients get it, together with the next token.
3. PROPAGATION after every client has it, it signs. The previous one stays in the bundle until it expires.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

CA_LIFETIME = timedelta(days=365)
SERVER_LIFETIME = timedelta(days=90)
PROPAGATION = timedelta(minutes=10)
"""Time for a written Secret to reach all pods: kubelets look for changes every minute or two."""


class Certificate(NamedTuple):
    """The parts of a certificate that the rules read."""

    text: str
    """PEM."""
    created: datetime
    expires: datetime
    key_id: str
    """Identifier of its key."""
    issuer_key_id: str
    """Identifier of the key that signed it."""
    names: frozenset[str] = frozenset()
    """Host names and addresses of a server."""


class Pair(NamedTuple):
    """A certificate and its private key, as PEM."""

    certificate: Certificate
    key: str


class State(NamedTuple):
    """The state that Secrets hold from one run to the next."""

    signing_ca: Pair | None = None
    next_ca: Pair | None = None
    distributed_at: datetime | None = None
    """When every client had the next authority."""
    previous_cas: tuple[Certificate, ...] = ()
    server_pair: Pair | None = None
    hook_tokens: tuple[str, ...] = ()
    """Tokens that are accepted from Metacontroller, newest first."""
    admission_tokens: tuple[str, ...] = ()
    """Tokens that are accepted from the API server, newest first."""


class ClientConfig(NamedTuple):
    """What a client is configured with: the authorities to trust, newest first, and its token."""

    trusted_cas: tuple[Certificate, ...]
    hook_token: str
    admission_token: str


class Issuer(NamedTuple):
    """Functions that create keys, certificates and tokens."""

    ca: Callable[[datetime], Pair]
    server: Callable[[Pair, frozenset[str], datetime], Pair]
    token: Callable[[], str]


class RuleContext(NamedTuple):
    """What a rule may read besides the state."""

    now: datetime
    names: frozenset[str]
    """Host names and addresses of the server."""
    next_ca_trusted: bool
    """Whether every client was observed to trust the next authority."""
    issuer: Issuer


RotationRule = Callable[[State, RuleContext], State]


def is_due(certificate: Certificate, now: datetime) -> bool:
    """Whether a third of its lifetime is left, or less."""
    return certificate.expires - now <= (certificate.expires - certificate.created) / 3


def _drop_expired(state: State, context: RuleContext) -> State:
    """Drops authorities that have expired."""
    next_ca = state.next_ca if state.next_ca and state.next_ca.certificate.expires > context.now else None
    previous_cas = tuple(certificate for certificate in state.previous_cas if certificate.expires > context.now)
    return state._replace(
        previous_cas=previous_cas, next_ca=next_ca, distributed_at=state.distributed_at if next_ca else None
    )


def _ensure_signing(state: State, context: RuleContext) -> State:
    """Lets the next authority, else a new one, sign at once where none is valid."""
    if state.signing_ca and state.signing_ca.certificate.expires > context.now:
        return state
    return state._replace(signing_ca=state.next_ca or context.issuer.ca(context.now), next_ca=None, distributed_at=None)


def _promote_next(state: State, context: RuleContext) -> State:
    """Lets the next authority sign once every client has trusted it for PROPAGATION."""
    if not (
        state.signing_ca
        and state.next_ca
        and state.distributed_at
        and context.next_ca_trusted
        and context.now - state.distributed_at >= PROPAGATION
    ):
        return state
    previous_cas = (state.signing_ca.certificate, *state.previous_cas)
    return state._replace(signing_ca=state.next_ca, next_ca=None, distributed_at=None, previous_cas=previous_cas)


def _create_next(state: State, context: RuleContext) -> State:
    """Creates the next authority when the one that signs is due."""
    if state.next_ca or not state.signing_ca or not is_due(state.signing_ca.certificate, context.now):
        return state
    return state._replace(next_ca=context.issuer.ca(context.now), distributed_at=None)


def _rotate_tokens(state: State, context: RuleContext) -> State:
    """Changes the tokens together with the authority; the old and the new overlap like authorities."""

    def accepted(tokens: tuple[str, ...]) -> tuple[str, ...]:
        if not tokens or (state.next_ca and len(tokens) == 1):
            return (context.issuer.token(), *tokens)
        return tokens if state.next_ca or state.previous_cas else tokens[:1]

    return state._replace(hook_tokens=accepted(state.hook_tokens), admission_tokens=accepted(state.admission_tokens))


def _renew_server(state: State, context: RuleContext) -> State:
    """Renews the server's certificate when it is due, or has other names or another issuer."""
    signing, current = state.signing_ca, state.server_pair and state.server_pair.certificate
    matching = (
        current and signing and current.issuer_key_id == signing.certificate.key_id and current.names == context.names
    )
    if not signing or (current and matching and not is_due(current, context.now)):
        return state
    return state._replace(server_pair=context.issuer.server(signing, context.names, context.now))


SELF_ISSUED_RULES: tuple[RotationRule, ...] = (
    _drop_expired,
    _promote_next,
    _ensure_signing,
    _create_next,
    _rotate_tokens,
    _renew_server,
)
EXTERNALLY_ISSUED_RULES: tuple[RotationRule, ...] = (_drop_expired, _rotate_tokens)


def renew(state: State, rules: tuple[RotationRule, ...], context: RuleContext) -> State:
    """Applies the rules in order."""
    for rule in rules:
        state = rule(state, context)
    return state


def trusted_cas(state: State) -> tuple[Certificate, ...]:
    """The authorities that clients should trust, newest first."""
    pairs = [pair.certificate for pair in (state.next_ca, state.signing_ca) if pair]
    return tuple(
        sorted(
            {*pairs, *state.previous_cas},
            key=lambda certificate: (certificate.created, certificate.key_id),
            reverse=True,
        )
    )


def client_config(state: State, now: datetime) -> ClientConfig:
    """What clients are configured with at this stage."""
    if state.next_ca and now - state.next_ca.certificate.created < PROPAGATION:
        before = tuple(certificate for certificate in trusted_cas(state) if certificate != state.next_ca.certificate)
        return ClientConfig(before, state.hook_tokens[-1], state.admission_tokens[-1])
    return ClientConfig(trusted_cas(state), state.hook_tokens[0], state.admission_tokens[0])


def record_distribution(state: State, now: datetime, *, changed: bool) -> State:
    """Records when every client had the next authority; `changed`: at least one client was written in this run."""
    if (
        not state.next_ca
        or now - state.next_ca.certificate.created < PROPAGATION
        or (state.distributed_at and not changed)
    ):
        return state
    return state._replace(distributed_at=now)
