"""The lines of the audit record, built from the change that a sync made; without secrets, and without I/O.

`who` is the field manager of the last write to the object, a name that clients choose, such as `kubectl` or that of a
delivery tool. The user's name is in the API server's audit log, in the line with the same uid and resourceVersion
 (`manifests/components/audit/policy.yaml`).
"""

from collections.abc import Iterator
from datetime import datetime

from aimlib.api.meta import Raw
from aimlib.naming import short_digest
from aimlib.protocol.metacontroller import Request
from hooks.observability.changes import Change, as_mapping, objects_in
from hooks.observability.redaction import changed_hidden_variables, redact_secrets, redacted, secret_values


def audit_line(request: Request, change: Change, release: str) -> Raw:
    """One line of the record as data, without unknown values. Never raises, whatever the request holds."""
    metadata = request.parent["metadata"]
    hidden = [value for side in (change.before, change.after) for value in secret_values(side.get("resolved"))]
    before, after = (_shown(side) for side in (change.before, change.after))
    names = {name: metadata.get(name) for name in ("namespace", "name", "uid", "generation", "resourceVersion")}
    entry = {
        "log": "audit",
        "time": _rfc3339(request.now),
        "id": short_digest(*names.values(), before, after, change.why, length=32),
        "event": change.event,
        "who": last_writer(metadata),
        "kind": request.parent.get("kind"),
        **names,
        "recipe": as_mapping(change.after.get("resolved")).get("recipe"),
        "why": change.why,
        "patch": list(json_patch(before, after)),
        "hidden": changed_hidden_variables(change.before.get("resolved"), change.after.get("resolved")) or None,
        "release": release,
    }
    filled = {key: value for key, value in entry.items() if value is not None}
    return dict(redact_secrets(filled, hidden))


def _shown(side: Raw) -> Raw:
    return {name: redacted(value) if name == "resolved" else value for name, value in side.items()}


def json_patch(before: Raw, after: Raw, path: str = "") -> Iterator[Raw]:
    """The JSON patch (RFC 6902) from `before` to `after`, in the order of keys; lists are replaced as a whole.

    A `test` before each `remove` and `replace` records the previous value.
    """
    for key in sorted({**before, **after}):
        where = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        was, now = before.get(key), after.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from json_patch(was, now, where)
        elif key not in before:
            yield {"op": "add", "path": where, "value": now}
        elif key not in after:
            yield from ({"op": "test", "path": where, "value": was}, {"op": "remove", "path": where})
        elif was != now:
            yield from ({"op": one, "path": where, "value": value} for one, value in (("test", was), ("replace", now)))


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def last_writer(metadata: Raw) -> Raw | None:
    """The last write to the object, its status excepted: field manager, operation, time; None if unknown."""
    writes = [one for one in objects_in(metadata.get("managedFields")) if one.get("subresource") != "status"]
    last = max(writes, key=lambda one: str(one.get("time") or ""), default=None)
    if last is None:
        return None
    named = {"fieldManager": last.get("manager"), "operation": last.get("operation"), "time": last.get("time")}
    return {key: value for key, value in named.items() if isinstance(value, str)} or None
