"""The objects that a cache's Jobs need to report: a ConfigMap, and a ServiceAccount with access to it."""

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from hooks.cache.children.owner import CacheOwner
from hooks.objects.config_map import config_map
from hooks.objects.service_account import account


def reporting_children(owner: CacheOwner) -> list[Raw]:
    """The ConfigMap, created empty and patched by the Jobs, and their ServiceAccount, Role and RoleBinding."""
    return [
        config_map(owner.metadata(owner.state)),
        account(owner.metadata(owner.reporter)),
        _role(owner),
        _binding(owner),
    ]


def _role(owner: CacheOwner) -> Raw:
    """Access to two objects by name."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": owner.metadata(owner.reporter),
        "rules": [
            _rule("", "configmaps", owner.state, ["get", "patch"]),
            _rule(GROUP, "aimcaches", owner.name, ["get"]),
        ],
    }


def _rule(group: str, resource: str, name: str, verbs: list[str]) -> Raw:
    return {"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": verbs}


def _binding(owner: CacheOwner) -> Raw:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": owner.metadata(owner.reporter),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": owner.reporter},
        "subjects": [{"kind": "ServiceAccount", "name": owner.reporter, "namespace": owner.namespace}],
    }
