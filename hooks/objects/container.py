"""Makes a container final: texts in which the kubelet expands variables are escaped, unless they are marked."""

from collections.abc import Mapping
from typing import Any

from aimlib.api.meta import Raw
from aimlib.kube.expansion import escaped


def literal_container(container: Mapping[str, Any]) -> Raw:
    """A container whose command, arguments and values of variables arrive as they stand, `$(HF_TOKEN)` included."""
    texts = {key: [escaped(text) for text in container[key]] for key in ("command", "args") if key in container}
    env = [one | {"value": escaped(one["value"])} if one.get("value") else one for one in container.get("env", ())]
    return {**container, **texts, "env": env}
