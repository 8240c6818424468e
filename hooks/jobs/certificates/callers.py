"""Who calls the hook server, and where each of them keeps whom it trusts and what it shows."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.naming import TOKEN_ANNOTATION
from hooks.jobs.certificates.rotation import Certificate, Given
from hooks.jobs.certificates.secrets import bundle

SUFFIX = ".admission.aim.engine.amd.com"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"


class Place(NamedTuple):
    """Where an object of the whole cluster is."""

    group: str
    version: str
    plural: str
    name: str


class Target(NamedTuple):
    """One object that says how the hook server is called."""

    name: str
    place: Place
    required: bool
    content_type: str
    bundles: Callable[[Raw], Iterator[str]]
    """The texts of whom it trusts, one for each way in which it calls."""
    patch: Callable[[Raw, Given], Raw]
    """What to write so that it has what it is given; empty where it has it."""


def trusts(target: Target, found: Raw, certificate: Certificate) -> bool:
    """Whether it accepts a server of this authority, however it calls."""
    return all(certificate.text in text for text in target.bundles(found))


def inline(given: Given) -> str:
    """The bundle of a controller. Its first line changes with the token, which Metacontroller else would not read."""
    return f"# caller {hashlib.sha256(given.hooks.encode()).hexdigest()[:12]}\n{bundle(given.trusted)}"


def controller_bundles(found: Raw) -> Iterator[str]:
    """Of every hook of a controller of Metacontroller."""
    for hook in found["spec"]["hooks"].values():
        yield ((hook.get("webhook") or {}).get("caBundle") or {}).get("inline") or ""


def controller_patch(found: Raw, given: Given) -> Raw:
    """The bundle and the token in one: Metacontroller reads the annotation when the spec changes, and only then."""
    wanted = inline(given)
    token = (found["metadata"].get("annotations") or {}).get(TOKEN_ANNOTATION)
    if token == given.hooks and set(controller_bundles(found)) == {wanted}:
        return {}
    hooks = {name: {"webhook": {"caBundle": {"inline": wanted}}} for name in found["spec"]["hooks"]}
    return {"metadata": {"annotations": {TOKEN_ANNOTATION: given.hooks}}, "spec": {"hooks": hooks}}


def webhook_bundles(found: Raw) -> Iterator[str]:
    """Of every webhook of a configuration."""
    for webhook in ours(found):
        yield base64.b64decode(webhook["clientConfig"].get("caBundle") or "").decode()


def ours(found: Raw) -> Iterator[Raw]:
    """The webhooks of a configuration whose names say a path of the hook server."""
    yield from (one for one in found.get("webhooks") or () if one["name"].endswith(SUFFIX))


def webhook_path(name: str, token: str) -> str:
    """The path of a webhook: its name spelled backwards, as `warn.validate.endpoints…`, and the token at the end."""
    words = name.removesuffix(SUFFIX).split(".")
    return "/".join(("/admission", *reversed(words), token))


def webhook_patch(found: Raw, given: Given) -> Raw:
    """The bundle and the path of every webhook that has others."""
    wanted = base64.b64encode(bundle(given.trusted).encode()).decode()
    changed = []
    for webhook in ours(found):
        called = webhook["clientConfig"]
        path = webhook_path(webhook["name"], given.admission)
        client: Raw = {"caBundle": wanted}
        if url := called.get("url"):
            scheme, _, rest = url.partition("://")
            client["url"] = f"{scheme}://{rest.partition('/')[0]}{path}"
        else:
            client["service"] = {**called["service"], "path": path}
        if not client.items() <= called.items():
            changed.append({"name": webhook["name"], "clientConfig": client})
    return {"webhooks": changed} if changed else {}


def _controller(kind: str, name: str) -> Target:
    place = Place("metacontroller.k8s.io", "v1alpha1", f"{kind.lower()}s", name)
    return Target(f"{kind} {name}", place, True, MERGE, controller_bundles, controller_patch)


def _configuration(kind: str, name: str) -> Target:
    place = Place("admissionregistration.k8s.io", "v1", f"{kind.lower()}s", name)
    return Target(f"{kind} {name}", place, False, STRATEGIC, webhook_bundles, webhook_patch)


TARGETS: tuple[Target, ...] = (
    _controller("CompositeController", "aimcache"),
    _controller("CompositeController", "aimendpoint"),
    _controller("CompositeController", "aiminventory"),
    _controller("DecoratorController", "aimnode"),
    _controller("DecoratorController", "aimrecipe"),
    _configuration("ValidatingWebhookConfiguration", "aim-endpoints"),
    _configuration("MutatingWebhookConfiguration", "aim-endpoints"),
)
