"""Who may call what: Metacontroller shows a token in the controller that it sends, the API server one in the path.

Neither can be told to send a header without a Secret that it would have to list in the whole cluster, so each shows
what `hooks/jobs/certificates` wrote where it reads anyway. Without a folder of tokens nobody is asked for one.
"""

from hmac import compare_digest
from pathlib import Path
from typing import Any

from werkzeug.exceptions import NotFound, Unauthorized

from aimlib.config import ConfigError
from aimlib.naming import TOKEN_ANNOTATION
from hooks.server.secret_files import Mounted

ADMISSION = "/admission/"


class Callers:
    """Who is accepted. `folder` holds the tokens; on `admission_port` admission answers, and nothing else."""

    def __init__(self, folder: str | None, admission_port: str | None) -> None:
        self._port = admission_port
        self._hooks = self._admission = None
        if folder:
            self._hooks, self._admission = _tokens(Path(folder, "hooks")), _tokens(Path(folder, "admission"))

    def check_path(self, path: str, port: str) -> None:
        """NotFound on the wrong port, Unauthorized for a path of admission that does not end in a token."""
        admission = path.startswith(ADMISSION)
        if self._port and admission != (port == self._port):
            raise NotFound
        if admission and self._admission and not _shown(path.rpartition("/")[2], self._admission()):
            raise Unauthorized("the path does not end in the token of the API server's webhooks")

    def objection(self, body: Any) -> str | None:  # noqa: ANN401 - whatever was sent
        """What is wrong with the controller in the body of a hook's request."""
        if not self._hooks:
            return None
        token = body
        for name in ("controller", "metadata", "annotations", TOKEN_ANNOTATION):
            token = token.get(name) if isinstance(token, dict) else None
        if isinstance(token, str) and _shown(token, self._hooks()):
            return None
        found = "one that is not accepted" if token else "none"
        return f"asked for the token of Metacontroller in the controller's annotation {TOKEN_ANNOTATION}, found {found}"


ANYBODY = Callers(None, None)
"""Everybody is accepted everywhere."""


def _tokens(file: Path) -> Mounted[list[bytes]]:
    made = Mounted((file,), lambda: file.read_bytes().split())
    try:
        made()
    except OSError as error:
        raise ConfigError(f"AIM_CALLERS: {error}") from error
    return made


def _shown(token: str, accepted: list[bytes]) -> bool:
    """Whether it is one of them, in a time that does not tell how much of it is right."""
    return any(compare_digest(token.encode(), one) for one in accepted)
