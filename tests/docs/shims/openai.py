"""The calls of the package `openai` that the documentation makes, over plain HTTP: it is not installed here."""

import json
import urllib.request
from types import SimpleNamespace


class OpenAI:
    """A client of one server."""

    def __init__(self, *, base_url: str, api_key: str) -> None:
        self.base_url, self.api_key = base_url, api_key
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **asked: object) -> SimpleNamespace:
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.base_url}/chat/completions",
            data=json.dumps(asked).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.api_key}"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            return json.loads(reply.read(), object_hook=lambda found: SimpleNamespace(**found))
