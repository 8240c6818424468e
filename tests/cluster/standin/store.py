"""Objects of one resource in memory, found by name, by namespace and by owner."""

import threading

from .objects import Key, Object, controller_reference, key_of


class Store:
    """Objects by namespace and name, and by the uid of their controlling owner ("" for orphans)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: dict[str, dict[str, Object]] = {}
        self._owned: dict[str, dict[Key, Object]] = {}

    def get(self, namespace: str, name: str) -> Object | None:
        return self._namespaces.get(namespace, {}).get(name)

    def objects(self, namespace: str = "") -> list[Object]:
        """Those of one namespace, or all."""
        with self._lock:
            if namespace:
                return list(self._namespaces.get(namespace, {}).values())
            return [obj for named in self._namespaces.values() for obj in named.values()]

    def owned_by(self, uid: str) -> list[Object]:
        with self._lock:
            return list(self._owned.get(uid, {}).values())

    def keys(self) -> set[Key]:
        with self._lock:
            return {(namespace, name) for namespace, named in self._namespaces.items() for name in named}

    def put(self, obj: Object) -> Object | None:
        """Store it; what was there before."""
        key = key_of(obj)
        with self._lock:
            old = self._remove(key)
            self._namespaces.setdefault(key[0], {})[key[1]] = obj
            self._owned.setdefault(_owner(obj), {})[key] = obj
        return old

    def remove(self, key: Key) -> Object | None:
        with self._lock:
            return self._remove(key)

    def _remove(self, key: Key) -> Object | None:
        old = self._namespaces.get(key[0], {}).pop(key[1], None)
        if old is not None:
            owned = self._owned[_owner(old)]
            del owned[key]
            if not owned:
                del self._owned[_owner(old)]
        return old


def _owner(obj: Object) -> str:
    reference = controller_reference(obj)
    return reference["uid"] if reference else ""
