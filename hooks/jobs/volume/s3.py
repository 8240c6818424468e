"""The reader of a folder in a bucket of S3, or of a service that speaks its protocol.

Requests are signed where there are keys. A signature is for one host, so it is of no use to another one that a service
redirects to, and the secret key is never sent. Every range names the ETag that was listed, so that a file that is
replaced meanwhile is not continued. An ETag is no hash of the content; x-amz-checksum-sha256, where an object has it,
is one.
"""

import base64
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import quote, urlencode

from urllib3.exceptions import HTTPError

from aimlib.api.source import ModelSource
from aimlib.caching.volume_index import VolumeFile
from aimlib.errors import AimError
from aimlib.hub_url import InvalidUrlError, ParsedUrl, parse_hub
from aimlib.printable import printable
from hooks.jobs.volume import clock
from hooks.jobs.volume.aws_signature import Credentials, signed_headers
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import WITH_BODY, FileClient, FileResponse, read_body, root_cause
from hooks.jobs.volume.hub import retry_after
from hooks.jobs.volume.reader import (
    Listing,
    OpenedFile,
    Reader,
    byte_range,
    check_paths,
    identity,
    listed_commit,
    listed_file,
    opened_response,
)
from hooks.jobs.volume.s3_listing import S3Object, S3Page, error_code, parse_page

MAX_PAGE = 16 << 20
"""Most bytes of a page of a list, which has at most a thousand objects with keys of at most a KiB."""
MOST_OBJECTS = 100_000
MAX_ERROR = 64 << 10
"""Most bytes of an error."""
KEYS = "access.secret of the model, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
SHA256_BYTES = 32


def environment_credentials() -> Credentials | None:
    """The keys in the environment; None where there are none. DownloadError (TokenMissing) where half of them is."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    access, secret, session = (text.strip() for text in [os.environ.get(name, "") for name in names])
    if bool(access) != bool(secret):
        raise DownloadError("TokenMissing", f"of {names[0]} and {names[1]} one is missing: state both, or none")
    if any(not text.isprintable() or not text.isascii() for text in (access, secret, session)):
        raise DownloadError("TokenInvalid", "the keys for S3 have characters that keys do not have: replace them")
    return Credentials(access, secret, session) if access else None


class S3Reader(Reader):
    """A folder in a bucket. DownloadError where its address or the keys cannot be used."""

    def __init__(self, source: ModelSource, endpoint: str | None, region: str, connections: int = 1) -> None:
        self.bucket, self.prefix = source.name, f"{source.path}/" if source.path else ""
        self.region, self.credentials = region, environment_credentials()
        self.model = f"s3://{self.bucket}/{source.path}".rstrip("/")
        self.client = FileClient(service_url(endpoint, region), None, connections, self._sign)
        self.place = str(self.client.hub)
        self.etags: dict[str, str] = {}

    def _sign(self, method: str, url: ParsedUrl, headers: Mapping[str, str]) -> Mapping[str, str]:
        if self.credentials is None:
            return headers
        return signed_headers(method, url, headers, self.credentials._replace(region=self.region), clock.now())

    def close(self) -> None:
        self.client.close()

    def _url(self, key: str = "", query: Mapping[str, str] | None = None) -> ParsedUrl:
        """The URL of an object, or of the bucket; the bucket is in the path, which every service knows."""
        hub = self.client.hub
        text = f"?{urlencode(sorted(query.items()), quote_via=quote, safe='')}" if query else ""
        return hub._replace(
            target=f"{hub.target}/{self.bucket}{f'/{quote(key, safe=_UNESCAPED)}' if key else ''}{text}"
        )

    def listing(self) -> Listing:
        objects = [one for one in self._objects() if not one.key.endswith("/")]
        if not objects:
            raise DownloadError("NotFound", f"{self.place} has no objects below {self.model}: correct the source")
        files = tuple(self._file(one) for one in objects)
        check_paths(self, [file.path for file in files])
        self.identities = frozenset(file.hash for file in files)
        return Listing(listed_commit(files), files)

    def _file(self, one: S3Object) -> VolumeFile:
        path = one.key.removeprefix(self.prefix)
        self.etags[path] = one.etag
        return listed_file(self, path, one.size, identity(self.place, self.bucket, one.key, one.size, one.etag))

    def _objects(self) -> Iterator[S3Object]:
        """The objects below the folder."""
        token: str | None = ""
        count = 0
        while token is not None:
            query = {"list-type": "2", "prefix": self.prefix, "encoding-type": "url"}
            page = self._page(self._url(query=query | ({"continuation-token": token} if token else {})))
            count += len(page.objects)
            if count > MOST_OBJECTS or (page.next_token and not page.objects):
                raise DownloadError("Corrupt", f"{self.place} lists more than {MOST_OBJECTS} objects in {self.model}")
            yield from page.objects
            token = page.next_token

    def _page(self, url: ParsedUrl) -> S3Page:
        """A page of the list. DownloadError, or TransientError."""
        reply = self.client.get(url)
        try:
            if reply.response.status != HTTPStatus.OK:
                raise self._refusal(reply)
            return parse_page(read_body(reply.response, MAX_PAGE))
        except HTTPError as error:
            raise TransientError(f"{self.place} cannot be reached: {root_cause(error)}") from error
        except ValueError as error:
            raise TransientError(
                f"{self.place} does not respond like S3 to a request for {self.model}: {error}"
            ) from error
        finally:
            reply.response.close()

    def with_hashes(self, files: Sequence[VolumeFile]) -> tuple[VolumeFile, ...]:
        found = tuple(self._with_hash(file) for file in files)
        self.identities = frozenset(file.hash for file in found) & self.identities
        return found

    def _with_hash(self, file: VolumeFile) -> VolumeFile:
        """The file with its SHA-256, where the object has one; a checksum of checksums (of parts) is none."""
        more = {"x-amz-checksum-mode": "ENABLED", "If-Match": self.etags[file.path]}
        reply = self.client.get(self._url(self.prefix + file.path), more=more, method="HEAD")
        reply.response.close()
        if reply.response.status != HTTPStatus.OK:
            raise self._refusal(reply, file)
        text = reply.response.headers.get("x-amz-checksum-sha256", "")
        try:
            digest = base64.b64decode(text, validate=True)
        except ValueError:
            digest = b""
        return file.model_copy(update={"hash": digest.hex()}) if len(digest) == SHA256_BYTES else file

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:  # noqa: ARG002 - no commits here
        etag = self.etags[file.path]
        reply = self.client.get(
            self._url(self.prefix + file.path), byte_range(begin, end, file.size), {"If-Match": etag}
        )
        response = reply.response
        try:
            if response.status not in WITH_BODY:
                raise self._refusal(reply, file)
            if response.headers.get("ETag", etag) != etag:  # a service that does not know If-Match
                raise self._changed(file)
            return opened_response(reply, file, begin, end)
        except AimError:
            response.close()
            raise

    def _changed(self, file: VolumeFile) -> DownloadError:
        return DownloadError(
            "Changed",
            f"{file.path} of {self.model} at {self.place} was replaced during the download: it is listed anew",
        )

    def _refusal(self, reply: FileResponse, file: VolumeFile | None = None) -> DownloadError | TransientError:
        """The error that an unsuccessful response means, by its code and status."""
        status, code = reply.response.status, ""
        with suppress(HTTPError, ValueError):
            code = error_code(read_body(reply.response, MAX_ERROR))
        if file and status in {HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED}:
            return self._changed(file)
        refused = S3Refused(status, code, signed=self.credentials is not None)
        shown = f" ({printable(code, 64)})" if code else ""
        for applies, reason, sentence in S3_ERROR_RULES:
            if applies(refused):
                return DownloadError(reason, sentence.format(s3=self, keys=KEYS) + shown)
        answered = f"{reply.url.site} returned {status}{shown} for {self.model}"
        if status in RETRIED_STATUSES or code in RETRIED_CODES:
            return TransientError(answered, retry_after(reply.response.headers))
        return DownloadError("Network", answered)


_UNESCAPED = "/~"
"""Characters of keys that Signature Version 4 does not escape, besides letters, digits, -, . and _."""
RETRIED_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
RETRIED_CODES = frozenset({"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable"})


class S3Refused(NamedTuple):
    """What a response refuses."""

    status: int
    code: str
    signed: bool


S3_ERROR_RULES: tuple[tuple[Callable[[S3Refused], bool], str, str], ...] = (
    (
        lambda at: at.code == "NoSuchBucket" or (at.status == HTTPStatus.NOT_FOUND and not at.code),
        "NotFound",
        "{s3.place} has no bucket {s3.bucket}: correct the source, or access.endpoint",
    ),
    (
        lambda at: at.code in {"PermanentRedirect", "AuthorizationHeaderMalformed"} or at.status == 301,
        "NotFound",
        "bucket {s3.bucket} is not in the region {s3.region} of {s3.place}: correct access.region",
    ),
    (
        lambda at: at.code == "RequestTimeTooSkewed",
        "TokenInvalid",
        "{s3.place} refuses requests whose time differs from its own by a quarter of an hour: correct the clocks",
    ),
    (
        lambda at: at.code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"},
        "TokenInvalid",
        "{s3.place} does not accept the keys for {s3.model}: correct {keys}",
    ),
    (
        lambda at: at.status in {401, 403} and not at.signed,
        "TokenMissing",
        "{s3.place} does not show {s3.model} without keys: provide {keys}",
    ),
    (
        lambda at: at.status in {401, 403},
        "Gated",
        "{s3.place} does not let these keys read {s3.model}: they need ListBucket and GetObject",
    ),
)
"""Condition, reason and message of an error (source of the codes: Amazon S3, API reference, error responses)."""


def service_url(endpoint: str | None, region: str) -> ParsedUrl:
    """The URL of a service; that of AWS in the region when left out. DownloadError (Network)."""
    try:
        return parse_hub(endpoint or f"https://s3.{region}.amazonaws.com")
    except InvalidUrlError as error:
        raise DownloadError("Network", f"S3 cannot be reached: {error}") from error
