"""One run: reads the Secrets and clients, renews what is due, writes what differs, and logs each write.

The order of the writes (stored.desired_secrets) makes it safe to kill a run at any point: the next one continues.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from aimlib.api.meta import Raw
from hooks.jobs.certificates import secrets as stored
from hooks.jobs.certificates.clients import CLIENTS, Client, trusts
from hooks.jobs.certificates.cluster import CertificateCluster, WriteConflictError, decoded
from hooks.jobs.certificates.issuing import ISSUER
from hooks.jobs.certificates.rotation import (
    EXTERNALLY_ISSUED_RULES,
    SELF_ISSUED_RULES,
    RotationRule,
    RuleContext,
    State,
    client_config,
    record_distribution,
    renew,
)
from hooks.kube_client import ApiServerError

ATTEMPTS = 5
"""Attempts after conflicting writes; each reads everything again."""

LogEvent = Callable[..., None]
"""`log(event, **facts)` writes a line to the log; facts hold neither keys nor tokens."""


class Options(NamedTuple):
    """The options of the program."""

    names: frozenset[str]
    """Host names and addresses of the server."""
    issued_elsewhere: bool = False


class Mode(NamedTuple):
    """Which rules apply and what is read and written, depending on who issues the certificates."""

    rules: tuple[RotationRule, ...]
    read: Callable[[stored.SecretTexts], stored.ReadState]
    desired: Callable[[State], Mapping[str, Mapping[str, str]]]


SELF_ISSUED = Mode(SELF_ISSUED_RULES, stored.read_state, stored.desired_secrets)
EXTERNALLY_ISSUED = Mode(EXTERNALLY_ISSUED_RULES, stored.read_external_state, stored.desired_token_secret)


def reconcile(cluster: CertificateCluster, options: Options, now: datetime, log: LogEvent) -> list[Client]:
    """Renews and distributes what is due; returns the clients that are not installed. ApiServerError."""
    for _ in range(ATTEMPTS):
        try:
            return _attempt(cluster, options, now, log)
        except WriteConflictError as error:
            log("conflicting write; reading everything again", action=str(error))
    raise ApiServerError(f"conflicting writes {ATTEMPTS} times in a row")


def _attempt(cluster: CertificateCluster, options: Options, now: datetime, log: LogEvent) -> list[Client]:
    mode = EXTERNALLY_ISSUED if options.issued_elsewhere else SELF_ISSUED
    now = now.replace(microsecond=0)  # certificates have whole seconds
    secrets = {name: cluster.secret(name) for name in (stored.TOKEN_SECRET, stored.CA_SECRET, stored.SERVER_SECRET)}
    found = {client: cluster.read(client.path) for client in CLIENTS}
    state, errors = mode.read({name: decoded(secret) for name, secret in secrets.items()})
    for error in errors:
        log("unreadable data counts as missing", error=error)
    desired = renew(state, mode.rules, RuleContext(now, options.names, _all_trust_next(state, found), ISSUER))
    if not client_config(desired, now).trusted_cas:
        raise ApiServerError(f"Secret {cluster.namespace}/{stored.SERVER_SECRET} has no valid certificate in ca.crt")
    secrets = _write_changes(cluster, mode, secrets, desired, log)
    changed = False
    for client, one in found.items():
        if one and (change := client.patch(one, client_config(desired, now))):
            cluster.patch(client.path, one, change, client.content_type)
            log("distributed", to=client.name, authorities=len(client_config(desired, now).trusted_cas))
            changed = True
    missing = [client for client, one in found.items() if not one]
    if not any(client.required for client in missing):
        _write_changes(cluster, mode, secrets, record_distribution(desired, now, changed=changed), log)
    return missing


def _all_trust_next(state: State, found: Mapping[Client, Raw | None]) -> bool:
    if not state.next_ca:
        return False
    next_ca = state.next_ca.certificate
    return all(trusts(client, one, next_ca) for client, one in found.items() if one)


def _write_changes(
    cluster: CertificateCluster, mode: Mode, secrets: Mapping[str, Raw], state: State, log: LogEvent
) -> dict[str, Raw]:
    """Writes the keys of Secrets that differ; returns the Secrets as they are then."""
    after = dict(secrets)
    for name, desired in mode.desired(state).items():
        change = stored.secret_changes(decoded(secrets[name]), desired)
        if change:
            after[name] = cluster.write_secret(secrets[name], change)
            log("wrote", secret=name, keys=sorted(change), **_expiries(name, state))
    return after


def _expiries(secret: str, state: State) -> dict[str, Any]:
    """When the written certificates expire, for the log."""
    pairs = {
        stored.CA_SECRET: {"signs_until": state.signing_ca, "next_until": state.next_ca},
        stored.SERVER_SECRET: {"serves_until": state.server_pair},
    }
    return {
        name: pair.certificate.expires.isoformat() for name, pair in pairs.get(secret, {}).items() if pair is not None
    }
