"""Who may do what: for each role the verbs by resource, and whatever does not stand here is refused."""

from typing import Any

OURS = "aim.engine.amd.com"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")

NAMESPACED = {
    "aimendpoints": OURS,
    "aimendpoints/scale": OURS,
    "aimendpoints/status": OURS,
    "aimcaches": OURS,
    "aimcaches/status": OURS,
    "aimgateways": OURS,
    "aimgateways/status": OURS,
    "secrets": "",
    "configmaps": "",
    "pods": "",
    "pods/log": "",
    "pods/exec": "",
    "services": "",
    "serviceaccounts": "",
    "persistentvolumeclaims": "",
    "deployments": "apps",
    "jobs": "batch",
    "cronjobs": "batch",
    "horizontalpodautoscalers": "autoscaling",
    "poddisruptionbudgets": "policy",
    "networkpolicies": "networking.k8s.io",
    "roles": "rbac.authorization.k8s.io",
    "rolebindings": "rbac.authorization.k8s.io",
    "httproutes": "gateway.networking.k8s.io",
    "scaledobjects": "keda.sh",
    "verticalpodautoscalers": "autoscaling.k8s.io",
    "resourceclaimtemplates": "resource.k8s.io",
    "leaderworkersets": "leaderworkerset.x-k8s.io",
}
CLUSTER_WIDE = {
    "aimrecipes": OURS,
    "aimrecipes/status": OURS,
    "aimmodels": OURS,
    "aimmodels/status": OURS,
    "aimnodes": OURS,
    "aiminventories": OURS,
    "aiminventories/status": OURS,
    "nodes": "",
    "namespaces": "",
    "persistentvolumes": "",
    "clusterroles": "rbac.authorization.k8s.io",
    "clusterrolebindings": "rbac.authorization.k8s.io",
    "customresourcedefinitions": "apiextensions.k8s.io",
    "compositecontrollers": "metacontroller.k8s.io",
    "decoratorcontrollers": "metacontroller.k8s.io",
    "validatingwebhookconfigurations": "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations": "admissionregistration.k8s.io",
    "storageclasses": "storage.k8s.io",
}
"""Resources and their groups."""

Verbs = tuple[str, ...]
READ: Verbs = ("get", "list", "watch")
WRITE: Verbs = ("create", "update", "patch", "delete", "deletecollection")
ALL = VERBS
CHANGE: Verbs = ("update", "patch")
MADE: Verbs = (*READ, "create", "update", "delete")
"""What Metacontroller does with children."""

CATALOGUE = {"aimrecipes": READ, "aimmodels": READ, "aiminventories": READ}
"""For everybody who can log in."""
OF_KUBERNETES = dict.fromkeys(
    (
        "configmaps",
        "services",
        "serviceaccounts",
        "persistentvolumeclaims",
        "deployments",
        "jobs",
        "cronjobs",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "networkpolicies",
        "pods",
        "resourceclaimtemplates",
    ),
    READ,
)
"""What `view` reads besides."""
VIEW = {
    **CATALOGUE,
    **OF_KUBERNETES,
    "pods/log": READ,
    "aimendpoints": READ,
    "aimendpoints/scale": READ,
    "aimcaches": READ,
    "aimgateways": READ,
}
EDIT = {
    **VIEW,
    **dict.fromkeys(OF_KUBERNETES, ALL),
    "secrets": ALL,
    "pods/exec": (*READ, *WRITE),
    "aimendpoints": ALL,
    "aimendpoints/scale": (*READ, *CHANGE),
    "aimcaches": ALL,
    "aimgateways": ALL,
}
ADMIN = {**EDIT, "roles": ALL, "rolebindings": ALL}

MAY: dict[str, dict[str, Verbs]] = {
    "anonymous": {},
    "authenticated": CATALOGUE,
    "view": VIEW,
    "edit": EDIT,
    "admin": ADMIN,
    "tenant": {
        **CATALOGUE,
        "aimendpoints": (*READ, "create", *CHANGE, "delete"),
        "aimendpoints/scale": ("get", *CHANGE),
        "aimcaches": (*READ, "create", *CHANGE, "delete"),
        "aimgateways": (*READ, "create", *CHANGE, "delete"),
        **dict.fromkeys(("pods", "pods/log", "services", "persistentvolumeclaims"), READ),
        **dict.fromkeys(("deployments", "jobs", "cronjobs"), READ),
    },
    # What one cache's Jobs report with, and no other object than these two.
    "reporter": {**CATALOGUE, "configmaps:models-state": ("get", "patch"), "aimcaches:models": ("get",)},
    # What its observer asks for.
    "aim-hooks": {**CATALOGUE, "pods": ("list",)},
    # What it hands whom to trust and the tokens to, each by its name.
    "aim-certificates": {
        **CATALOGUE,
        **dict.fromkeys(
            (
                "compositecontrollers:aimcache",
                "compositecontrollers:aimendpoint",
                "compositecontrollers:aimgateway",
                "compositecontrollers:aiminventory",
                "decoratorcontrollers:aimnode",
                "decoratorcontrollers:aimrecipe",
                "decoratorcontrollers:aimslice",
                "validatingwebhookconfigurations:aim-endpoints",
                "mutatingwebhookconfigurations:aim-endpoints",
            ),
            ("get", "patch"),
        ),
    },
    "metacontroller": {
        **dict.fromkeys(("aimendpoints", "aimgateways", "aiminventories"), READ),
        **dict.fromkeys(
            (
                "aimendpoints/status",
                "aimcaches/status",
                "aimgateways/status",
                "aiminventories/status",
                "aimrecipes/status",
            ),
            ("update",),
        ),
        **dict.fromkeys(("aimrecipes", "aimmodels"), (*READ, "update")),
        "aimmodels/status": ("update",),
        "aimcaches": MADE,
        "aimnodes": MADE,
        **dict.fromkeys(("nodes", "namespaces", "storageclasses", "customresourcedefinitions"), READ),
        "compositecontrollers": READ,
        "decoratorcontrollers": READ,
        **dict.fromkeys(("services", "serviceaccounts", "persistentvolumeclaims", "deployments", "cronjobs"), MADE),
        **dict.fromkeys(("horizontalpodautoscalers", "poddisruptionbudgets", "networkpolicies"), MADE),
        **dict.fromkeys(("roles", "rolebindings"), MADE),
        "configmaps": (*MADE, "patch"),
        "jobs": (*READ, "create", "delete"),
    },
}
"""Verbs by role and resource, in the namespace that the role is bound in; `resource:name` is one object."""

WITH_GATEWAYS = {**MAY["metacontroller"], "httproutes": MADE}
"""Of Metacontroller once the component gateway-api is installed; without it nobody has rights to routes."""
WITH_VERTICAL = {**MAY["metacontroller"], "verticalpodautoscalers": MADE}
"""Of Metacontroller once the component vpa is installed."""
WITH_DEVICE_CLAIMS = {**MAY["metacontroller"], "resourceclaimtemplates": (*READ, "create", "delete")}
"""Of Metacontroller once the component dra is installed."""
WITH_GROUPS = {**MAY["metacontroller"], "leaderworkersets": MADE}
"""Of Metacontroller once the component multi-node is installed."""
WITH_POD_LOGS = {**MAY["aim-hooks"], "pods/log": ("get",)}
"""Of the hook server once the component pod-logs is installed."""
WITH_WEB_PAGE = {**CATALOGUE, "aimendpoints": ("get", "list")}
"""Of the web page once the component web-page is installed; Events, which it lists, too, are in no row here."""
ELSEWHERE = {**MAY, **dict.fromkeys(("view", "edit", "admin", "tenant", "reporter"), CATALOGUE)}
"""The same in a namespace in which nobody was given anything."""
CERTIFICATES_AT_HOME = {
    **MAY["aim-certificates"],
    **dict.fromkeys(("secrets:aim-hooks-tls", "secrets:aim-hooks-ca", "secrets:aim-hooks-callers"), ("get", "patch")),
}
"""Of what makes certificates in the namespace of the operator."""
ADMIN_OF_THE_CLUSTER = {**ADMIN, "aimrecipes": ALL, "aimmodels": ALL, "aimnodes": READ, "namespaces": READ}
"""Of `admin` where it is bound for the whole cluster."""


def row(rights: dict[str, Verbs]) -> dict[tuple[str, str], bool]:
    """A role's row in full: an answer for every resource and verb."""
    asked = dict.fromkeys([*NAMESPACED, *CLUSTER_WIDE, "aimcaches:others", "configmaps:others", *rights])
    return {(one, verb): verb in granted(rights, one) for one in asked for verb in VERBS}


def granted(rights: dict[str, Verbs], resource: str) -> Verbs:
    """The verbs for a resource, or for one object, which those for all objects include."""
    return rights.get(resource, ()) + rights.get(resource.partition(":")[0], ())


def attributes(resource: str, verb: str, namespace: str) -> dict[str, Any]:
    """What a SubjectAccessReview asks."""
    plural, _, name = resource.partition(":")
    kind, _, subresource = plural.partition("/")
    group = NAMESPACED[plural] if plural in NAMESPACED else CLUSTER_WIDE[plural]
    where = {"namespace": namespace} if plural in NAMESPACED else {}
    return {"group": group, "resource": kind, "subresource": subresource, "name": name, "verb": verb, **where}
