"""What whoever runs pods here asks the API server for."""

import base64
import json
from typing import Any

from kubernetes import client

from tests.cluster.containers import Raw, Read


def reader(core: client.CoreV1Api, pod: Raw) -> Read:
    """Objects of the namespace of a pod."""
    calls = {
        "secret": core.read_namespaced_secret,
        "configmap": core.read_namespaced_config_map,
        "persistentvolumeclaim": core.read_namespaced_persistent_volume_claim,
    }

    def read(kind: str, name: str) -> Raw | None:
        reply = unless_gone(calls[kind], name, pod["metadata"]["namespace"])
        found = json.loads(reply.data) if reply else None
        if found and kind == "secret":
            found["data"] = {key: base64.b64decode(text).decode() for key, text in found.get("data", {}).items()}
        return found

    return read


def unless_gone(call: Any, *arguments: Any, **keywords: Any) -> Any:
    """The reply; None when the object is not there."""
    try:
        return call(*arguments, **keywords, _preload_content=False)
    except client.ApiException as error:
        if error.status in {404, 409}:  # gone, or another one of its name
            return None
        raise
