"""Tokens, keys and kubeconfigs of one throwaway control plane."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

MASTERS = "system:masters"
# User name to group. Controllers and kubelets get the group that may do everything: they are not what is under test.
USERS = {
    "admin": MASTERS,
    "kube-controller-manager": MASTERS,
    "kube-scheduler": MASTERS,
    "kwok": MASTERS,
    "kubelet": MASTERS,
}

# Order of the P-256 group, FIPS 186-5 / SEC 2; a private key is any number from 1 below it.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# RFC 5915 ECPrivateKey in DER without the optional public key: version 1, 32 octets of key, curve prime256v1.
EC_PREFIX, EC_SUFFIX = bytes.fromhex("30310201010420"), bytes.fromhex("a00a06082a8648ce3d030107")


@dataclass(frozen=True)
class Credentials:
    """What was written into `folder` for the API server, and the token of each user."""

    folder: Path
    tokens: Mapping[str, str]

    @property
    def token_file(self) -> Path:
        """For --token-auth-file."""
        return self.folder / "tokens.csv"

    @property
    def service_account_key(self) -> Path:
        """Signs and verifies service account tokens."""
        return self.folder / "service-account.key"

    def kubeconfig(self, user: str, server: str, token: str | None = None) -> Path:
        """Write a kubeconfig for one user; `token` for users that the token file does not know."""
        # The API server writes this certificate for itself before it listens.
        cluster = {"server": server, "certificate-authority": str(self.folder / "apiserver.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token or self.tokens[user]}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": user, "namespace": "default"}}],
            "current-context": "local",
        }
        path = self.folder / f"{user}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path


def create(folder: Path) -> Credentials:
    """Fresh secrets in `folder`, readable by this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Credentials(folder, {user: secrets.token_urlsafe(24) for user in USERS})
    lines = [f'{token},{user},{user},"{USERS[user]}"\n' for user, token in made.tokens.items()]
    made.token_file.write_text("".join(lines))
    made.service_account_key.write_text(_private_key())
    return made


def _private_key() -> str:
    """A P-256 private key as PEM."""
    number = secrets.randbelow(P256_ORDER - 1) + 1
    der = EC_PREFIX + number.to_bytes(32, "big") + EC_SUFFIX
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END EC PRIVATE KEY-----\n"
