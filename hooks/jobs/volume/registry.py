"""The reader of an artifact in an OCI registry: every file is a blob that is named by its SHA-256.

The tag is resolved once, and everything after that is by digest. The registry alone gets credentials; a host that it
redirects to for a blob gets none.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from urllib3.exceptions import HTTPError

from aimlib.api.source import ModelSource
from aimlib.caching.volume_index import VolumeFile
from aimlib.errors import AimError
from aimlib.hub_url import InvalidUrlError, ParsedUrl, parse_hub
from aimlib.printable import printable
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import WITH_BODY, FileClient, FileResponse, read_body, root_cause
from hooks.jobs.volume.hub import retry_after
from hooks.jobs.volume.oci_manifest import INDEX_TYPES, MEDIA_TYPES, SHA256_DIGEST, ManifestError, parse_manifest
from hooks.jobs.volume.reader import (
    COMMIT_LENGTH,
    Listing,
    OpenedFile,
    Reader,
    byte_range,
    check_paths,
    listed_file,
    opened_response,
)
from hooks.jobs.volume.registry_login import authorization, basic_credentials

MAX_MANIFEST = 4 << 20
"""Most bytes of a manifest; registries refuse larger ones (distribution specification)."""
MAX_REFUSAL = 64 << 10
LOGIN = "access.secret of the model, a Secret as for image pulls"
LOGIN_VARIABLE = "AIM_REGISTRY_LOGIN"
"""The variable with the text of a `.dockerconfigjson`."""
RETRIED = frozenset({404, 408, 425, 429, *range(500, 600)})
"""Statuses of a blob that are worth a retry; among them 404, of one that a manifest has just named."""


class RegistryReader(Reader):
    """An artifact at a registry. DownloadError where its address or the credentials cannot be used."""

    def __init__(self, source: ModelSource, endpoint: str | None, connections: int = 1) -> None:
        host, _, self.repository = source.name.partition("/")
        self.reference = source.revision or "latest"
        self.model = f"oci://{source.name}"
        self.client = FileClient(_registry_url(host, endpoint), None, connections, self._authorized)
        hub = self.client.hub
        self.place = str(hub)
        text = os.environ.get(LOGIN_VARIABLE, "")
        self.basic = basic_credentials(text, hub.site.partition("://")[2]) if hub.is_private else None
        self.header: str | None = None

    def _authorized(self, _: str, __: ParsedUrl, headers: Mapping[str, str]) -> Mapping[str, str]:
        return {**headers, "Authorization": self.header} if self.header else headers

    def close(self) -> None:
        self.client.close()

    def _get(self, part: str, bytes_range: str | None = None, more: Mapping[str, str] | None = None) -> FileResponse:
        """A request to the repository, which a registry may refuse once to state whom to convince."""
        hub = self.client.hub
        url = hub._replace(target=f"{hub.target}/v2/{self.repository}/{part}")
        reply = self.client.get(url, bytes_range, more or {})
        if reply.response.status == HTTPStatus.UNAUTHORIZED and reply.from_hub and self.header:
            # A token that has expired: asked with it, Harbor states Basic alone, and without it how to get another.
            reply.response.close()
            self.header = None
            reply = self.client.get(url, bytes_range, more or {})
        challenge = reply.response.headers.get("WWW-Authenticate", "")
        if reply.response.status == HTTPStatus.UNAUTHORIZED and reply.from_hub and challenge:
            reply.response.close()
            self.header = authorization(challenge, self.basic, self.repository)
            reply = self.client.get(url, bytes_range, more or {})
        return reply

    def listing(self) -> Listing:
        text, digest = self._manifest(MEDIA_TYPES)
        try:
            layers = parse_manifest(text)
        except ManifestError as error:
            raise DownloadError("NoFiles", f"{self.model} at {self.reference} cannot be downloaded: {error}") from error
        files = tuple(listed_file(self, one.path, one.size, one.sha256) for one in layers)
        check_paths(self, [file.path for file in files])
        return Listing(digest[:COMMIT_LENGTH], files)

    def named_version(self) -> str:
        """By the digest alone: what is mounted as an image may be an archive, or an index by platform."""
        return self._manifest((*MEDIA_TYPES, *INDEX_TYPES))[1][:COMMIT_LENGTH]

    def _manifest(self, kinds: Sequence[str]) -> tuple[bytes, str]:
        """The manifest that the reference names, and its digest, which `resolved` is from then on."""
        reply = self._get(f"manifests/{self.reference}", more={"Accept": ", ".join(kinds)})
        try:
            if reply.response.status != HTTPStatus.OK:
                raise self._refusal(reply)
            text = read_body(reply.response, MAX_MANIFEST)
        except HTTPError as error:
            raise TransientError(f"{self.place} cannot be reached: {root_cause(error)}") from error
        except ValueError as error:
            raise TransientError(f"{self.place} sends a manifest of {self.model} that is too long") from error
        finally:
            reply.response.close()
        digest = hashlib.sha256(text).hexdigest()
        named = reply.response.headers.get("Docker-Content-Digest", "")
        stated = SHA256_DIGEST.fullmatch(self.reference) or SHA256_DIGEST.fullmatch(named)
        if stated and stated[1] != digest:
            raise TransientError(f"the manifest of {self.model} has the digest {digest} instead of {stated[1]}")
        self.resolved = f"sha256:{digest}"
        return text, digest

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:  # noqa: ARG002 - by digest
        reply = self._get(f"blobs/sha256:{file.hash}", byte_range(begin, end, file.size))
        try:
            status = reply.response.status
            if status in WITH_BODY:
                return opened_response(reply, file, begin, end)
            if status in RETRIED or not reply.from_hub:
                raise TransientError(
                    f"{reply.url.site} returned {status} for {file.path} of {self.model}",
                    retry_after(reply.response.headers),
                )
            raise self._refusal(reply)
        except AimError:
            reply.response.close()
            raise

    def _refusal(self, reply: FileResponse) -> DownloadError | TransientError:
        """The error that an unsuccessful response of the registry means."""
        status, code = reply.response.status, ""
        try:
            found = json.loads(read_body(reply.response, MAX_REFUSAL))
            code = str(found["errors"][0]["code"])
        except (HTTPError, ValueError, TypeError, LookupError, RecursionError):
            code = ""
        shown = f" ({printable(code, 64)})" if code else ""
        what = f"{self.model} at {self.reference}"
        if status == HTTPStatus.NOT_FOUND and code == "NAME_UNKNOWN":
            return DownloadError("NotFound", f"{self.place} has no repository {self.repository}: correct the source")
        if status == HTTPStatus.NOT_FOUND:
            return DownloadError("RevisionNotFound", f"{self.place} has no {what}: correct the tag or digest{shown}")
        if status in {401, 403} and not self.basic:
            return DownloadError("TokenMissing", f"{self.place} does not show {what}: provide {LOGIN}{shown}")
        if status in {401, 403}:
            return DownloadError("TokenInvalid", f"{self.place} does not let this account read {what}: correct {LOGIN}")
        answered = f"{self.place} returned {status}{shown} for {what}"
        if status in RETRIED:
            return TransientError(answered, retry_after(reply.response.headers))
        return DownloadError("Network", answered)


def _registry_url(host: str, endpoint: str | None) -> ParsedUrl:
    """The URL of a registry. DownloadError (Network)."""
    default = "https://registry-1.docker.io" if host == "docker.io" else f"https://{host}"
    try:
        return parse_hub(endpoint or default)
    except InvalidUrlError as error:
        raise DownloadError("Network", f"the registry cannot be reached: {error}") from error
