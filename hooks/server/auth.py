"""Authenticates Metacontroller and the API server by token.

Neither can send a header from a Secret without listing all Secrets of the cluster. So Metacontroller's token is in an
annotation of the controller, which is part of its requests, and the API server's in the URL path of its webhooks;
`hooks/jobs/certificates` writes both. Without a folder of tokens none is required.
"""

from hmac import compare_digest
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from werkzeug.exceptions import NotFound, Unauthorized

from aimlib.config import ConfigError
from aimlib.naming import TOKEN_ANNOTATION
from hooks.server.secret_files import Reloaded

ADMISSION_PATH = "/admission/"


class Clients:
    """The accepted clients. `folder` holds their tokens; `admission_port` serves admission webhooks only."""

    def __init__(self, folder: str | None, admission_port: str | None) -> None:
        self._port = admission_port
        self._hook_tokens = self._admission_tokens = None
        if folder:
            self._hook_tokens, self._admission_tokens = (
                _tokens(Path(folder, "hooks")),
                _tokens(Path(folder, "admission")),
            )

    @property
    def need_token(self) -> bool:
        """Whether the body of a hook's request must have a token."""
        return self._hook_tokens is not None

    def check_path(self, path: str, port: str) -> None:
        """Raises NotFound on the wrong port, Unauthorized for a path of admission that does not end in a token."""
        admission = path.startswith(ADMISSION_PATH)
        if self._port and admission != (port == self._port):
            raise NotFound
        if admission and self._admission_tokens and not _is_accepted(path.rpartition("/")[2], self._admission_tokens()):
            raise Unauthorized("the path does not end in the token of the API server's webhooks")

    def refusal_of_beginning(self, text: bytes) -> str | None:
        """The same of a body of which only the beginning has arrived, read by the same parser.

        Metacontroller's program writes the controller first, and its annotations in the order of their names.
        """
        try:
            return self.refusal(from_json(text, allow_partial=True))
        except ValueError:
            return self.refusal(None)

    def refusal(self, body: Any) -> str | None:  # noqa: ANN401 - not validated yet
        """Why the token in the body of a hook's request is not accepted; None where it is."""
        if not self._hook_tokens:
            return None
        token = body
        for name in ("controller", "metadata", "annotations", TOKEN_ANNOTATION):
            token = token.get(name) if isinstance(token, dict) else None
        if isinstance(token, str) and _is_accepted(token, self._hook_tokens()):
            return None
        found = "one that is not accepted" if token else "none"
        return f"the controller's annotation {TOKEN_ANNOTATION} must have the token of Metacontroller; it has {found}"


ALLOW_ALL = Clients(None, None)
"""Accepts every client."""


def _tokens(file: Path) -> Reloaded[list[bytes]]:
    tokens = Reloaded((file,), lambda: file.read_bytes().split())
    try:
        tokens()
    except OSError as error:
        raise ConfigError(f"AIM_CALLERS: {error}") from error
    return tokens


def _is_accepted(token: str, accepted: list[bytes]) -> bool:
    """Whether a token is accepted, by a comparison in constant time."""
    return any(compare_digest(token.encode(), one) for one in accepted)
