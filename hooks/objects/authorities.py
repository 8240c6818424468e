"""The authorities that a container trusts instead of its image's: a file of a ConfigMap, and variables that name it."""

from aimlib.api.meta import Raw
from aimlib.api.pod import CaBundle

CA_VOLUME, CA_FOLDER, CA_FILE = "ca-bundle", "/etc/aim/ca", "ca.crt"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables by which OpenSSL and httpx, requests, and curl find the authorities that they trust."""


def ca_volumes(bundle: CaBundle | None, *, optional: bool | None = None) -> list[Raw]:
    """The volume with the authorities; none without a bundle. A pod does not wait for one that is optional."""
    if bundle is None:
        return []
    items = [{"key": bundle.key, "path": CA_FILE}]
    return [{"name": CA_VOLUME, "configMap": {"name": bundle.config_map, "items": items, "optional": optional}}]


def ca_mounts(bundle: CaBundle | None) -> list[Raw]:
    """Where the container has it."""
    return [{"name": CA_VOLUME, "mountPath": CA_FOLDER, "readOnly": True}] if bundle else []


def ca_variables(bundle: CaBundle | None) -> list[Raw]:
    """The variables of the container."""
    return [{"name": name, "value": f"{CA_FOLDER}/{CA_FILE}"} for name in CA_VARIABLES] if bundle else []
