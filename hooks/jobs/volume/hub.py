"""The client of the hub: lists a model's files, and explains refusals."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

from huggingface_hub import get_token
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined] # not in __all__
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from aimlib.caching.volume_index import COMMIT, VolumeFile
from aimlib.errors import AimError
from aimlib.hub_url import ParsedUrl
from aimlib.printable import printable
from hooks.jobs.volume import hub_tree
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import WITH_BODY, FileClient, FileResponse, hub_of, read_body, root_cause
from hooks.jobs.volume.reader import (
    MAX_QUOTED,
    Listing,
    OpenedFile,
    Reader,
    byte_range,
    check_page,
    check_paths,
    listed_file,
    opened_response,
)

TOKEN_ADVICE = "provide a token that has access, by HF_TOKEN or spec.hub.tokenSecret of the AIMCache"  # noqa: S105 - advice
INSPECTION_ADVICE = (
    "provide a token that has access, by HF_TOKEN, spec.model.tokenSecret of the AIMEndpoint or spec.hub.tokenSecret "
    "of the AIMModel"
)
TRANSIENT_STATUSES = frozenset({404, 408, 425, 429, *range(500, 600)})
"""Statuses worth a retry; among them 404, of a file that the hub has just listed."""
UNAUTHORIZED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
MAX_LISTING = 32 << 20
"""Most bytes of the list of a model's files; that of 100,000 files has about 20 MiB."""
DISABLED = "Access to this resource is disabled."
"""The hub's message, with status 403, about a model that it has taken down (source: hf_raise_for_status)."""


class HubClient(Reader):
    """One model at one hub. DownloadError where its address or the token cannot be used."""

    def __init__(
        self, endpoint: str, model: str, revision: str, connections: int = 1, advice: str = TOKEN_ADVICE
    ) -> None:
        self.model, self.revision, self.advice = model, revision, advice
        self.token = get_token()
        self.client = FileClient(hub_of(endpoint), self.token, connections)
        self.place = self.endpoint = str(self.client.hub)

    def close(self) -> None:
        self.client.close()

    def url(self, commit: str, path: str) -> ParsedUrl:
        """The URL of a file."""
        return self._below(f"{quote(self.model)}/resolve/{commit}/{quote(path)}")

    def _below(self, path: str) -> ParsedUrl:
        hub = self.client.hub
        return hub._replace(target=f"{hub.target}/{path}")

    def listing(self) -> Listing:
        """Lists the commit of the revision and its files. DownloadError, or TransientError."""
        path = f"revision/{quote(self.revision, safe='')}?blobs=true"
        found, _ = self._answer(path)
        try:
            commit, listed = found["sha"], found["siblings"] or []
            if not COMMIT.fullmatch(commit) or not isinstance(listed, list):
                raise TransientError(f"{self.endpoint} returned no commit for {self.model} at {self.revision}")
        except (TypeError, KeyError) as error:
            raise self._no_hub() from error
        if hub_tree.has_names_alone(listed):
            listed = self._tree_of_mirror(commit)
        files = tuple(self._file(one) for one in listed)
        check_paths(self, [file.path for file in files])
        return Listing(commit, files)

    def _tree_of_mirror(self, commit: str) -> list[dict[str, Any]]:
        """The files of a commit, of a hub that lists no more than their names. Errors as of a listing."""
        try:
            return self._tree(commit)
        except DownloadError as error:
            raise DownloadError(
                error.reason if error.reason != "NotFound" else "Corrupt",
                f"{self.endpoint} lists the files of {self.model} without sizes and hashes, so that they cannot be "
                f"verified, and its tree of commit {commit} has none: {error.message}",
            ) from error

    def _tree(self, commit: str) -> list[dict[str, Any]]:
        """The files in the tree of a commit. Errors as of a listing."""
        query: str | None = "recursive=true"
        found: list[dict[str, Any]] = []
        for _ in range(hub_tree.TREE_PAGES):
            rows, headers = self._answer(f"tree/{commit}?{query}")
            if not isinstance(rows, list):
                raise self._no_hub()
            found += hub_tree.siblings(rows)
            query = hub_tree.next_query(headers)
            if query is None:
                return found
        raise TransientError(f"{self.endpoint} lists more than {hub_tree.TREE_PAGES} pages of files of {self.model}")

    def _answer(self, path: str) -> tuple[Any, Mapping[str, str]]:
        """What the hub answers about the model, and its headers. Errors as of a listing."""
        reply = self.client.get(self._below(f"api/models/{quote(self.model)}/{path}"))
        response = reply.response
        try:
            if response.status != HTTPStatus.OK:
                raise self.refusal(reply)
            check_page(reply, f"the list of files of {self.model}")
            return read_json(response), response.headers
        except HTTPError as error:
            raise TransientError(f"{self.endpoint} cannot be reached: {root_cause(error)}") from error
        except (ValueError, RecursionError) as error:
            raise self._no_hub() from error
        finally:
            response.close()

    def _no_hub(self) -> TransientError:
        return TransientError(f"{self.endpoint} does not respond like a hub to a request for {self.model}")

    def _file(self, found: Any) -> VolumeFile:  # noqa: ANN401 - whatever the hub returned
        """A listed file. DownloadError where it cannot be verified, or its path is not one below the snapshot."""
        listed = found if isinstance(found, dict) else {}
        lfs = listed.get("lfs")
        content = lfs if isinstance(lfs, dict) else {"size": listed.get("size"), "sha256": listed.get("blobId")}
        return listed_file(self, listed.get("rfilename"), content.get("size"), content.get("sha256"))

    def transfer(self, commit: str, file: VolumeFile, begin: int, end: int) -> OpenedFile:
        reply = self.client.get(self.url(commit, file.path), byte_range(begin, end, file.size))
        try:
            if reply.response.status in WITH_BODY:
                return opened_response(reply, file, begin, end)
            if reply.from_hub or "X-Error-Code" in reply.response.headers:  # a mirror may redirect to another hub
                raise self.refusal(reply)
            raise self.storage_error(reply, file.path)
        except AimError:
            reply.response.close()
            raise

    def refusal(self, reply: FileResponse) -> DownloadError | TransientError:
        """The error that an unsuccessful response means, of the hub or of one that it redirects to."""
        status, headers = reply.response.status, reply.response.headers
        message = printable(headers.get("X-Error-Message") or "", MAX_QUOTED)
        quoted = f" (message: {message})" if message else ""
        code = "DisabledRepo" if message == DISABLED else headers.get("X-Error-Code")
        by, advice = self.endpoint, self.advice
        if not reply.from_hub:
            by = f"{reply.url.site} (to which {self.endpoint} redirects)"
            advice = f"use a hub that serves it; {self.endpoint} alone gets a token"
        refused = Refused(status, code, token=reply.with_token, kept=self.token is not None and not reply.with_token)
        for applies, reason, sentence in ERROR_RULES:
            if applies(refused):
                return DownloadError(reason, sentence.format(hub=self, by=by, advice=advice) + quoted)
        answered = f"{by} returned {status}{quoted} for {self.model} at {self.revision}"
        if status in TRANSIENT_STATUSES:
            return TransientError(answered, retry_after(headers))
        return DownloadError("Network", answered)

    def storage_error(self, reply: FileResponse, path: str) -> DownloadError | TransientError:
        """The error that a response means of a host for files, which is no hub and to which the hub redirects.

        Signed URLs expire, and the next attempt gets a new one from the hub; without a signature, 401 stays.
        """
        status, signed = reply.response.status, "?" in reply.url.target
        if status == HTTPStatus.UNAUTHORIZED and not signed:
            return self.refusal(reply)
        refuses = status in UNAUTHORIZED
        token = f"; the token for {self.endpoint} is not sent there" if refuses and self.token and not signed else ""
        return TransientError(
            f"{reply.url.site}, to which {self.endpoint} redirects for {path}, returned {status}{token}",
            retry_after(reply.response.headers),
        )


class Refused(NamedTuple):
    """What a response refuses."""

    status: int
    code: str | None
    """Its X-Error-Code."""
    token: bool
    """Whether the request had a token."""
    kept: bool
    """Whether there is one that is not sent to this host."""


ErrorRule = Callable[[Refused], bool]

ERROR_RULES: tuple[tuple[ErrorRule, str, str], ...] = (
    (
        lambda at: at.code == "DisabledRepo",
        "NotFound",
        "{by} has disabled {hub.model} for everybody, whatever the token: use another model or hub",
    ),
    (
        lambda at: at.code == "RevisionNotFound",
        "RevisionNotFound",
        "{hub.model} at {by} has no revision {hub.revision}: name a branch, tag or commit of it",
    ),
    (
        lambda at: at.kept and (at.code in {"GatedRepo", "RepoNotFound"} or at.status in UNAUTHORIZED),
        "TokenNotAllowed",
        "{by} does not show {hub.model} without a token, and the one for {hub.endpoint} is not sent there: {advice}",
    ),
    (
        lambda at: at.code == "GatedRepo" and not at.token,
        "TokenMissing",
        "{hub.model} at {by} is gated, and there is no token: accept its conditions at the hub, and {advice}",
    ),
    (
        lambda at: at.code == "GatedRepo",
        "Gated",
        "{hub.model} at {by} is gated, and the token's owner has no access: request it at the hub",
    ),
    (
        lambda at: at.code == "RepoNotFound" and not at.token,
        "NotFound",
        "{by} has no model {hub.model}, or it is private and there is no token: correct the id, or {advice}",
    ),
    (
        lambda at: at.code == "RepoNotFound",
        "NotFound",
        "{by} has no model {hub.model}, or does not show it to this token: correct the id, or {advice}",
    ),
    (
        lambda at: at.status in UNAUTHORIZED and not at.token,
        "TokenMissing",
        "{by} requires a token for {hub.model}, and there is none: {advice}",
    ),
    (
        lambda at: at.status in UNAUTHORIZED,
        "TokenInvalid",
        "{by} does not accept the token for {hub.model}: {advice}",
    ),
    (
        lambda at: at.status in {404, 410} and at.code is None,
        "NotFound",
        "{by} has no model {hub.model} at {hub.revision}: correct the id, the revision or the hub's address",
    ),
)
"""Condition, reason and message of an error, by status, X-Error-Code and token (source: hf_raise_for_status of
huggingface_hub)."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server requests to wait before a retry; None where it requests none, or no number."""
    try:
        limit: Any = parse_ratelimit_headers(headers)
        if limit and limit.remaining == 0:
            return float(limit.reset_in_seconds)
        header = (headers.get("Retry-After") or "").strip()
        return float(header) if header.isdecimal() else None
    except (ValueError, OverflowError):
        return None


def read_json(response: BaseHTTPResponse) -> Any:  # noqa: ANN401 - whatever the hub returned
    """The JSON of a response. ValueError where it is none or too long, RecursionError where it is nested too deep."""
    return json.loads(read_body(response, MAX_LISTING))
