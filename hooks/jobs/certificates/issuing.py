"""Makes keys, certificates and tokens, and reads those that are there: ECDSA on P-256, as PEM."""

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

from hooks.jobs.certificates.rotation import AUTHORITY_LASTS, SERVER_LASTS, Certificate, Makers, Pair

SKEW = timedelta(minutes=10)
"""How much earlier than it was made a certificate is valid: clocks differ."""
TOKEN_BYTES = 32


class UnreadableError(ValueError):
    """What should be certificates is none, in words."""


def authority(now: datetime) -> Pair:
    """A new authority, which trusts itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two authorities live side by side: their names tell them apart.
    name = _name(f"aim-hooks {own.digest.hex()[:8]}")
    builder = (
        _builder(name, key, now, now + AUTHORITY_LASTS)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
    )
    return _pair(builder.sign(key, SHA256()), key)


def server(signer: Pair, names: frozenset[str], now: datetime) -> Pair:
    """A new certificate for a server of these names, which does not outlive its authority."""
    issuer = x509.load_pem_x509_certificate(signer.certificate.text.encode())
    signing = load_pem_private_key(signer.key.encode(), None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey):
        raise UnreadableError("the authority's key is not one on an elliptic curve")
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_name("aim-hooks"), key, now, min(now + SERVER_LASTS, signer.certificate.expires))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(one) for one in sorted(names)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return _pair(builder.sign(signing, SHA256()), key)


def token() -> str:
    """A new token, of the letters that the API server takes in the path of a webhook: those of a DNS name."""
    return secrets.token_hex(TOKEN_BYTES)


MAKERS = Makers(authority, server, token)


def certificates(text: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM text; UnreadableError."""
    if not text.strip():
        return ()
    try:
        return tuple(_read(one) for one in x509.load_pem_x509_certificates(text.encode()))
    except (ValueError, x509.ExtensionNotFound) as error:
        raise UnreadableError(f"it holds no certificates that can be read: {error}") from error


def pair(text: str, key: str) -> Pair | None:
    """A certificate with its key, None where neither is there; UnreadableError where they do not belong together."""
    if not text.strip() and not key.strip():
        return None
    found = certificates(text)
    try:
        public = load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, TypeError) as error:
        raise UnreadableError(f"it holds no private key that can be read: {error}") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if not found or _public(found[0]).public_bytes(*form) != public.public_bytes(*form):
        raise UnreadableError("the private key is not that of the certificate")
    return Pair(found[0], key)


def _public(one: Certificate) -> ec.EllipticCurvePublicKey:
    public = x509.load_pem_x509_certificate(one.text.encode()).public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise UnreadableError("the certificate's key is not one on an elliptic curve")
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


def _pair(made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Pair(_read(made), written)


def _read(one: x509.Certificate) -> Certificate:
    names: frozenset[str] = frozenset()
    own = x509.SubjectKeyIdentifier.from_public_key(one.public_key()).digest
    issuer = own
    for extension in one.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            addresses = map(str, value.get_values_for_type(x509.IPAddress))
            names = frozenset([*value.get_values_for_type(x509.DNSName), *addresses])
        elif isinstance(value, x509.AuthorityKeyIdentifier):
            issuer = value.key_identifier or own
    return Certificate(
        text=one.public_bytes(Encoding.PEM).decode(),
        made=one.not_valid_before_utc + SKEW,
        expires=one.not_valid_after_utc,
        own=own.hex(),
        issuer=issuer.hex(),
        names=names,
    )
