"""The server's side of TLS: tls.crt and tls.key of a folder, as they are when a connection begins."""

import ssl
from pathlib import Path

from cryptography import x509

from hooks.observability import metrics
from hooks.server.secret_files import Mounted


def contexts(folder: Path) -> Mounted[ssl.SSLContext]:
    """The context for the next connection. Whoever is connected stays so when the certificate changes."""
    certificate, key = folder / "tls.crt", folder / "tls.key"

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        shown = x509.load_pem_x509_certificate(certificate.read_bytes())  # the first; others are of authorities
        metrics.CERTIFICATE.set(shown.not_valid_after_utc.timestamp())
        return context

    return Mounted((certificate, key), make)
