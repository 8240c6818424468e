"""What a simulated engine writes: objects of OpenAI's API with the fields that vLLM has in them, and errors."""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Raw = dict[str, Any]
TEXT = "I am a simulated engine; no model runs here, and this is how an answer arrives, word by word.".split()  # noqa: SIM905 - a sentence
KINDS = {400: "BadRequestError", 404: "NotFoundError", 429: "RateLimitError", 503: "ServiceUnavailableError"}
"""Types of errors by status; others are the server's own."""


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, kind: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param = status, param
        self.kind = kind or KINDS.get(status, "InternalServerError")

    @property
    def body(self) -> Raw:
        """In OpenAI's form."""
        return {"error": {"message": str(self), "type": self.kind, "param": self.param, "code": self.status}}


def parsed(body: bytes) -> Any:
    """What a body has; RefusedError where it is no JSON."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise RefusedError(400, f"1 validation error: {error}", "Bad Request", "body.1") from None


def tokens(text: str) -> list[str]:
    """A text as tokens: words with the blanks before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def written(count: int) -> list[str]:
    """The tokens of an answer of that length."""
    return [(" " if at else "") + TEXT[at % len(TEXT)] for at in range(count)]


@dataclass(frozen=True)
class Asked:
    """A request of a chat or a completion, as far as it matters here."""

    model: str
    prompt: list[str]
    chat: bool
    count: int
    """How many tokens the answer has."""
    finish: str
    stream: bool = False
    usage: bool = False
    """Whether the stream ends with the usage."""
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    created: int = field(default_factory=lambda: int(time.time()))


def read(body: Any, *, chat: bool, models: list[str], context: int, usual: int) -> Asked:
    """A request; `usual` is the length of an answer where the request allows it. Raises RefusedError."""
    if not isinstance(body, dict):
        raise RefusedError(400, "1 validation error: the body is no object", "Bad Request", "body")
    key = "messages" if chat else "prompt"
    if key not in body:
        text = f"1 validation error: {{'type': 'missing', 'loc': ('body', '{key}'), 'msg': 'Field required'}}"
        raise RefusedError(400, text, "Bad Request", f"body.{key}")
    model = body.get("model") or models[0]
    if model not in models:
        raise RefusedError(404, f"The model `{model}` does not exist.", param="model")
    prompt = tokens(_prompt(body[key]))
    if len(prompt) >= context:
        text = f"This model's maximum context length is {context} tokens, and the prompt has {len(prompt)} tokens."
        raise RefusedError(400, text, param="input_text")
    allowed = body.get("max_completion_tokens") or body.get("max_tokens")
    if allowed and allowed > context:
        text = f"max_tokens={allowed} cannot be greater than max_model_len={context}."
        raise RefusedError(400, text, param="max_tokens")
    wanted = allowed if allowed and body.get("ignore_eos") else min(allowed or usual, usual)
    count = min(wanted, context - len(prompt))
    return Asked(
        model,
        prompt,
        chat,
        count,
        "length" if count == allowed else "stop",
        bool(body.get("stream")),
        bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _prompt(given: Any) -> str:
    """The text of messages or of a prompt."""
    if isinstance(given, str):
        return given
    parts = [one.get("content", "") if isinstance(one, dict) else str(one) for one in given]
    return "\n".join(part if isinstance(part, str) else " ".join(map(str, part)) for part in parts)


def usage(asked: Asked) -> Raw:
    """The tokens of a request and its answer."""
    prompt = len(asked.prompt)
    return {"prompt_tokens": prompt, "total_tokens": prompt + asked.count, "completion_tokens": asked.count}


DETAILS = dict.fromkeys(("prompt_tokens_details", "completion_tokens_details"))
SYSTEM = {"system_fingerprint": "simulated"}
OF_CHATS = dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "prompt_text"))
OF_TRANSFERS = dict.fromkeys(("kv_transfer_params", "ec_transfer_params", "metrics"))
OF_MESSAGES = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "reasoning"))
"""What vLLM writes out although it is nothing."""


def whole(asked: Asked) -> Raw:
    """An answer in one piece."""
    text = "".join(written(asked.count))
    end = {"logprobs": None, "finish_reason": asked.finish, "stop_reason": None, "token_ids": None}
    if asked.chat:
        message = {"role": "assistant", "content": text, **OF_MESSAGES}
        choice = {"index": 0, "message": message, **end, "routed_experts": None}
    else:
        nothing = dict.fromkeys(("prompt_logprobs", "prompt_token_ids", "routed_experts"))
        choice = {"index": 0, "text": text, **end, **nothing}
    return {
        **_head(asked),
        "choices": [choice],
        "service_tier": None,
        **SYSTEM,
        "usage": usage(asked) | DETAILS,
        **(OF_CHATS if asked.chat else {}),
        **OF_TRANSFERS,
    }


def _head(asked: Asked) -> Raw:
    kind, name = ("chat.completion", "chatcmpl") if asked.chat else ("text_completion", "cmpl")
    kind += ".chunk" if asked.chat and asked.stream else ""
    return {"id": f"{name}-{asked.name}", "object": kind, "created": asked.created, "model": asked.model}


def pieces(asked: Asked) -> Iterator[Raw]:
    """The events of a stream, one for each token after the one that opens a chat, and at last the usage."""
    if asked.chat:
        opening = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        yield {**_head(asked), "choices": [opening], "prompt_token_ids": None, "prompt_text": None}
    for number, token in enumerate(written(asked.count)):
        last = number == asked.count - 1
        text = {"delta": {"content": token}} if asked.chat else {"text": token}
        choice = {"index": 0, **text, "logprobs": None, "finish_reason": asked.finish if last else None}
        if last or not asked.chat:
            choice["stop_reason"] = None
        if not asked.chat:
            choice["prompt_token_ids"] = None
        ends = SYSTEM if last and not asked.usage and asked.chat else {}
        yield {**_head(asked), "choices": [{**choice, "token_ids": None}], **ends}
    if asked.usage:
        yield {**_head(asked), "choices": [], "usage": usage(asked), **SYSTEM}


def models(names: list[str], root: str, context: int, owner: str) -> Raw:
    """The list of models."""
    return {
        "object": "list",
        "data": [
            {
                "id": name,
                "object": "model",
                "created": int(time.time()),
                "owned_by": owner,
                "root": root,
                "parent": None,
                "max_model_len": context,
                "permission": [_permission()],
            }
            for name in names
        ],
    }


def adapters(folders: dict[str, str], parent: str, owner: str) -> list[Raw]:
    """LoRA adapters in the list of models, as vLLM has them."""
    [card] = models([""], "", 0, owner)["data"]
    return [
        {**card, "id": name, "root": folder, "parent": parent, "max_model_len": None}
        for name, folder in folders.items()
    ]


def _permission() -> Raw:
    names = ("allow_create_engine", "allow_fine_tuning", "allow_search_indices", "is_blocking")
    return {
        "id": f"modelperm-{secrets.token_hex(8)}",
        "object": "model_permission",
        "created": int(time.time()),
        **dict.fromkeys(("allow_sampling", "allow_logprobs", "allow_view"), True),
        **dict.fromkeys(names, False),
        "organization": "*",
        "group": None,
    }


def embeddings(body: Raw, model: str) -> Raw:
    """Vectors that depend on the text alone, as of a model that computes such."""
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) else given
    count = sum(len(tokens(str(text))) for text in texts)
    data = [{"index": at, "object": "embedding", "embedding": _vector(str(text))} for at, text in enumerate(texts)]
    return {
        "id": f"embd-{secrets.token_hex(8)}",
        "object": "list",
        "created": int(time.time()),
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": count, "total_tokens": count, "completion_tokens": 0, **DETAILS},
    }


def _vector(text: str) -> list[float]:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return [byte / 255 for byte in digest]
