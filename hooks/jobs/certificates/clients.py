"""The clients of the hook server: the objects that hold the authorities they trust and the tokens they send."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.naming import TOKEN_ANNOTATION
from hooks.jobs.certificates.rotation import Certificate, ClientConfig
from hooks.jobs.certificates.secrets import ca_bundle

SUFFIX = ".admission.aim.engine.amd.com"
MERGE_PATCH, STRATEGIC_PATCH = "application/merge-patch+json", "application/strategic-merge-patch+json"


class ObjectPath(NamedTuple):
    """The API path of a cluster-scoped object."""

    group: str
    version: str
    plural: str
    name: str


class Client(NamedTuple):
    """An object that configures how a client calls the hook server."""

    name: str
    path: ObjectPath
    required: bool
    content_type: str
    bundles: Callable[[Raw], Iterator[str]]
    """The CA bundles in it as PEM, one per URL that it calls."""
    patch: Callable[[Raw, ClientConfig], Raw]
    """The patch that brings it to a configuration; empty where nothing differs."""


def trusts(client: Client, observed: Raw, certificate: Certificate) -> bool:
    """Whether all CA bundles of a client contain a certificate."""
    return all(certificate.text in text for text in client.bundles(observed))


def inline_bundle(config: ClientConfig) -> str:
    """The CA bundle of a controller.

    Its first line changes with the token, because Metacontroller reads the annotation only when the spec changes.
    """
    return f"# caller {hashlib.sha256(config.hook_token.encode()).hexdigest()[:12]}\n{ca_bundle(config.trusted_cas)}"


def controller_bundles(observed: Raw) -> Iterator[str]:
    """The CA bundles of a controller's hooks."""
    for hook in observed["spec"]["hooks"].values():
        yield ((hook.get("webhook") or {}).get("caBundle") or {}).get("inline") or ""


def controller_patch(observed: Raw, config: ClientConfig) -> Raw:
    """The patch of a controller: CA bundle and token together."""
    bundle = inline_bundle(config)
    token = (observed["metadata"].get("annotations") or {}).get(TOKEN_ANNOTATION)
    if token == config.hook_token and set(controller_bundles(observed)) == {bundle}:
        return {}
    hooks = {name: {"webhook": {"caBundle": {"inline": bundle}}} for name in observed["spec"]["hooks"]}
    return {"metadata": {"annotations": {TOKEN_ANNOTATION: config.hook_token}}, "spec": {"hooks": hooks}}


def webhook_bundles(observed: Raw) -> Iterator[str]:
    """The CA bundles of a configuration's webhooks."""
    for webhook in our_webhooks(observed):
        yield base64.b64decode(webhook["clientConfig"].get("caBundle") or "").decode()


def our_webhooks(observed: Raw) -> Iterator[Raw]:
    """The webhooks of a configuration whose names are paths of the hook server."""
    yield from (webhook for webhook in observed.get("webhooks") or () if webhook["name"].endswith(SUFFIX))


def webhook_path(name: str, token: str) -> str:
    """The URL path of a webhook: the parts of its name in reverse order, and the token."""
    parts = name.removesuffix(SUFFIX).split(".")
    return "/".join(("/admission", *reversed(parts), token))


def webhook_patch(observed: Raw, config: ClientConfig) -> Raw:
    """The patch of a configuration: CA bundle and path of each webhook that differs."""
    bundle = base64.b64encode(ca_bundle(config.trusted_cas).encode()).decode()
    changed = []
    for webhook in our_webhooks(observed):
        client_config = webhook["clientConfig"]
        path = webhook_path(webhook["name"], config.admission_token)
        client: Raw = {"caBundle": bundle}
        if url := client_config.get("url"):
            scheme, _, rest = url.partition("://")
            client["url"] = f"{scheme}://{rest.partition('/')[0]}{path}"
        else:
            client["service"] = {**client_config["service"], "path": path}
        if not client.items() <= client_config.items():
            changed.append({"name": webhook["name"], "clientConfig": client})
    return {"webhooks": changed} if changed else {}


def _controller(kind: str, name: str, *, required: bool = True) -> Client:
    place = ObjectPath("metacontroller.k8s.io", "v1alpha1", f"{kind.lower()}s", name)
    return Client(f"{kind} {name}", place, required, MERGE_PATCH, controller_bundles, controller_patch)


def _configuration(kind: str, name: str) -> Client:
    place = ObjectPath("admissionregistration.k8s.io", "v1", f"{kind.lower()}s", name)
    return Client(f"{kind} {name}", place, False, STRATEGIC_PATCH, webhook_bundles, webhook_patch)


CLIENTS: tuple[Client, ...] = (
    _controller("CompositeController", "aimcache"),
    _controller("CompositeController", "aimendpoint"),
    _controller("CompositeController", "aimgateway"),
    _controller("CompositeController", "aiminventory"),
    _controller("DecoratorController", "aimnode"),
    _controller("DecoratorController", "aimmodel"),
    _controller("DecoratorController", "aimrecipe"),
    _controller("DecoratorController", "aimslice", required=False),
    _configuration("ValidatingWebhookConfiguration", "aim-endpoints"),
    _configuration("MutatingWebhookConfiguration", "aim-endpoints"),
)
