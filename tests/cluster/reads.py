"""What `kubectl get -o json` prints, asked of the API server directly: a kubectl for each look takes half of a core.

And what the API server says to an object that would be created.
"""

import json
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from kubernetes import client

from tests.cluster.clients import connection

Raw = dict[str, Any]
Query = tuple[tuple[str, str], ...]

ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""All kinds of all groups in two replies."""
PARAMETERS = {"--selector": "labelSelector", "--field-selector": "fieldSelector"}
"""By option of kubectl, the parameter of a request that it becomes."""
FLAGS = {"--all-namespaces", "--ignore-not-found"}
OPTIONS = {*PARAMETERS, *FLAGS, "--namespace"}
"""All that are understood here."""
SHORT = {"-n": "--namespace", "-l": "--selector", "-A": "--all-namespaces"}


class Kind(NamedTuple):
    """A kind that the API server has."""

    root: str
    resource: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Where its objects are; in all namespaces where None is named."""
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{within}/{self.resource}{f'/{name}' if name else ''}"


class Look(NamedTuple):
    """What is asked for."""

    resources: tuple[str, ...]
    name: str | None
    namespace: str | None
    query: Query


def look(arguments: tuple[str, ...]) -> Look | None:
    """The arguments of `kubectl get`, where they are of the usual ones; None for all others."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = [*arguments]
    while rest:
        one = rest.pop(0)
        if not one.startswith("-"):
            words.append(one)
            continue
        if one[:2] in SHORT:
            one = f"{SHORT[one[:2]]}{'=' * bool(one[2:])}{one[2:].removeprefix('=')}"
        key, _, value = one.partition("=")
        if not value and key not in FLAGS:
            value = rest.pop(0) if rest else ""
        options[key] = value
    [resources, *names] = [part for word in words for part in word.split("/")] or [""]
    everywhere, many = "--all-namespaces" in options, "," in resources
    if not resources or options.keys() - OPTIONS or len(names) > 1 or (names and (everywhere or many)):
        return None
    namespace = None if everywhere else options.get("--namespace") or "default"
    query = tuple((parameter, options[key]) for key, parameter in PARAMETERS.items() if key in options)
    return Look(tuple(resources.split(",")), names[0] if names else None, namespace, query)


@cache
def _api(kubeconfig: Path) -> client.ApiClient:
    return connection(kubeconfig)


def _call(kubeconfig: Path, method: str, path: str, query: Query = (), body: Raw | None = None, **headers: str) -> Any:
    """A reply that is not read yet."""
    api = _api(kubeconfig)
    request = api.param_serialize(
        method, path, query_params=query, header_params=headers, body=body, auth_settings=["BearerToken"]
    )
    return api.call_api(*request, _request_timeout=30)


def _read(kubeconfig: Path, path: str, query: Query = (), accept: str = "application/json") -> Raw:
    """What a GET gives. ApiException."""
    reply = _call(kubeconfig, "GET", path, query, Accept=accept)
    content = reply.read()
    if reply.status != HTTPStatus.OK:
        raise client.ApiException(status=reply.status)
    return json.loads(content)


def _kinds(kubeconfig: Path) -> dict[str, Kind]:
    """Everything that the API server has, by each name that kubectl takes for it; the first group of a name counts."""
    found: dict[str, Kind] = {}
    for root in ("/api", "/apis"):
        for group in _read(kubeconfig, root, accept=ACCEPT)["items"]:
            name, [version, *_] = group["metadata"].get("name", ""), group["versions"]
            under = f"{root}/{name}/{version['version']}" if name else f"{root}/{version['version']}"
            for one in version.get("resources", ()):
                kind = Kind(under, one["resource"], one["scope"] == "Namespaced")
                names = {one["resource"], one.get("singularResource"), *one.get("shortNames", ())}
                names.add(one.get("responseKind", {}).get("kind"))
                for each in filter(None, names):
                    found.setdefault(each, kind)
                    found.setdefault(f"{each}.{name}", kind)
    return found


_KNOWN: dict[Path, dict[str, Kind]] = {}


def known(kubeconfig: Path, resource: str) -> Kind | None:
    """A kind by a name of its own; what is installed later is looked for anew."""
    if resource not in _KNOWN.get(kubeconfig, ()):
        _KNOWN[kubeconfig] = _kinds(kubeconfig)
    return _KNOWN[kubeconfig].get(resource)


def _shown(found: Raw) -> Raw:
    """An object as kubectl prints it: without who set which field."""
    found["metadata"].pop("managedFields", None)
    return found


def get(kubeconfig: Path, arguments: tuple[str, ...]) -> Raw | None:
    """An object, or a List; None where kubectl has to be asked: by its own options, or why there is nothing."""
    asked = look(arguments)
    if asked is None:
        return None
    try:
        kinds = [known(kubeconfig, one) for one in asked.resources]
        if not all(kinds):
            return None
        if asked.name:
            return _shown(_read(kubeconfig, kinds[0].path(asked.namespace, asked.name)))
        lists = [_read(kubeconfig, kind.path(asked.namespace), asked.query) for kind in kinds]
    except (client.ApiException, OSError):
        return None
    items = [
        _shown({"apiVersion": each["apiVersion"], "kind": each["kind"].removesuffix("List"), **one})
        for each in lists
        for one in each["items"]
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}}


def name_of(found: Raw) -> str:
    """What `kubectl get -o name` prints of an object."""
    group = found["apiVersion"].rpartition("/")[0]
    return f"{found['kind'].lower()}{f'.{group}' if group else ''}/{found['metadata']['name']}"


WARNING = re.compile(r'299 - "(.*)"')


class Reply(NamedTuple):
    """What the API server says to an object."""

    accepted: bool
    warnings: tuple[str, ...]
    reasons: tuple[str, ...]
    """Why it is refused, one sentence each."""


def would_create(kubeconfig: Path, raw: Raw, namespace: str) -> Reply:
    """What `kubectl create --dry-run=server` is told."""
    kind = known(kubeconfig, raw["kind"])
    if kind is None:
        raise LookupError(f"no kind {raw['kind']}")
    query = (("dryRun", "All"), ("fieldValidation", "Strict"))
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    reply = _call(kubeconfig, "POST", kind.path(namespace), query, raw, **headers)
    found = json.loads(reply.read())
    warnings = [WARNING.fullmatch(one) for one in reply.headers.getlist("Warning")]
    told = tuple(re.sub(r"\\(.)", r"\1", one[1]) for one in warnings if one)
    if reply.status == HTTPStatus.CREATED:
        return Reply(accepted=True, warnings=told, reasons=())
    causes = (found.get("details") or {}).get("causes") or [found]
    return Reply(accepted=False, warnings=told, reasons=tuple(one.get("message", "") for one in causes))
