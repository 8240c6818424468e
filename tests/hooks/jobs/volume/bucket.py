"""A stand-in for an S3 service: what downloads ask of one. `make sources` runs the same tests against moto's.

It checks signatures as Amazon describes it, from the bytes that arrive: what was signed has to be what was sent.
"""

import base64
import hashlib
import hmac
import re
import threading
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote, urlsplit

from hooks.jobs.volume import clock
from tests.loopback import Answering, Loopback

KEYS = ("AKIDEXAMPLE", "the-secret-of-the-tests")
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,SignedHeaders=(\S+),Signature=(\S+)"
)


def etag(content: bytes, parts: int = 0) -> str:
    """That of an object, which for one that came in parts is no hash of its content."""
    digest = hashlib.md5(content).hexdigest()  # noqa: S324 - as S3 does
    return f'"{digest}-{parts}"' if parts else f'"{digest}"'


class Service(Answering):
    """One connection."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        bucket = self.server.bucket
        bucket.requests.append((self.command, self.path, dict(self.headers)))
        if fault := bucket.fault(self):
            self._error(*fault)
            return
        address = urlsplit(self.path)
        name, _, key = unquote(address.path).removeprefix("/").partition("/")
        if bucket.keys and (refused := self._refused()):
            self._error(403, refused)
        elif name != bucket.name:
            self._error(404, "NoSuchBucket")
        elif key:
            self._object(bucket, key)
        else:
            self._list(bucket, dict(parse_qsl(address.query, keep_blank_values=True)))

    def _refused(self) -> str | None:
        found = SIGNED.fullmatch(self.headers.get("Authorization", ""))
        if not found:
            return "AccessDenied"
        access, day, region, names, signature = found.groups()
        if access != self.server.bucket.keys[0]:
            return "InvalidAccessKeyId"
        path, _, query = self.path.partition("?")
        lines = [f"{name}:{self.headers[name]}" for name in names.split(";")]
        text = "\n".join((self.command, path, query, *lines, "", names, self.headers["x-amz-content-sha256"]))
        scope = f"{day}/{region}/s3/aws4_request"
        signed = ("AWS4-HMAC-SHA256", self.headers["x-amz-date"], scope, hashlib.sha256(text.encode()).hexdigest())
        key = f"AWS4{self.server.bucket.keys[1]}".encode()
        for part in (*scope.split("/"), "\n".join(signed)):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return None if key.hex() == signature else "SignatureDoesNotMatch"

    def _list(self, bucket: "Bucket", query: dict[str, str]) -> None:
        keys = [key for key in sorted(bucket.objects) if key.startswith(query.get("prefix", ""))]
        keys = [key for key in keys if key > query.get("continuation-token", "")]
        encoded = bucket.encodes and query.get("encoding-type") == "url"
        page, more = keys[: bucket.page], len(keys) > bucket.page
        rows = "".join(
            f"<Contents><Key>{quote_plus(key, safe='/') if encoded else key}</Key>"
            f"<Size>{len(bucket.objects[key])}</Size>"
            f"<ETag>{bucket.etags[key].replace(chr(34), '&quot;')}</ETag></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        text = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}"
        text += "<EncodingType>url</EncodingType>" if encoded else ""
        namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
        self.reply(200, f"<?xml version='1.0'?><ListBucketResult {namespace}>{text}</ListBucketResult>".encode())

    def _object(self, bucket: "Bucket", key: str) -> None:
        if key not in bucket.objects:
            self._error(404, "NoSuchKey")
            return
        content, tag = bucket.objects[key], bucket.etags[key]
        if not bucket.careless and self.headers.get("If-Match", tag) != tag:
            self._error(412, "PreconditionFailed")
            return
        headers = {"ETag": tag, "Last-Modified": format_datetime(clock.now(), usegmt=True)}
        if key in bucket.checksums and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = bucket.checksums[key]
        if self.command == "HEAD":
            self.send_response(200)
            for name, text in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, text)
            self.end_headers()
            return
        begin, end = 0, len(content)
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            begin, end = int(found[1]), min(int(found[2]) + 1, end)
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        body = content[begin:end]
        self.send_response(206 if found else 200)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
        self.end_headers()
        cut = bucket.cut_after(key)
        self.wfile.write(body[:cut])
        bucket.sent += len(body[:cut])
        self.close_connection = cut is not None

    def _error(self, status: int, code: str) -> None:
        body = b"" if self.command == "HEAD" or not code else f"<Error><Code>{code}</Code></Error>".encode()
        self.reply(status, body, "application/xml")


class Bucket:
    """A bucket with objects, at a service on loopback."""

    def __init__(self, **objects: bytes) -> None:
        self.name, self.page, self.keys = "models", 1000, KEYS
        self.objects: dict[str, bytes] = {}
        self.etags: dict[str, str] = {}
        self.checksums: dict[str, str] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.careless = False
        """Whether it ignores If-Match."""
        self.encodes = True
        """Whether it knows encoding-type."""
        self.sent = 0
        self.cuts: list[int] = []
        """After so many bytes the next responses end."""
        self.faults: list[tuple[int, str]] = []
        """Statuses and codes of the next responses."""
        self.server: Any = Loopback(Service)
        self.server.bucket = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        for key, content in objects.items():
            self.put(key, content)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(self, key: str, content: bytes, parts: int = 0, *, checksum: bool = False) -> None:
        """Stores an object; one that was there is replaced."""
        self.objects[key], self.etags[key] = content, etag(content, parts)
        self.checksums.pop(key, None)
        if checksum:
            self.checksums[key] = base64.b64encode(hashlib.sha256(content).digest()).decode()

    def fault(self, _: Service) -> tuple[int, str] | None:
        return self.faults.pop(0) if self.faults else None

    def cut_after(self, key: str) -> int | None:
        return self.cuts.pop(0) if self.cuts and key.endswith(".safetensors") else None

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
