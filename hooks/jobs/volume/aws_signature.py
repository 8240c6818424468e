"""Signs requests to S3: AWS Signature Version 4, in which the secret key itself is never sent.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, whose examples the tests run.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from aimlib.hub_url import PORTS, ParsedUrl

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_BODY = hashlib.sha256(b"").hexdigest()
SIGNED_ALONE = frozenset({"host", "range", "if-match"})
"""Headers that are signed besides those of Amazon: a proxy may change any other."""


class Credentials(NamedTuple):
    """Keys of an account."""

    access_key: str
    secret_key: str
    session_token: str = ""
    region: str = "us-east-1"
    """The region that they sign for."""


def signed_headers(
    method: str, url: ParsedUrl, headers: Mapping[str, str], credentials: Credentials, when: datetime
) -> Mapping[str, str]:
    """The headers of a request without a body, with those that sign it; `when` is in UTC.

    Path and query of the URL have to be escaped as they are sent, and the query has to be sorted.
    """
    stamp = when.strftime("%Y%m%dT%H%M%SZ")
    default = url.port == PORTS[url.scheme]
    sent = {
        **headers,
        "Host": url.host if default else f"{url.host}:{url.port}",
        "x-amz-content-sha256": EMPTY_BODY,
        "x-amz-date": stamp,
        **({"x-amz-security-token": credentials.session_token} if credentials.session_token else {}),
    }
    signed = {
        name.lower(): text.strip()
        for name, text in sent.items()
        if name.lower() in SIGNED_ALONE or name.lower().startswith("x-amz-")
    }
    names = ";".join(sorted(signed))
    path, _, query = url.target.partition("?")
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    request = "\n".join((method, path, query, *lines, "", names, EMPTY_BODY))
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    proof = f"Credential={credentials.access_key}/{scope},SignedHeaders={names},Signature={_hmac(key, text).hex()}"
    return {**sent, "Authorization": f"{ALGORITHM} {proof}"}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
