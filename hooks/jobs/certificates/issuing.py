"""Issues and parses keys, certificates and tokens: ECDSA on P-256, as PEM."""

import secrets
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aimlib.errors import InvalidInputError
from hooks.jobs.certificates.rotation import CA_LIFETIME, SERVER_LIFETIME, Certificate, Issuer, Pair

SKEW = timedelta(minutes=10)
"""How much earlier than its creation a certificate is valid, since clocks differ."""
TOKEN_BYTES = 32


class InvalidCertificateError(InvalidInputError):
    """A text that is not certificates in PEM, or not the key that belongs to them."""


def issue_ca(now: datetime) -> Pair:
    """A new self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Old and new authority are trusted at the same time, so their names must differ.
    name = _name(f"aim-hooks {key_id.digest.hex()[:8]}")
    builder = (
        _builder(name, key, now, now + CA_LIFETIME)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), critical=False)
    )
    return _pair(builder.sign(key, SHA256()), key)


def issue_server(signer: Pair, names: frozenset[str], now: datetime) -> Pair:
    """A new certificate for a server of these names; it expires no later than its authority."""
    issuer = x509.load_pem_x509_certificate(signer.certificate.text.encode())
    signing = load_pem_private_key(signer.key.encode(), None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise InvalidCertificateError("the authority's key is not one on an elliptic curve")
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name("aim-hooks"), key, now, min(now + SERVER_LIFETIME, signer.certificate.expires))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(certificate) for certificate in sorted(names)]), critical=False
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return _pair(builder.sign(signing, SHA256()), key)


def new_token() -> str:
    """A new token. The API server accepts only DNS labels in a webhook's path, and hexadecimal digits are one."""
    return secrets.token_hex(TOKEN_BYTES)


ISSUER = Issuer(issue_ca, issue_server, new_token)


def parse_certificates(text: str) -> tuple[Certificate, ...]:
    """Parses the certificates of a PEM text; InvalidCertificateError."""
    if not text.strip():
        return ()
    try:
        return tuple(_read(certificate) for certificate in x509.load_pem_x509_certificates(text.encode()))
    except (ValueError, x509.ExtensionNotFound) as error:
        raise InvalidCertificateError(f"it holds no certificates that can be read: {error}") from error


def parse_pair(text: str, key: str) -> Pair | None:
    """Parses a certificate with its key, None where both are empty; InvalidCertificateError where they do not match."""
    if not text.strip() and not key.strip():
        return None
    parsed = parse_certificates(text)
    try:
        public = load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, TypeError) as error:
        raise InvalidCertificateError(f"it holds no private key that can be read: {error}") from error
    encoding = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if not parsed or _public(parsed[0]).public_bytes(*encoding) != public.public_bytes(*encoding):
        raise InvalidCertificateError("the private key is not that of the certificate")
    return Pair(parsed[0], key)


def _public(certificate: Certificate) -> ec.EllipticCurvePublicKey:
    public = x509.load_pem_x509_certificate(certificate.text.encode()).public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise InvalidCertificateError("the certificate's key is not one on an elliptic curve")
    return public


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, expires: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(expires)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Pair(_read(certificate), pem)


def _read(certificate: x509.Certificate) -> Certificate:
    names: frozenset[str] = frozenset()
    key_id = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    issuer = key_id
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            addresses = map(str, value.get_values_for_type(x509.IPAddress))
            names = frozenset([*value.get_values_for_type(x509.DNSName), *addresses])
        elif isinstance(value, x509.AuthorityKeyIdentifier):
            issuer = value.key_identifier or key_id
    return Certificate(
        text=certificate.public_bytes(Encoding.PEM).decode(),
        created=certificate.not_valid_before_utc + SKEW,
        expires=certificate.not_valid_after_utc,
        key_id=key_id.hex(),
        issuer_key_id=issuer.hex(),
        names=names,
    )
