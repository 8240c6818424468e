"""A cluster as the program sees it: three Secrets and its targets, in memory, with every write kept."""

import base64
import copy
from datetime import UTC, datetime
from typing import Any

from hooks.jobs.certificates.clients import CLIENTS, STRATEGIC_PATCH, TOKEN_ANNOTATION, Client, trusts
from hooks.jobs.certificates.cluster import WriteConflictError, decoded
from hooks.jobs.certificates.issuing import parse_certificates
from hooks.jobs.certificates.rotation import Certificate
from hooks.jobs.certificates.run import Options, reconcile
from hooks.jobs.certificates.secrets import CA_SECRET, SERVER_SECRET, TOKEN_SECRET

Raw = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = frozenset({"aim-hooks.aim-system.svc", "127.0.0.1"})
WISH = Options(NAMES)
CONTROLLERS = tuple(target for target in CLIENTS if target.path.group == "metacontroller.k8s.io")
CONFIGURATIONS = tuple(target for target in CLIENTS if target not in CONTROLLERS)


class KilledError(Exception):
    """The program ends before its next write."""


def controller(*hooks: str) -> Raw:
    """A controller of Metacontroller as it is shipped."""
    return {"spec": {"hooks": {name: {"webhook": {"url": f"https://aim-hooks/{name}"}} for name in hooks}}}


def configuration(*clients: Raw) -> Raw:
    """Webhooks as they are shipped, one for each way in which to reach the server."""
    names = (f"mode-{number}.validate.endpoints.admission.aim.engine.amd.com" for number, _ in enumerate(clients))
    return {"webhooks": [{"name": name, "clientConfig": one} for name, one in zip(names, clients, strict=True)]}


class World:
    """Stands for the API server: `namespace`, `secret`, `write_secret`, `found` and `patch` are those of Cluster."""

    namespace = "aim-system"

    def __init__(self) -> None:
        service = {"service": {"name": "aim-hooks", "namespace": "aim-system", "port": 9443}}
        self.secrets: dict[str, Raw] = {name: self._made({}, name) for name in (CA_SECRET, TOKEN_SECRET, SERVER_SECRET)}
        self.objects: dict[Client, Raw] = {
            target: self._made(
                controller("sync", "customize")
                if target in CONTROLLERS
                else configuration(service, {"url": "https://h:1"}),
                target.path.name,
            )
            for target in CLIENTS
        }
        self.writes: list[str] = []
        self.said: list[tuple[str, Raw]] = []
        self.conflicts = 0
        self.left: int | None = None
        """Writes until the program is killed."""

    @staticmethod
    def _made(raw: Raw, name: str) -> Raw:
        return {**raw, "metadata": {"name": name, "resourceVersion": "1"}}

    def secret(self, name: str) -> Raw:
        return copy.deepcopy(self.secrets[name])

    def read(self, place: Any) -> Raw | None:
        return next((copy.deepcopy(one) for target, one in self.objects.items() if target.path == place), None)

    def write_secret(self, found: Raw, change: Raw) -> Raw:
        secret = self.secrets[found["metadata"]["name"]]
        self._write(secret, found, f"Secret {secret['metadata']['name']}")
        data = secret.setdefault("data", {})
        for key, value in change.items():
            data.pop(key, None)
            if value is not None:
                data[key] = base64.b64encode(value.encode()).decode()
        return copy.deepcopy(secret)

    def patch(self, place: Any, found: Raw, change: Raw, content_type: str) -> None:
        [(target, one)] = [(target, one) for target, one in self.objects.items() if target.path == place]
        assert (content_type == STRATEGIC_PATCH) == (target in CONFIGURATIONS)
        self._write(one, found, target.name)
        if target in CONTROLLERS:
            merge(one, change)
        for webhook in change.get("webhooks", ()):
            [before] = [each for each in one["webhooks"] if each["name"] == webhook["name"]]
            merge(before, webhook)

    def _write(self, stored: Raw, found: Raw, what: str) -> None:
        if self.left == 0:
            raise KilledError
        self.left = None if self.left is None else self.left - 1
        if self.conflicts:
            self.conflicts -= 1
            raise WriteConflictError(what)
        assert found["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
        stored["metadata"]["resourceVersion"] += "1"
        self.writes.append(what)

    def run(self, now: datetime = START, options: Options = WISH) -> list[str]:
        """Let the program run; what it wrote."""
        self.writes.clear()
        self.missing = reconcile(self, options, now, lambda text, /, **facts: self.said.append((text, facts)))
        return list(self.writes)

    def text(self, secret: str, key: str) -> str:
        """What a Secret holds."""
        return decoded(self.secrets[secret]).get(key, "")

    def server(self) -> dict[str, str]:
        """What the hook server uses: its certificate, and the tokens that it accepts."""
        return {
            "tls.crt": self.text(SERVER_SECRET, "tls.crt"),
            "hooks": self.text(TOKEN_SECRET, "hooks"),
            "admission": self.text(TOKEN_SECRET, "admission"),
        }

    def refused(self, server: dict[str, str], now: datetime) -> list[str]:
        """Which callers and such a server would not accept each other now."""
        [served] = parse_certificates(server["tls.crt"])
        if served.expires <= now:
            return ["everybody: expired"]
        return [target.name for target, one in self.objects.items() if not _accepted(target, one, served, server, now)]


def _accepted(target: Client, one: Raw, served: Any, server: dict[str, str], now: datetime) -> bool:
    issuers = [
        ca
        for text in target.bundles(one)
        for ca in parse_certificates(text)
        if ca.key_id == served.issuer_key_id and ca.expires > now and trusts(target, one, ca)
    ]
    return bool(issuers) and all(token in server[whose].split() for whose, token in shown(target, one))


def shown(target: Client, one: Raw) -> list[tuple[str, str]]:
    """The tokens that a caller shows, and as whom."""
    if target in CONTROLLERS:
        return [("hooks", one["metadata"].get("annotations", {}).get(TOKEN_ANNOTATION, "none"))]
    clients = [webhook["clientConfig"] for webhook in one["webhooks"]]
    paths = [each.get("url") or each["service"].get("path", "none") for each in clients]
    return [("admission", path.rpartition("/")[2]) for path in paths]


def trusted(target: Client, one: Raw) -> tuple[Certificate, ...]:
    """Whom a caller trusts, in every way in which it calls."""
    [bundle] = {parse_certificates(text) for text in target.bundles(one)}
    return bundle


def merge(into: Raw, change: Raw) -> None:
    """A merge patch."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif key != "resourceVersion":
            into[key] = value
