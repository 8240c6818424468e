"""The objects that Jobs need to report: a ConfigMap, and a ServiceAccount with access to it."""

from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.meta import Raw
from hooks.objects.config_map import config_map
from hooks.objects.service_account import account


class Right(NamedTuple):
    """What may be done with one object."""

    group: str
    resource: str
    name: str
    verbs: tuple[str, ...]


def reporting_objects(state: Raw, reporter: Raw, rights: Sequence[Right]) -> list[Raw]:
    """The ConfigMap, created empty and patched by the Jobs, and their ServiceAccount, Role and RoleBinding.

    `state` and `reporter` are the metadata of the first, and of the others.
    """
    return [config_map(state), account(reporter), _role(reporter, rights), _binding(reporter)]


def _role(reporter: Raw, rights: Sequence[Right]) -> Raw:
    """Access to objects by name."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": reporter,
        "rules": [
            {
                "apiGroups": [right.group],
                "resources": [right.resource],
                "resourceNames": [right.name],
                "verbs": list(right.verbs),
            }
            for right in rights
        ],
    }


def _binding(reporter: Raw) -> Raw:
    name, namespace = reporter["name"], reporter["namespace"]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": reporter,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
