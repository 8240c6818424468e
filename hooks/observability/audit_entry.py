"""The audit record: what each line says, built from what a sync has changed, without secrets and without doing I/O.

Who is the field manager of the last write to the object, a name that clients give themselves, such as `kubectl` or a
delivery tool's. The user's name is in the API server's own audit log: the line there with the same uid, and the same
resourceVersion in its answer (`manifests/components/audit/policy.yaml`).
"""

from collections.abc import Iterator
from datetime import datetime

from aimlib.api.meta import Raw
from aimlib.naming import short_digest
from aimlib.protocol.metacontroller import Request
from hooks.observability.changes import Change, listed, mapping
from hooks.observability.redaction import changed_out_of_sight, clean, redacted, secrets


def line(asked: Request, found: Change, release: str) -> Raw:
    """One line of the record as data; what is not known is left out. Nothing is raised, whatever was sent."""
    metadata = asked.parent["metadata"]
    hidden = [value for side in (found.before, found.after) for value in secrets(side.get("resolved"))]
    before, after = (_shown(side) for side in (found.before, found.after))
    names = {name: metadata.get(name) for name in ("namespace", "name", "uid", "generation", "resourceVersion")}
    said = {
        "log": "audit",
        "time": _zulu(asked.now),
        "id": short_digest(*names.values(), before, after, found.why, length=32),
        "event": found.event,
        "who": writer(metadata),
        "kind": asked.parent.get("kind"),
        **names,
        "recipe": mapping(found.after.get("resolved")).get("recipe"),
        "why": found.why,
        "patch": list(patch(before, after)),
        "hidden": changed_out_of_sight(found.before.get("resolved"), found.after.get("resolved")) or None,
        "release": release,
    }
    known = {key: value for key, value in said.items() if value is not None}
    return dict(clean(known, hidden))


def _shown(side: Raw) -> Raw:
    return {name: redacted(value) if name == "resolved" else value for name, value in side.items()}


def patch(before: Raw, after: Raw, path: str = "") -> Iterator[Raw]:
    """RFC 6902 from `before` to `after`, in the order of the keys; lists change as a whole.

    A `test` before each removal and each replacement keeps what was there.
    """
    for key in sorted({**before, **after}):
        where = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        was, now = before.get(key), after.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from patch(was, now, where)
        elif key not in before:
            yield {"op": "add", "path": where, "value": now}
        elif key not in after:
            yield from ({"op": "test", "path": where, "value": was}, {"op": "remove", "path": where})
        elif was != now:
            yield from ({"op": one, "path": where, "value": value} for one, value in (("test", was), ("replace", now)))


def _zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def writer(metadata: Raw) -> Raw | None:
    """Who wrote the object last, its status apart: field manager, operation, and when; None where nobody is named."""
    writes = [one for one in listed(metadata.get("managedFields")) if one.get("subresource") != "status"]
    last = max(writes, key=lambda one: str(one.get("time") or ""), default=None)
    if last is None:
        return None
    named = {"fieldManager": last.get("manager"), "operation": last.get("operation"), "time": last.get("time")}
    return {key: value for key, value in named.items() if isinstance(value, str)} or None
