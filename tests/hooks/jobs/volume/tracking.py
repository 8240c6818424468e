"""A stand-in for an MLflow tracking server that passes files on: what downloads ask of one."""

import re
import threading
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.loopback import Answering, Loopback

ROOT = "1/run/artifacts/chat"


class Tracking(Answering):
    """One connection."""

    def do_GET(self) -> None:
        server = self.server.tracking
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = unquote(url.path).removeprefix("/api/2.0/")
        server.requests.append((path, query, dict(self.headers)))
        if server.login and self.headers.get("Authorization") != server.login:
            self.reply(401, b"You are not authenticated", "text/html")
        elif path in server.replies:
            status, found = server.replies[path]
            if isinstance(found, bytes):
                self.reply(status, found, "text/plain")
            else:
                self.reply_json(status, found)
        elif path == "mlflow/registered-models/alias":
            self._version(server.aliases.get(query["alias"]), "INVALID_PARAMETER_VALUE", 400)
        elif path == "mlflow/model-versions/get":
            self._version(query["version"], "RESOURCE_DOES_NOT_EXIST", 404)
        elif path == "mlflow/model-versions/get-download-uri":
            self.reply_json(200, {"artifact_uri": server.versions[query["version"]]})
        elif path == "mlflow-artifacts/artifacts":
            self.reply_json(200, self._listed(query["path"]))
        else:
            self._file(path.removeprefix("mlflow-artifacts/artifacts/"))

    def _version(self, number: str | None, code: str, status: int) -> None:
        if number not in self.server.tracking.versions:
            self.reply_json(status, {"error_code": code})
        else:
            version = {"name": "chat", "version": number, "status": self.server.tracking.status}
            self.reply_json(200, {"model_version": version})

    def _listed(self, folder: str) -> dict[str, Any]:
        below = [path[len(folder) + 1 :] for path in self.server.tracking.files if path.startswith(f"{folder}/")]
        folders = {path.partition("/")[0] for path in below if "/" in path}
        files = self.server.tracking.files
        rows = [{"path": path, "file_size": len(files[f"{folder}/{path}"])} for path in below if "/" not in path]
        return {"files": [*rows, *({"path": path, "is_dir": True} for path in sorted(folders))]} if below else {}

    def _file(self, path: str) -> None:
        server = self.server.tracking
        content = server.files.get(path)
        if content is None:
            self.reply_json(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        ranged = bool(found) and server.ranges
        begin, end = (int(found[1]), int(found[2]) + 1) if found and ranged else (0, len(content))
        server.sent += 1
        headers = {"ETag": f'"{hash(content)}"' if server.stable else f'"{server.sent}"'}
        if ranged:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(content)}"
        self.send_response(206 if ranged else 200)
        for name, text in {**headers, "Content-Length": str(end - begin)}.items():
            self.send_header(name, text)
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts and end - begin > 1000 else None
        self.wfile.write(content[begin:end][:cut])
        self.close_connection = cut is not None
        if cut is not None and server.after_cut:
            server.after_cut.pop(0)()


class TrackingServer:
    """A server with the model chat on loopback."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.aliases: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        """Artifact URIs by number."""
        self.replies: dict[str, tuple[int, Any]] = {}
        """What is replied instead, by path."""
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.login, self.status = "", "READY"
        self.stable = self.ranges = True
        """Whether ETags stay, as of a folder, and ranges are known, as since MLflow 3."""
        self.sent = 0
        self.cuts: list[int] = []
        self.after_cut: list[Any] = []
        self.server: Any = Loopback(Tracking)
        self.server.tracking = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(self, files: dict[str, bytes], root: str = ROOT) -> None:
        """Stores files."""
        self.files |= {f"{root}/{path}": content for path, content in files.items()}

    def register(self, number: str, uri: str = f"mlflow-artifacts:/{ROOT}", alias: str = "champion") -> None:
        """A version at these artifacts, with the alias."""
        self.versions[number] = uri
        self.aliases[alias] = number

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
