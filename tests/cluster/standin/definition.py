"""A CompositeController or DecoratorController as read from its object, or the reason why it cannot run."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .durations import format_duration, parse_duration
from .objects import Object, clone

HOOK_SECONDS = 10.0
METHODS = ("OnDelete", "InPlace", "Recreate")
WEBHOOK_FIELDS = {"url", "timeout", "path", "service", "caBundle"}
SPEC_FIELDS = {
    "CompositeController": {"parentResource", "childResources", "hooks", "resyncPeriodSeconds", "generateSelector"},
    "DecoratorController": {"resources", "attachments", "hooks", "resyncPeriodSeconds"},
}
PARENT_FIELDS = {
    "CompositeController": {"apiVersion", "resource", "labelSelector", "ignoreStatusChanges"},
    "DecoratorController": {
        "apiVersion",
        "resource",
        "labelSelector",
        "annotationSelector",
        "ignoreStatusChanges",
    },
}


class RefusedError(ValueError):
    """A controller that cannot be created, here or at all; the message becomes its CreateError event."""


@dataclass(frozen=True)
class HookAddress:
    """Where a hook is, how many seconds it may take, and whom to trust there instead of the system's authorities."""

    url: str
    timeout: float
    authorities: ssl.SSLContext | None = None


@dataclass(frozen=True)
class ParentRule:
    """Which objects a controller acts on."""

    api_version: str
    plural: str
    label_selector: Object | None
    annotation_selector: Object | None
    ignore_status_changes: bool


@dataclass(frozen=True)
class ChildRule:
    """A kind of children, and what happens to one that differs from what is wished."""

    api_version: str
    plural: str
    method: str


@dataclass(frozen=True)
class Definition:
    """One controller, checked."""

    kind: str
    name: str
    parents: tuple[ParentRule, ...]
    children: tuple[ChildRule, ...]
    sync: HookAddress
    customize: HookAddress | None
    resync_seconds: float | None
    generate_selector: bool
    rendered: Object  # as the hooks get it


def parse_definition(obj: Object) -> Definition:
    """RefusedError names the field and what to write instead."""
    kind, spec = obj["kind"], obj.get("spec") or {}
    composite = kind == "CompositeController"
    _only(SPEC_FIELDS[kind], spec, "spec")
    hooks = spec.get("hooks")
    if not hooks:
        raise RefusedError("no hooks defined")
    _only({"sync", "customize"}, hooks, "spec.hooks")
    if not hooks.get("sync"):
        raise RefusedError("sync hook not defined")
    parents = [spec.get("parentResource") or {}] if composite else spec.get("resources") or []
    children = spec.get("childResources" if composite else "attachments") or []
    resync = spec.get("resyncPeriodSeconds")
    return Definition(
        kind=kind,
        name=obj["metadata"]["name"],
        parents=tuple(_parent(kind, parent) for parent in parents),
        children=tuple(_child(child) for child in children),
        sync=_address("sync", hooks["sync"]),
        customize=_address("customize", hooks["customize"]) if hooks.get("customize") else None,
        resync_seconds=None if resync is None else max(1.0, float(resync)),
        generate_selector=bool(spec.get("generateSelector")),
        rendered=rendered(obj),
    )


def rendered(obj: Object) -> Object:
    """The controller as Go's types print it: durations spelled out, and the structs that have no omitempty."""
    result = {**clone(obj), "status": obj.get("status") or {}}
    spec = result.get("spec") or {}
    for hook in (spec.get("hooks") or {}).values():
        webhook = (hook or {}).get("webhook") or {}
        if webhook.get("timeout"):
            webhook["timeout"] = format_duration(parse_duration(webhook["timeout"]))
    for child in spec.get("childResources") or ():
        if child.get("updateStrategy") is not None:
            child["updateStrategy"].setdefault("statusChecks", {})
    return result


def _parent(kind: str, parent: Mapping[str, Any]) -> ParentRule:
    _only(PARENT_FIELDS[kind], parent, "parent resource")
    annotation_selector = parent.get("annotationSelector")
    if annotation_selector is not None:
        annotation_selector = {**annotation_selector, "matchLabels": annotation_selector.get("matchAnnotations")}
    return ParentRule(
        api_version=_required(parent, "apiVersion", "parent resource"),
        plural=_required(parent, "resource", "parent resource"),
        label_selector=parent.get("labelSelector"),
        annotation_selector=annotation_selector,
        ignore_status_changes=bool(parent.get("ignoreStatusChanges")),
    )


def _child(child: Mapping[str, Any]) -> ChildRule:
    _only({"apiVersion", "resource", "updateStrategy"}, child, "child resource")
    plural = _required(child, "resource", "child resource")
    method = (child.get("updateStrategy") or {}).get("method") or "OnDelete"
    if method not in METHODS:
        raise RefusedError(
            f"update strategy {method} of {plural}: the stand-in knows {', '.join(METHODS)}; "
            "Rolling strategies wait forever in the real program"
        )
    return ChildRule(_required(child, "apiVersion", "child resource"), plural, method)


def _address(name: str, hook: Mapping[str, Any]) -> HookAddress:
    if hook.get("version") != "v2":
        raise RefusedError(f"hooks.{name}.version is {hook.get('version') or 'v1 by default'}: the stand-in speaks v2")
    webhook = hook.get("webhook") or {}
    _only(WEBHOOK_FIELDS, webhook, f"hooks.{name}.webhook")
    return HookAddress(_url(webhook), _timeout(webhook), _authorities(f"hooks.{name}.webhook", webhook))


def _authorities(where: str, webhook: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Read once, when the controller is made."""
    bundle = webhook.get("caBundle")
    if bundle is None:
        return None
    _only({"inline"}, bundle, f"{where}.caBundle")
    try:
        context = ssl.create_default_context(cadata=_required(bundle, "inline", f"{where}.caBundle"))
    except ssl.SSLError as error:
        raise RefusedError(f"{where}.caBundle.inline: no certificate in it can be read: {error}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _url(webhook: Mapping[str, Any]) -> str:
    if webhook.get("url"):
        return webhook["url"]
    service, path = webhook.get("service"), webhook.get("path")
    if service is None or path is None:
        raise RefusedError("invalid webhook config: must specify either full 'url', or both 'service' and 'path'")
    name, namespace = service.get("name"), service.get("namespace")
    if not name or not namespace:
        raise RefusedError("invalid client config: must specify service 'name' and 'namespace'")
    return f"{service.get('protocol') or 'http'}://{name}.{namespace}:{service.get('port') or 80}{path}"


def _timeout(webhook: Mapping[str, Any]) -> float:
    try:
        seconds = parse_duration(webhook.get("timeout") or "0")
    except ValueError as error:
        raise RefusedError(f"webhook timeout: {error}") from None
    return seconds if seconds > 0 else HOOK_SECONDS


def _required(fields: Mapping[str, Any], name: str, where: str) -> str:
    if not fields.get(name):
        raise RefusedError(f"{where}: {name} is missing")
    return fields[name]


def _only(known: set[str], fields: Mapping[str, Any], where: str) -> None:
    if unknown := sorted(field for field in fields.keys() - known if fields[field] is not None):
        raise RefusedError(f"{where}: the stand-in does not support {', '.join(unknown)}")
