"""The server's TLS contexts, of the present tls.crt and tls.key of a folder."""

import ssl
from pathlib import Path

from cryptography import x509

from hooks.observability import metrics
from hooks.server.secret_files import Reloaded


def server_contexts(folder: Path) -> Reloaded[ssl.SSLContext]:
    """Returns the context for the next connection; open connections stay when the certificate changes."""
    certificate, key = folder / "tls.crt", folder / "tls.key"

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION  # work for the server that costs a client little
        context.load_cert_chain(certificate, key)
        shown = x509.load_pem_x509_certificate(certificate.read_bytes())  # the first; the others are of authorities
        metrics.CERTIFICATE_EXPIRY.set(shown.not_valid_after_utc.timestamp())
        return context

    return Reloaded((certificate, key), make)
