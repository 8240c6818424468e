"""What a container of this project may not do, whatever it is."""

from typing import Any


def assert_restricted(container: dict[str, Any], pod: dict[str, Any]) -> None:
    """That it has no privilege, no root and no file to write, and that its memory is bounded."""
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "memory" in container["resources"]["limits"]
