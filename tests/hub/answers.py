"""How the two hosts answer: the hub's addresses, its refusals in its own words, and signed addresses of storage."""

import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.hub.ledger import Request
from tests.hub.repository import File, Repository
from tests.hub.sending import Sending

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = r"(?P<model>[^/]+(?:/[^/]+)?)"
API = re.compile(rf"/api/models/{MODEL}(?:/revision/(?P<revision>[^/]+))?")
TREE = re.compile(rf"/api/models/{MODEL}/tree/(?P<revision>[^/]+)")
RESOLVE = re.compile(rf"/{MODEL}/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
KEPT = re.compile(rf"/api/resolve-cache/models/{MODEL}/(?P<revision>[^/]+)/(?P<path>.+)")
STORED = re.compile(rf"/repos/{MODEL}/(?P<revision>[0-9a-f]{{40}})/[0-9a-f]+")


class Refusal(Exception):  # noqa: N818  it is an answer, not an error
    """An answer of the hub that is no success, in its words."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})


class Answering(Sending):
    """One connection to either host."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        try:
            self._route()
        except Refusal as refusal:
            self.send_bytes(refusal.status, json.dumps({"error": str(refusal)}).encode(), refusal.headers)

    def _route(self) -> None:
        address = urlsplit(self.path)
        host = self.server.host
        if address.scheme:  # asked as a proxy is: either host answers for both
            host = "cdn" if f"{address.scheme}://{address.netloc}" == self.hub.cdn else "hub"
        self.asked_of, self.place = host, "api"
        self.query = dict(parse_qsl(address.query))
        routes: tuple[tuple[re.Pattern[str], Callable[..., None]], ...] = (
            (TREE, self._tree),
            (KEPT, self._kept),
            (API, self._info),
            (RESOLVE, self._resolve),
        )
        for form, route in ((STORED, self._stored),) if host == "cdn" else routes:
            if found := form.fullmatch(address.path):
                route(**{name: unquote(text or "") for name, text in found.groupdict().items()})
                return
        raise Refusal(404, None, f"there is nothing at {address.path}")

    def _info(self, model: str, revision: str) -> None:
        self._mishap("api", self.path)
        found, commit = self._commit(model, revision or "main")
        blobs = self.query.get("blobs", "").lower() == "true" and not self.hub.bare
        self._send_json(found.info(commit, blobs=blobs), {"X-Repo-Commit": commit})

    def _tree(self, model: str, revision: str) -> None:
        self._mishap("api", self.path)
        found, commit = self._commit(model, revision)
        rows, start = found.tree(commit), int(self.query.get("cursor", "0"))
        end = start + self.hub.page
        # As a mirror passes it on, the link names the hub that it mirrors.
        following = f'<https://huggingface.co{urlsplit(self.path).path}?cursor={end}>; rel="next"'
        link = {"Link": following} if end < len(rows) else {}
        self._send_json(rows[start:end], {"X-Repo-Commit": commit, **link})

    def _resolve(self, model: str, revision: str, path: str) -> None:
        """Where a file is: LFS files at the other host, the others at another address of this one."""
        self._mishap("files", path)
        found, commit, file = self._file(model, revision, path)
        headers = {"X-Repo-Commit": commit, "X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
        if file.sha256:
            headers["Location"] = self.hub.link(found.id, commit, file, self.hub.fault_of_link(path).expiry)
            self.send_bytes(302, b"Found. Redirecting", headers)
            return
        headers["Location"] = f"/api/resolve-cache/models/{quote(found.id)}/{commit}/{quote(path)}"
        self.send_bytes(307, b"Temporary Redirect", {**headers, "ETag": f'"{file.etag}"'})

    def _kept(self, model: str, revision: str, path: str) -> None:
        """A file of git itself."""
        self._mishap("files", path)
        found, commit, file = self._file(model, revision, path)
        self.send_file(found.id, file, f'"{file.etag}"', {"X-Repo-Commit": commit})

    def _stored(self, model: str, revision: str) -> None:
        """A file of LFS, at the storage service: it knows signatures, and nothing of the hub's tokens."""
        path = self.query.get("path", "")
        self._mishap("cdn", path)
        if self.authorised:
            raise Refusal(400, None, "Only one auth mechanism allowed")
        expires = self.query.get("Expires", "0")
        if not hmac.compare_digest(self.query.get("Signature", ""), self.hub.signature(model, path, expires)):
            raise Refusal(403, None, "Access denied: the signature is of another address")
        if float(expires) < time.time():
            raise Refusal(403, None, "Access denied: the address has expired")
        file = self.hub.models[model].commits[revision][path]
        # Storage services name what they hold by digests of their own.
        self.send_file(model, file, f'"{hashlib.sha256(file.etag.encode()).hexdigest()[:32]}"', {})

    def _mishap(self, place: Any, path: str) -> None:
        self.place = place
        fault = self.hub.fault_of_answer(place, path)
        if fault.status is not None:
            refusal = Refusal(fault.status, None, f"the test said {fault.status}")
            refusal.headers = {**refusal.headers, **fault.headers}
            raise refusal

    def _repository(self, model: str) -> Repository:
        """The model, if it may be known."""
        token = self.token
        if token is not None and token not in self.hub.tokens:
            raise Refusal(401, None, "Invalid credentials in Authorization header")
        found = self.hub.models.get(model)
        if found is None or (found.private and model not in self.hub.tokens.get(token or "", ())):
            # Whoever is not known is not told which models there are.
            if token is None:
                raise Refusal(401, "RepoNotFound", "Invalid username or password.")
            raise Refusal(404, "RepoNotFound", "Repository not found")
        return found

    def _commit(self, model: str, revision: str) -> tuple[Repository, str]:
        found = self._repository(model)
        if commit := found.find(revision):
            return found, commit
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def _file(self, model: str, revision: str, path: str) -> tuple[Repository, str, File]:
        """The file, if it may be read: metadata of gated models is for all, their files are not."""
        found = self._repository(model)
        if found.gated and model not in self.hub.tokens.get(self.token or "", ()):
            said = f"Access to model {model} is restricted"
            if self.token is None:
                raise Refusal(401, "GatedRepo", f"{said}. You must have access to it and be authenticated.")
            raise Refusal(403, "GatedRepo", f"{said} and you are not in the authorized list.")
        found, commit = self._commit(model, revision)
        if path not in found.commits[commit]:
            raise Refusal(404, "EntryNotFound", "Entry not found")
        return found, commit, found.commits[commit][path]

    def _send_json(self, data: Any, headers: dict[str, str]) -> None:
        self.send_bytes(200, json.dumps(data).encode(), headers | {"Content-Type": "application/json; charset=utf-8"})

    def note(self, status: int) -> None:
        """Keep the request."""
        request = Request(
            self.command,
            self.path,
            status,
            self.headers["Range"],
            self.authorised,
            self.asked_of,
            self.asked_of != self.server.host or self.path.startswith("http"),
        )
        with self.hub.ledger.lock:
            self.hub.ledger.requests.append(request)
