"""What an endpoint has that the shipped policies allow only where a list of the cluster has it."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data


def unlisted(spec: Raw) -> Iterator[tuple[str, str]]:
    """Fields of an endpoint's spec with a value that no list has as shipped, and what its administrator has to do."""
    for field, row in load_data("migration")["listed"].items():
        value: Any = spec
        for key in field.split("."):
            value = (value or {}).get(key)
        for name in _names(value):
            if not any(fnmatchcase(name, allowed) for allowed in row["shipped"]):
                instead = f", or {row['instead']}" if "instead" in row else ""
                yield field, f"the cluster's list {row['list']} must allow {name}{instead}"


def _names(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """The names in a field: of an object, of the claim in a source, of the taints of tolerations; annotations whole."""
    if isinstance(value, dict):
        return [f"{key}={one}" for key, one in value.items()]
    if isinstance(value, list):
        return [one.get("key") or "*" for one in value]
    kind, _, rest = str(value or "").rpartition("://")
    names = {"": [rest], "pvc": [rest.partition("/")[0]]}
    return names.get(kind, []) if rest else []
