"""What is read of the API server directly is what kubectl prints."""

import json

import pytest

from tests.cluster import reads
from tests.cluster.plane import KubectlError

ALIKE = (
    ("nodes",),
    ("node", "mi300x-0"),
    ("node/mi300x-0",),
    ("no", "-ldisktype!=none"),
    ("clusterroles.rbac.authorization.k8s.io", "view"),
    ("deployments,svc", "-A"),
    ("configmaps", "--all-namespaces", "--field-selector=metadata.name=kube-root-ca.crt"),
    ("cm", "-n", "kube-system", "--ignore-not-found"),
    ("storageclass", "--selector", "none=such"),
    ("aimendpoints,aimep",),
    ("hpa", "--namespace=default"),
    ("customresourcedefinitions", "aimrecipes.aim.engine.amd.com"),
    ("events", "-n=kube-system"),
)
ELSEWISE = (
    (),
    ("nodes", "--output=wide"),
    ("--filename=x.yaml",),
    ("pods", "a", "b"),
    ("pods", "a", "-A"),
    ("pods,services", "a"),
)


@pytest.mark.parametrize("arguments", ALIKE, ids=" ".join)
def test_it_is_what_kubectl_prints(plane, arguments):
    def alike():
        found, printed = reads.get(plane.kubeconfig, arguments), plane.kubectl("get", *arguments, "--output=json")
        return found is not None and found == json.loads(printed)

    plane.wait_for("both to be alike", alike, 20)  # what changes between two looks differs


@pytest.mark.parametrize("arguments", ELSEWISE, ids=str)
def test_arguments_of_another_form_are_left_to_kubectl(arguments):
    assert reads.look(arguments) is None


def test_what_is_not_there_is_told_by_kubectl(plane):
    with pytest.raises(KubectlError, match=r'nodes "absent" not found'):
        plane.get("node", "absent")
    with pytest.raises(KubectlError, match="doesn't have a resource type"):
        plane.get("nonesuch")


@pytest.mark.parametrize("arguments", [("deployments,services", "-A"), ("nodes",)], ids=str)
def test_names_are_those_of_kubectl(plane, arguments):
    names = [reads.name_of(one) for one in plane.get(*arguments)["items"]]
    assert names == plane.kubectl("get", *arguments, "--output=name").split()
