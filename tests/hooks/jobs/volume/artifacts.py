"""A stand-in for an OCI registry, with a service for tokens: what downloads ask of one."""

import base64
import hashlib
import json
import re
import threading
from typing import Any

from tests.loopback import Answering, Loopback

ACCOUNT = ("team", "the-password-of-the-tests")
BASIC = base64.b64encode(":".join(ACCOUNT).encode()).decode()


class Registering(Answering):
    """One connection."""

    def do_GET(self) -> None:
        registry = self.server.registry
        registry.requests.append((self.path, dict(self.headers)))
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            right = given == f"Basic {BASIC}" or registry.open
            self.reply_json(200 if right else 401, registry.token if right else {})
            return
        found = re.fullmatch(r"/v2/models/chat/(manifests|blobs)/(.+)", self.path)
        if registry.faults:
            self._error(*registry.faults.pop(0))
        elif registry.challenge and given not in registry.accepted:
            stated = registry.challenge_again or registry.challenge if given else registry.challenge
            self.reply(401, b"{}", **{"WWW-Authenticate": stated})
        elif not found:
            self._error(404, "NAME_UNKNOWN")
        elif found[1] == "manifests":
            self._manifest(registry, found[2])
        else:
            self._blob(registry, found[2])

    def _manifest(self, registry: "Registry", reference: str) -> None:
        text = registry.manifests.get(reference)
        if text is None:
            self._error(404, "MANIFEST_UNKNOWN")
        else:
            digest = registry.stated or f"sha256:{hashlib.sha256(text).hexdigest()}"
            self.reply(200, text, **{"Docker-Content-Digest": digest})

    def _blob(self, registry: "Registry", digest: str) -> None:
        if registry.elsewhere:
            self.reply(307, b"", Location=f"{registry.elsewhere}{self.path}")
            return
        content = registry.blobs[digest]
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        begin, end = (int(found[1]), int(found[2]) + 1) if found else (0, len(content))
        headers = {"Content-Range": f"bytes {begin}-{end - 1}/{len(content)}"} if found else {}
        self.send_response(206 if found else 200)
        for name, text in {**headers, "Content-Length": str(end - begin)}.items():
            self.send_header(name, text)
        self.end_headers()
        cut = registry.cuts.pop(0) if registry.cuts and len(content) > 1000 else None
        self.wfile.write(content[begin:end][:cut])
        self.close_connection = cut is not None

    def _error(self, status: int, code: str) -> None:
        self.reply_json(status, {"errors": [{"code": code}]} if code else [])


class Registry:
    """A registry with one repository, models/chat, on loopback."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.challenge, self.open, self.stated, self.elsewhere = "", False, "", ""
        self.challenge_again = ""
        """What those are told whose token is refused; the same as others when empty."""
        self.token: Any = {"token": "a-token"}
        self.accepted = ("Bearer a-token", f"Basic {BASIC}")
        self.cuts: list[int] = []
        self.faults: list[tuple[int, str]] = []
        self.server: Any = Loopback(Registering)
        self.server.registry = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def push(self, tag: str, files: dict[str, bytes], name: str = "org.cncf.model.filepath", **more: Any) -> str:
        """Pushes an artifact, and returns its digest."""
        layers = []
        for path, content in files.items():
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            self.blobs[digest] = content
            kind = "application/vnd.cncf.model.weight.v1.raw"
            layers.append({"mediaType": kind, "digest": digest, "size": len(content), "annotations": {name: path}})
        return self.push_text(tag, json.dumps({"schemaVersion": 2, "layers": layers, **more}).encode())

    def push_text(self, tag: str, text: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(text).hexdigest()}"
        self.manifests[tag] = self.manifests[digest] = text
        return digest

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
