"""Signatures: the examples that Amazon publishes, and what is in one and what is not."""

from datetime import UTC, datetime

import pytest

from aimlib.hub_url import parse_url
from hooks.jobs.volume.aws_signature import Credentials, signed_headers

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
WHEN = datetime(2013, 5, 24, tzinfo=UTC)
SITE = "https://examplebucket.s3.amazonaws.com"
PUBLISHED = {
    "an object": (
        "/test.txt",
        {"Range": "bytes=0-9"},
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "a setting": (
        "?lifecycle=",
        {},
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "a list": (
        "?max-keys=2&prefix=J",
        {},
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}
"""Source: the examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html."""


@pytest.mark.parametrize("case", PUBLISHED)
def test_a_published_example_has_its_published_signature(case):
    target, headers, names, signature = PUBLISHED[case]
    sent = signed_headers("GET", parse_url(SITE + target), {**headers, "User-Agent": "any"}, KEYS, WHEN)
    assert sent["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={names},Signature={signature}"
    )


def test_the_secret_is_never_sent_and_host_port_region_and_session_are_signed():
    keys = KEYS._replace(session_token="session", region="eu-1")  # noqa: S106
    url = parse_url("http://minio:9000/models/a")
    sent = signed_headers("GET", url, {"If-Match": '"x"'}, keys, WHEN)
    assert (sent["Host"], sent["x-amz-security-token"]) == ("minio:9000", "session")
    assert "/20130524/eu-1/s3/" in sent["Authorization"]
    assert "SignedHeaders=host;if-match;x-amz-content-sha256;x-amz-date;x-amz-security-token," in sent["Authorization"]
    assert not any(KEYS.secret_key in text for text in sent.values())
    others = [
        signed_headers("HEAD", url, {"If-Match": '"x"'}, keys, WHEN),
        signed_headers("GET", url._replace(port=9001), {"If-Match": '"x"'}, keys, WHEN),
        signed_headers("GET", url, {"If-Match": '"y"'}, keys, WHEN),
    ]
    assert len({one["Authorization"] for one in (sent, *others)}) == 4
