"""The certificate that clients of a gateway see, from files that Envoy watches: a new one takes no restart."""

from aimlib.api.meta import Raw

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_NAME = "tls"
CERTIFICATE_SOURCE = "sds.json"
CERTIFICATE, CERTIFICATE_KEY = "tls.crt", "tls.key"
"""Files of a Secret for TLS."""


def secret(folder: str) -> Raw:
    """Where the certificate is: the folder in which the Secret is mounted, whose files are exchanged together."""
    return {
        "@type": f"{_TLS}.Secret",
        "name": _NAME,
        "tls_certificate": {
            "certificate_chain": {"filename": f"{folder}/{CERTIFICATE}"},
            "private_key": {"filename": f"{folder}/{CERTIFICATE_KEY}"},
            "watched_directory": {"path": folder},
        },
    }


def socket(folder: str) -> Raw:
    """The transport socket of a listener; `folder` has the file that names the certificate."""
    source = {"path_config_source": {"path": f"{folder}/{CERTIFICATE_SOURCE}", "watched_directory": {"path": folder}}}
    common = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [{"name": _NAME, "sds_config": source}],
    }
    typed = {"@type": f"{_TLS}.DownstreamTlsContext", "common_tls_context": common}
    return {"name": "tls", "typed_config": typed}
