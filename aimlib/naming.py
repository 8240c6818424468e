"""Valid Kubernetes names and labels for endpoints and models of any name."""

import hashlib
import json
import re
from typing import Any

from aimlib.api import GROUP

LABEL_LENGTH = 63
DNS_1035 = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
MODEL_LABEL = f"{GROUP}/model"
CHECKPOINT_LABEL = f"{GROUP}/checkpoint"
CACHE_LABEL = f"{GROUP}/cache"
ENDPOINT_LABEL = f"{GROUP}/endpoint"
TEMPLATE_ANNOTATION = f"{GROUP}/template-version"
"""On the pods of endpoints: the version of their template."""
TOKEN_ANNOTATION = f"{GROUP}/caller-token"
"""On Metacontroller's controllers, which send it in each request: the token that authenticates them."""


def full_digest(*parts: Any) -> str:  # noqa: ANN401 - any JSON
    """The SHA-256 of JSON data; the order of keys has no influence. It identifies what tenants write."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def short_digest(*parts: Any, length: int = 8) -> str:  # noqa: ANN401 - any JSON
    """The beginning of the digest, for names. It identifies nothing: a text with the same one is found in minutes."""
    return full_digest(*parts)[:length]


def label_value(text: str) -> str:
    """`text` as a label value: unchanged if it is valid, else made valid and unique by a digest."""
    legal = re.sub(r"[^A-Za-z0-9._-]", "_", text).strip("._-")[:LABEL_LENGTH].strip("._-")
    if legal == text:
        return legal
    prefix = legal[: LABEL_LENGTH - 9].strip("._-") or "x"
    return f"{prefix}-{short_digest(text)}"


def model_label(model_id: str) -> str:
    """The value of the label that finds a model's recipes: `Qwen/Qwen3-32B` as `Qwen_Qwen3-32B-<digest>`."""
    return label_value(model_id)


def child_name(owner: str, suffix: str = "", length: int = LABEL_LENGTH) -> str:
    """A DNS-1035 label for a child of `owner`: the owner's name if it is valid, else made valid and unique."""
    if DNS_1035.fullmatch(f"{owner}{suffix}") and len(owner) + len(suffix) <= length:
        return f"{owner}{suffix}"
    legal = re.sub(r"[^a-z0-9-]", "-", owner.lower())
    if not legal[:1].isalpha():
        legal = f"aim-{legal}"
    return f"{legal[: length - 9 - len(suffix)].strip('-')}-{short_digest(owner)}{suffix}"
