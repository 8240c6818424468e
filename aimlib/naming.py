"""Valid Kubernetes names and labels for endpoints and models of any name."""

import hashlib
import json
import re
from functools import lru_cache
from typing import Any

from aimlib.api import GROUP

LABEL_LENGTH = 63
ENDPOINT_NAME_LENGTH = 40
"""Characters of a name that is made for an endpoint."""
GROUP_NAME_LENGTH = 48
NAMES_REMEMBERED = 4096
"""Names and label values that are kept: a sync asks dozens of times for the same few."""
DNS_1035 = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
OPERATOR_NAMESPACE = "aim-system"
"""Where the operator is installed, and the Jobs of cluster-scoped objects run (manifests/overlays/default)."""
MODEL_LABEL = f"{GROUP}/model"
CHECKPOINT_LABEL = f"{GROUP}/checkpoint"
DRAFT_LABEL = f"{GROUP}/draft"
CACHE_LABEL = f"{GROUP}/cache"
ENDPOINT_LABEL = f"{GROUP}/endpoint"
MODELS_LABEL = f"{GROUP}/models"
"""On namespaces: `use` where models are used from other namespaces."""
GATEWAY_LABEL = f"{GROUP}/gateway"
"""On the pods of a gateway: its name."""
ROUTED_LABEL = f"{GROUP}/routed"
"""On the Services that gateways route to."""
ENGINE_CONTAINER = "engine"
"""The container of model servers, whose log may have prompts."""
FIRST_TRACK = "a"
"""The track of an endpoint that never had a canary; its pods and its Deployment are named as the endpoint."""
TRACKS = (FIRST_TRACK, "b")
"""Where the versions of an endpoint run: one serves, and a new one is tried on the other."""
ROLLBACK_ANNOTATION = f"{GROUP}/rollback"
"""On an endpoint: the number in status.history of the version that is to run."""
PROMOTE_ANNOTATION = f"{GROUP}/promote"
"""On an endpoint: the id of the canary that is to replace the present version."""
ABORT_ANNOTATION = f"{GROUP}/abort"
"""On an endpoint: the id of the canary that is to end."""
TEMPLATE_ANNOTATION = f"{GROUP}/template-version"
"""On the pods of endpoints: the version of their template."""
FULL_ANNOTATION = f"{GROUP}/full-hardware"
"""On Deployments of endpoints: what was full when their configuration was selected."""
TOKEN_ANNOTATION = f"{GROUP}/caller-token"
"""On Metacontroller's controllers, which send it in each request: the token that authenticates them."""


SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
"""Writes JSON data in one way, whatever the order of its keys."""


def full_digest(*parts: Any) -> str:  # noqa: ANN401 - any JSON
    """The SHA-256 of JSON data; the order of keys has no influence. It identifies what tenants write."""
    return hashlib.sha256(SORTED.encode(parts).encode()).hexdigest()


def short_digest(*parts: Any, length: int = 8) -> str:  # noqa: ANN401 - any JSON
    """The beginning of the digest, for names. It identifies nothing: a text with the same one is found in minutes."""
    return full_digest(*parts)[:length]


@lru_cache(NAMES_REMEMBERED)
def label_value(text: str, length: int = LABEL_LENGTH) -> str:
    """`text` as a label value: unchanged if it is valid, else made valid and unique by a digest."""
    legal = re.sub(r"[^A-Za-z0-9._-]", "_", text).strip("._-")[:length].strip("._-")
    if legal == text:
        return legal
    prefix = legal[: length - 9].strip("._-") or "x"
    return f"{prefix}-{short_digest(text)}"


def track_value(endpoint: str, track: str) -> str:
    """The value of the label that finds the pods of one track of an endpoint; names of endpoints have no underscore."""
    if track == FIRST_TRACK:
        return label_value(endpoint)
    suffix = f"_{track}"
    return label_value(endpoint, LABEL_LENGTH - len(suffix)) + suffix


def track_name(endpoint: str, track: str) -> str:
    """The name of the Deployment of one track of an endpoint."""
    return child_name(endpoint, "" if track == FIRST_TRACK else f"-{track}")


def group_name(endpoint: str, track: str) -> str:
    """The name of the LeaderWorkerSet of one track of an endpoint, and of the Service of its pods' names.

    Short enough for the labels of the StatefulSets that it makes, which have a digest behind it.
    """
    return child_name(endpoint, f"{'' if track == FIRST_TRACK else f'-{track}'}-group", GROUP_NAME_LENGTH)


def model_label(model_id: str) -> str:
    """The value of the label that finds a model's recipes: `Qwen/Qwen3-32B` as `Qwen_Qwen3-32B-<digest>`."""
    return label_value(model_id)


@lru_cache(NAMES_REMEMBERED)
def child_name(owner: str, suffix: str = "", length: int = LABEL_LENGTH) -> str:
    """A DNS-1035 label for a child of `owner`: the owner's name if it is valid, else made valid and unique."""
    if DNS_1035.fullmatch(f"{owner}{suffix}") and len(owner) + len(suffix) <= length:
        return f"{owner}{suffix}"
    legal = re.sub(r"[^a-z0-9-]", "-", owner.lower())
    if not legal[:1].isalpha():
        legal = f"aim-{legal}"
    return f"{legal[: length - 9 - len(suffix)].strip('-')}-{short_digest(owner)}{suffix}"


def endpoint_name(text: str) -> str:
    """The name of an endpoint for a model's id or another text: its last part, as Kubernetes takes it."""
    last = re.sub(r"[^a-z0-9]", "-", text.lower().rpartition("/")[2]).strip("-")[:ENDPOINT_NAME_LENGTH].strip("-")
    return last if last[:1].isalpha() else f"model-{last}".strip("-")
