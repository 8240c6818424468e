"""The client of the hub: lists a model's files, and explains refusals."""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from httpx2 import HTTPError, InvalidURL
from huggingface_hub import HfApi, constants, get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined] # not in __all__

from aimlib.caching.volume_index import VolumeFile
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import unreachable
from hooks.jobs.volume.layout import COMMIT

TOKEN_ADVICE = "provide a token that has access, by HF_TOKEN or spec.hub.tokenSecret of the AIMCache"  # noqa: S105 - advice
TRANSIENT_STATUSES = frozenset({404, 408, 425, 429, *range(500, 600)})
"""Statuses worth a retry; among them 404, of a file that the hub has just listed."""
HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Listing(NamedTuple):
    """A commit and its files."""

    commit: str
    files: tuple[VolumeFile, ...]


class HubClient:
    """One model at one hub."""

    def __init__(self, endpoint: str, model: str, revision: str) -> None:
        self.endpoint, self.model, self.revision = endpoint.rstrip("/"), model, revision
        self.token = get_token()

    def url(self, commit: str, path: str) -> str:
        """The URL of a file."""
        return hf_hub_url(self.model, path, revision=commit, endpoint=self.endpoint)

    def listing(self) -> Listing:
        """Lists the commit of the revision and its files. DownloadError, or TransientError."""
        try:
            found = HfApi(endpoint=self.endpoint, token=self.token or False).model_info(
                self.model, revision=self.revision, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT
            )
            commit, siblings = found.sha or "", found.siblings or []
        except HfHubHTTPError as error:
            raise self.refusal(error.response.status_code, error.response.headers) from error
        except (HTTPError, InvalidURL) as error:
            raise unreachable(self.endpoint, error) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TransientError(
                f"{self.endpoint} does not respond like a hub to a request for {self.model}"
            ) from error
        if not COMMIT.fullmatch(commit):
            raise TransientError(f"{self.endpoint} returned no commit for {self.model} at {self.revision}")
        return Listing(commit, tuple(self._file(one) for one in siblings))

    def _file(self, found: RepoSibling) -> VolumeFile:
        """A listed file. DownloadError where it cannot be verified, or its path leads out of the cache."""
        name, lfs = PurePosixPath(found.rfilename), found.lfs
        if name.is_absolute() or ".." in name.parts:
            raise DownloadError(
                "Corrupt", f"{self.endpoint} lists {found.rfilename!r} in {self.model}: not a valid path of a file"
            )
        size, sha = (lfs.size, lfs.sha256) if lfs else (found.size, found.blob_id)
        if size is None or not HASH.fullmatch(sha or ""):
            raise DownloadError(
                "Corrupt",
                f"{self.endpoint} returned no size and hash for {found.rfilename} in {self.model}: no verification",
            )
        return VolumeFile(path=found.rfilename, size=size, hash=sha or "")

    def refusal(self, status: int, headers: Mapping[str, str]) -> DownloadError | TransientError:
        """The error that an unsuccessful response of the hub means."""
        message = headers.get("X-Error-Message")
        quoted = f" (message: {message})" if message else ""
        answered = f"{self.endpoint} returned {status}{quoted} for {self.model} at {self.revision}"
        for applies, reason, sentence in ERROR_RULES:
            if applies(status, headers.get("X-Error-Code"), self):
                return DownloadError(reason, sentence.format(hub=self, advice=TOKEN_ADVICE) + quoted)
        if status in TRANSIENT_STATUSES:
            return TransientError(answered, retry_after(headers))
        return DownloadError("Network", answered)


ErrorRule = Callable[[int, str | None, HubClient], bool]

ERROR_RULES: tuple[tuple[ErrorRule, str, str], ...] = (
    (
        lambda _, code, __: code == "RevisionNotFound",
        "RevisionNotFound",
        "{hub.model} at {hub.endpoint} has no revision {hub.revision}: name a branch, tag or commit of it",
    ),
    (
        lambda _, code, hub: code == "GatedRepo" and hub.token is None,
        "TokenMissing",
        "{hub.model} at {hub.endpoint} is gated, and there is no token: accept its conditions at the hub, and {advice}",
    ),
    (
        lambda _, code, __: code == "GatedRepo",
        "Gated",
        "{hub.model} at {hub.endpoint} is gated, and the token's owner has no access: request it at the hub",
    ),
    (
        lambda _, code, hub: code == "RepoNotFound" and hub.token is None,
        "NotFound",
        "{hub.endpoint} has no model {hub.model}, or it is private and there is no token: correct the id, or {advice}",
    ),
    (
        lambda _, code, __: code == "RepoNotFound",
        "NotFound",
        "{hub.endpoint} has no model {hub.model}, or does not show it to this token: correct the id, or {advice}",
    ),
    (
        lambda status, _, hub: status in {401, 403} and hub.token is None,
        "TokenMissing",
        "{hub.endpoint} requires a token for {hub.model}, and there is none: {advice}",
    ),
    (
        lambda status, _, __: status in {401, 403},
        "TokenInvalid",
        "{hub.endpoint} does not accept the token for {hub.model}: {advice}",
    ),
    (
        lambda status, code, _: status in {404, 410} and code is None,
        "NotFound",
        "{hub.endpoint} has no model {hub.model} at {hub.revision}: correct the id, the revision or the hub's address",
    ),
)
"""Condition, reason and message of an error, by status, X-Error-Code and token (source: hf_raise_for_status of
huggingface_hub)."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server requests to wait before a retry."""
    limit: Any = parse_ratelimit_headers(headers)
    if limit and limit.remaining == 0:
        return float(limit.reset_in_seconds)
    header = (headers.get("Retry-After") or "").strip()
    return float(header) if header.isdecimal() else None
