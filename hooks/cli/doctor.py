"""The command `aim doctor`: what of an installation is missing or broken, and what to do about each."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.naming import OPERATOR_NAMESPACE
from aimlib.schema.kinds import API_KINDS
from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import NOTHING_FITS_CODE, CommandError
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_table, printed_as_data
from hooks.cli.terminal import CHOSEN, REJECTED, WARNING
from hooks.objects.volume_claim import DEFAULT_CLASS

DOCTOR_HEAD = ("CHECK", "RESULT", "DETAILS")
STYLES = {"ok": CHOSEN, "problem": WARNING, "unknown": REJECTED}
OLDEST_MINOR = 30
"""The minor version of Kubernetes that the CRDs need."""
HOOK_SERVER = f"/apis/apps/v1/namespaces/{OPERATOR_NAMESPACE}/deployments/aim-hooks"
METACONTROLLER = "/apis/apps/v1/namespaces/metacontroller/statefulsets/metacontroller"
METRICS_PROBLEMS = frozenset({"NotAnswering", "NotScraped"})
"""Reasons for which an endpoint has no metrics that somebody has to mend."""
CONTROLLER_LISTS = "/apis/metacontroller.k8s.io/v1alpha1/"
CHILD_FIELDS = {"compositecontrollers": "childResources", "decoratorcontrollers": "attachments"}
"""The controllers of Metacontroller, and the field in which each declares its children."""
OPTIONAL_GROUPS = {
    "keda.sh": ("KEDA", "keda"),
    "autoscaling.k8s.io": ("the VerticalPodAutoscaler", "vpa"),
    "leaderworkerset.x-k8s.io": ("LeaderWorkerSet", "multi-node"),
    "gateway.networking.k8s.io": ("the Gateway API", "gateway-api"),
    "resource.k8s.io": ("Kubernetes 1.34 or newer", "dra"),
}
"""Groups of child kinds that a component adds: what brings them to a cluster, and the component."""
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations/aim-endpoints"
INVENTORY_PATH = f"/apis/{GROUP}/{VERSION}/aiminventories/cluster"
RIGHTS = (
    ("create", "aimendpoints", GROUP, ""),
    ("patch", "aimendpoints", GROUP, ""),
    ("list", "pods", "", ""),
    ("get", "pods", "", "log"),
    ("get", "pods", "", "portforward"),
    ("list", "events", "", ""),
)
"""What the other commands take in a namespace: verb, resource, group and subresource."""


class Checked(NamedTuple):
    """The result of one check."""

    check: str
    result: Literal["ok", "problem", "unknown"]
    details: str


class Problem(NamedTuple):
    """What is wrong, and what to do."""

    text: str


def print_health(cluster: LiveCluster, output: str) -> int:
    """Prints every check; returns 3 where there is a problem."""
    found = [*examine_installation(cluster)]
    if not printed_as_data(output, lambda: as_list(one._asdict() for one in found)):
        print_table(Table(DOCTOR_HEAD, found, styles=[STYLES[one.result] for one in found]))
    return NOTHING_FITS_CODE if any(one.result == "problem" for one in found) else 0


def examine_installation(cluster: LiveCluster) -> Iterator[Checked]:
    """Makes every check; what the user may not read is unknown. CommandError where the cluster cannot be reached."""
    cluster.read("/version")
    for name, check in CHECKS.items():
        try:
            found = check(cluster)
        except CommandError as error:
            yield Checked(name, "unknown", str(error))
            continue
        yield Checked(name, "problem", found.text) if isinstance(found, Problem) else Checked(name, "ok", found)


def _version(cluster: LiveCluster) -> str | Problem:
    found = cluster.read("/version")
    minor = int("".join(filter(str.isdecimal, found["minor"])) or 0)
    if int(found["major"]) == 1 and minor < OLDEST_MINOR:
        return Problem(f"{found['gitVersion']}: the CRDs need Kubernetes 1.{OLDEST_MINOR} or later")
    return str(found["gitVersion"])


def _crds(cluster: LiveCluster) -> str | Problem:
    listed = cluster.read(f"/apis/{GROUP}/{VERSION}").get("resources") or ()
    missing = sorted({kind.plural for kind in API_KINDS} - {one["name"] for one in listed})
    if missing:
        return Problem(f"there is no {', '.join(missing)}: kubectl apply --server-side -k manifests/crds")
    return f"{len(API_KINDS)} kinds of {VERSION}"


def _controllers(cluster: LiveCluster) -> str | Problem:
    found = {
        one["metadata"]["name"]
        for plural in CHILD_FIELDS
        for one in cluster.read(CONTROLLER_LISTS + plural).get("items") or ()
    }
    missing = sorted({kind.name.lower() for kind in API_KINDS} - found)
    if missing:
        return Problem(f"there is no controller {', '.join(missing)}: kubectl apply -k manifests/overlays/default")
    return "each kind has its controller"


def _child_kinds(cluster: LiveCluster) -> str | Problem:
    """Whether the cluster has each child kind: one that it has not stops the controller that declares it."""
    declared = {
        (child["apiVersion"], child["resource"]): one["metadata"]["name"]
        for plural, field in CHILD_FIELDS.items()
        for one in cluster.read(CONTROLLER_LISTS + plural).get("items") or ()
        for child in (one.get("spec") or {}).get(field) or ()
    }
    served = {version: _served(cluster, version) for version in {version for version, _ in declared}}
    missing = [
        f"the cluster has no {plural} of {version}, without which Metacontroller stops the controller {controller}: "
        f"{_remedy(version)}"
        for (version, plural), controller in sorted(declared.items())
        if plural not in served[version]
    ]
    return Problem("; ".join(missing)) if missing else f"the cluster has all {len(declared)} that are declared"


def _served(cluster: LiveCluster, version: str) -> set[str]:
    """The plurals that a version of a group has in the cluster."""
    found = cluster.read(f"/apis/{version}" if "/" in version else f"/api/{version}")
    return {one["name"] for one in found.get("resources") or ()}


def _remedy(version: str) -> str:
    needed, component = OPTIONAL_GROUPS.get(version.partition("/")[0], ("", ""))
    if not needed:
        return "install what has them, or remove them from the controller"
    return f"install {needed}, or leave out manifests/components/{component}"


def _metacontroller(cluster: LiveCluster) -> str | Problem:
    found = cluster.read(METACONTROLLER)
    if not found:
        return "it is not where manifests/metacontroller installs it; if nothing changes, look for its pods"
    ready, desired = (found.get("status") or {}).get("readyReplicas", 0), found["spec"].get("replicas", 1)
    if not ready:
        return Problem(f"none of {desired} replicas is ready: kubectl -n metacontroller describe pods")
    return f"{ready} of {desired} replicas are ready"


def _hook_server(cluster: LiveCluster) -> str | Problem:
    found = cluster.read(HOOK_SERVER)
    if not found:
        return Problem("there is none: kubectl apply -k manifests/overlays/default")
    ready, desired = (found.get("status") or {}).get("readyReplicas", 0), found["spec"].get("replicas", 1)
    if not ready:
        return Problem(f"none of {desired} replicas is ready: kubectl -n {OPERATOR_NAMESPACE} describe pods")
    return f"{ready} of {desired} replicas are ready"


def _webhooks(cluster: LiveCluster) -> str | Problem:
    found = [
        one for kind in ("validating", "mutating") for one in cluster.read(WEBHOOKS.format(kind)).get("webhooks", ())
    ]
    without = [one["name"] for one in found if not one["clientConfig"].get("caBundle")]
    if without:
        return Problem(f"{without[0]} has no certificate, which a Job writes: kubectl -n {OPERATOR_NAMESPACE} get jobs")
    return f"{len(found)} have certificates" if found else "none are installed"


def _inventory(cluster: LiveCluster) -> str | Problem:
    status = cluster.read(INVENTORY_PATH).get("status") or {}
    left_out = [f"{one.get('reason')}" for one in status.get("leftOut") or ()]
    details = "; ".join(filter(None, (status.get("summary"), *(f"left out: {one}" for one in left_out))))
    if not status.get("gpus"):
        advice = "install the vendor's device plugin, and on NVIDIA GPU feature discovery"
        return Problem(f"no GPU counts{': ' if details else ''}{details}; {advice}")
    return details


def _recipes(cluster: LiveCluster) -> str | Problem:
    found = cluster.all("aimrecipes")
    invalid = [one["metadata"]["name"] for one in found if (one.get("status") or {}).get("phase") == "Invalid"]
    if not found:
        return Problem("there are none: kubectl apply -k recipes")
    if invalid:
        return Problem(f"{len(invalid)} of {len(found)} are invalid, such as {invalid[0]}: kubectl get aimrecipes")
    return f"{len(found)} recipes"


def _storage(cluster: LiveCluster) -> str | Problem:
    found = cluster.read("/apis/storage.k8s.io/v1/storageclasses").get("items") or ()
    names = [one["metadata"]["name"] for one in found if _is_default(one)]
    if not names:
        return Problem("no class is the default: caches and endpoints have to name a storageClass")
    return f"{names[0]} is the default"


def _is_default(storage_class: Raw) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _rights(cluster: LiveCluster) -> str | Problem:
    missing = [_right(*one) for one in RIGHTS if not cluster.may(*one)]
    if missing:
        return Problem(f"you may not {', '.join(missing)} in {cluster.namespace}: ask an administrator for it")
    return f"what the commands of aim take in {cluster.namespace}"


def _right(verb: str, resource: str, _group: str, subresource: str) -> str:
    return f"{verb} {'/'.join(filter(None, (resource, subresource)))}"


def _metrics(cluster: LiveCluster) -> str | Problem:
    for endpoint in cluster.endpoints():
        metrics = (endpoint.get("status") or {}).get("metrics") or {}
        if metrics.get("reason") in METRICS_PROBLEMS:
            return Problem(f"{endpoint['metadata']['name']}: {metrics.get('message')}: docs/operate/monitoring.md")
    template = (cluster.read(HOOK_SERVER).get("spec") or {}).get("template") or {}
    for container in (template.get("spec") or {}).get("containers") or ():
        for variable in container.get("env") or ():
            if variable["name"] == "AIM_PROMETHEUS_URL":
                return f"the hook server queries {variable.get('value')}"
    return "the hook server queries no Prometheus: manifests/overlays/live-figures is for live metrics"


def _endpoints(cluster: LiveCluster) -> str | Problem:
    found = cluster.endpoints()
    failed = sorted(_names(one for one in found if (one.get("status") or {}).get("phase") == "Failed"))
    if failed:
        return Problem(f"{', '.join(failed)} failed: aim status {failed[0]}")
    return f"{len(found)} in {cluster.namespace}, none of which failed"


def _names(endpoints: Iterable[Raw]) -> Iterator[str]:
    return (one["metadata"]["name"] for one in endpoints)


CHECKS: dict[str, Callable[[LiveCluster], str | Problem]] = {
    "Kubernetes": _version,
    "CRDs": _crds,
    "controllers": _controllers,
    "child kinds": _child_kinds,
    "Metacontroller": _metacontroller,
    "hook server": _hook_server,
    "webhooks": _webhooks,
    "GPUs": _inventory,
    "recipes": _recipes,
    "storage": _storage,
    "your rights": _rights,
    "endpoints": _endpoints,
    "metrics": _metrics,
}
"""The checks, in the order in which one thing needs the one before."""
