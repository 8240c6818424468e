"""Certificates as TLS sees them: whom a client accepts that trusts an authority, and whom it does not."""

import re
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hooks.jobs.certificates.__main__ import server_names
from hooks.jobs.certificates.issuing import (
    InvalidCertificateError,
    issue_ca,
    issue_server,
    new_token,
    parse_certificates,
    parse_pair,
)
from hooks.jobs.certificates.rotation import CA_LIFETIME, SERVER_LIFETIME, Pair
from tests.loopback import tls

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = server_names("aim-system", ["127.0.0.1"])


def shakes_hands(folder, served: Pair, trusted: Pair, name: str) -> str:
    """Empty where a client accepts the server; else its objection."""
    (folder / "crt").write_text(served.certificate.text)
    (folder / "key").write_text(served.key)
    serving = tls(folder / "crt", folder / "key")
    calling = ssl.create_default_context(cadata=trusted.certificate.text)
    # What newer clients ask for by default.
    calling.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = calling.wrap_bio(down, up, server_hostname=name)
    answering = serving.wrap_bio(up, down, server_side=True)
    for _ in range(3):
        for side in (client, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    assert client.version() == "TLSv1.3"
    return ""


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_server_is_accepted_under_each_of_its_names(tmp_path, name):
    ca = issue_ca(NOW)
    assert shakes_hands(tmp_path, issue_server(ca, NAMES, NOW), ca, name) == ""


def test_a_server_is_not_accepted_under_another_name_or_with_another_authority(tmp_path):
    ca, other = issue_ca(NOW), issue_ca(NOW)
    served = issue_server(ca, NAMES, NOW)
    assert "Hostname mismatch" in shakes_hands(tmp_path, served, ca, "example.com")
    assert "unable to get local issuer" in shakes_hands(tmp_path, served, other, "127.0.0.1")


def test_a_certificate_that_has_expired_is_not_accepted(tmp_path):
    ca = issue_ca(NOW)
    served = issue_server(ca, NAMES, NOW - SERVER_LIFETIME)
    assert shakes_hands(tmp_path, served, ca, "127.0.0.1") == "certificate has expired"


def test_what_was_made_can_be_read_again():
    ca = issue_ca(NOW)
    served = issue_server(ca, NAMES, NOW)
    assert parse_pair(ca.certificate.text, ca.key) == ca
    assert parse_pair(served.certificate.text, served.key) == served
    assert parse_certificates(served.certificate.text + ca.certificate.text) == (served.certificate, ca.certificate)
    assert (served.certificate.names, served.certificate.issuer_key_id) == (NAMES, ca.certificate.key_id)
    assert (ca.certificate.created, ca.certificate.expires) == (NOW, NOW + CA_LIFETIME)


def test_a_server_does_not_outlive_its_authority():
    ca = issue_ca(NOW)
    late = NOW + CA_LIFETIME - timedelta(days=1)
    assert issue_server(ca, NAMES, late).certificate.expires == ca.certificate.expires


def test_tokens_differ_and_may_stand_in_a_path():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    # Of a webhook's path, the API server takes each part for a DNS name.
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in tokens)


def test_only_keys_of_our_own_kind_are_used():
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(InvalidCertificateError, match="not one on an elliptic curve"):
        issue_server(Pair(issue_ca(NOW).certificate, text), NAMES, NOW)
    named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa")])
    made = x509.CertificateBuilder(named, named, key.public_key(), 1, NOW, NOW + SERVER_LIFETIME)
    foreign = made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    with pytest.raises(InvalidCertificateError, match="not one on an elliptic curve"):
        parse_pair(foreign, text)
    # Whom to trust may be of any kind.
    [read] = parse_certificates(foreign)
    assert read.key_id == read.issuer_key_id
