"""Kubernetes objects as plain dicts: identity, owner, and copying and comparing as Go does."""

from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]  # namespace ("" for cluster-scoped objects), name


def metadata(obj: Object) -> Object:
    return obj.get("metadata") or {}


def key_of(obj: Object) -> Key:
    meta = metadata(obj)
    return meta.get("namespace") or "", meta.get("name") or ""


def uniform_name(obj: Object) -> str:
    """The key of an object in v2 requests: "namespace/name", or "name" where there is no namespace."""
    namespace, name = key_of(obj)
    return f"{namespace}/{name}" if namespace else name


def labels(obj: Object) -> dict[str, str]:
    return metadata(obj).get("labels") or {}


def annotations(obj: Object) -> dict[str, str]:
    return metadata(obj).get("annotations") or {}


def uid(obj: Object) -> str:
    return metadata(obj).get("uid") or ""


def deleting(obj: Object) -> bool:
    return bool(metadata(obj).get("deletionTimestamp"))


def controller_reference(obj: Object) -> Object | None:
    """The one owner reference that says `controller: true`."""
    for reference in metadata(obj).get("ownerReferences") or ():
        if reference.get("controller"):
            return reference
    return None


def make_controller_reference(parent: Object) -> Object:
    return {
        "apiVersion": parent["apiVersion"],
        "kind": parent["kind"],
        "name": parent["metadata"]["name"],
        "uid": parent["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def describe(obj: Object) -> str:
    return f"{obj.get('kind')} {uniform_name(obj)}"


def group_of(api_version: str) -> str:
    """The group of "group/version"; "" for the core group's "v1"."""
    return api_version.rpartition("/")[0]


def clone(value: Any) -> Any:
    """A deep copy of JSON; a quarter of the time of copy.deepcopy, which must expect cycles and classes."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Go's reflect.DeepEqual on JSON: 1 is not 1.0 nor true, and null, [] and {} are not an absent field."""
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right
