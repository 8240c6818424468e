"""Who may do what in a cluster with the operator: asked of the real API server, and tried with real tokens."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest
import yaml
from kubernetes import client, config

from tests.cluster.plane import ROOT, KubectlError
from tests.e2e.access_table import (
    ADMIN_OF_THE_CLUSTER,
    CERTIFICATES_AT_HOME,
    CLUSTER_WIDE,
    ELSEWHERE,
    MAY,
    NAMESPACED,
    OURS,
    attributes,
    row,
)
from tests.e2e.caches import LARGE, cache
from tests.e2e.conftest import space_for
from tests.e2e.space import Space, endpoint, recipe

pytestmark = pytest.mark.e2e

TENANT = ROOT / "manifests" / "examples" / "tenant.yaml"
ANYBODY = "system:authenticated"
OF_KUBERNETES = ("view", "edit", "admin")


def tenancy(namespace: str, group: str) -> list[dict]:
    """The example of a tenant, for another namespace and group."""
    text = TENANT.read_text()
    assert text.count("namespace: team-a") == 2
    own, role, binding = yaml.safe_load_all(text.replace("namespace: team-a", f"namespace: {namespace}"))
    binding["subjects"][0]["name"] = group
    own["metadata"]["name"] = namespace
    return [own, role, binding]


@pytest.fixture(scope="module")
def bound(cluster) -> Iterator[Space]:
    """A namespace in which each role is bound to somebody, and a cache has its reporter."""
    with space_for(cluster, "access") as space:
        for role in OF_KUBERNETES:
            space.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}")
        space.apply(*tenancy(space.namespace, "team-a"))
        space.apply(cache("models", SimpleNamespace(url="http://127.0.0.1:1"), LARGE))  # whose Job does not matter
        reporter = "rolebinding.rbac.authorization.k8s.io/models-reporter"
        space.wait("the cache's reporter", lambda: reporter in space.names("rolebindings"))
        yield space


def subject(role, namespace):
    """User and groups of someone with a role."""
    accounts = {
        "reporter": (namespace, "models-reporter"),
        "aim-hooks": ("aim-system", "aim-hooks"),
        "aim-web": ("aim-system", "aim-web"),
        "aim-certificates": ("aim-system", "aim-certificates"),
        "metacontroller": ("metacontroller", "metacontroller"),
    }
    if role == "anonymous":
        return {"user": "system:anonymous", "groups": ["system:unauthenticated"]}
    if role in accounts:
        home, name = accounts[role]
        groups = [ANYBODY, "system:serviceaccounts", f"system:serviceaccounts:{home}"]
        return {"user": f"system:serviceaccount:{home}:{name}", "groups": groups}
    return {"user": role, "groups": [ANYBODY, *(["team-a"] if role == "tenant" else [])]}


def answers(cluster, who, asked, namespace):
    """What the API server says to each of these."""
    api = client.AuthorizationV1Api(config.new_client_from_config(str(cluster.kubeconfig)))

    def allowed(resource, verb):
        review = {"spec": {**who, "resourceAttributes": attributes(resource, verb, namespace)}}
        return api.create_subject_access_review(review).status.allowed

    with api.api_client, ThreadPoolExecutor(8) as pool:
        said = pool.map(lambda one: allowed(*one), asked)
        return dict(zip(asked, said, strict=True))


def differences(found, wanted):
    return {key: f"may: {found[key]}, should: {wanted[key]}" for key in wanted if found[key] != wanted[key]}


@pytest.mark.parametrize("role", MAY)
def test_everybody_may_do_what_the_table_says_and_nothing_else(bound, role):
    wanted = row(MAY[role])
    found = answers(bound.plane, subject(role, bound.namespace), list(wanted), bound.namespace)
    assert differences(found, wanted) == {}


@pytest.mark.parametrize("role", ELSEWHERE)
def test_a_namespace_ends_at_its_border(bound, role):
    wanted = row(ELSEWHERE[role])
    found = answers(bound.plane, subject(role, bound.namespace), list(wanted), "default")
    assert differences(found, wanted) == {}


def test_what_makes_certificates_reads_and_writes_three_secrets_and_no_others(bound):
    wanted = row(CERTIFICATES_AT_HOME)
    found = answers(bound.plane, subject("aim-certificates", bound.namespace), list(wanted), "aim-system")
    assert differences(found, wanted) == {}


def test_recipes_are_written_by_whoever_is_admin_of_the_whole_cluster(bound):
    name = bound.namespace
    bound.plane.kubectl("create", "clusterrolebinding", name, "--clusterrole=admin", f"--user={name}")
    try:
        wanted = row(ADMIN_OF_THE_CLUSTER)
        found = answers(bound.plane, {"user": name, "groups": [ANYBODY]}, list(wanted), "default")
        assert differences(found, wanted) == {}
    finally:
        bound.plane.kubectl("delete", "clusterrolebinding", name)


def test_the_table_has_every_resource_of_ours(cluster):
    served = json.loads(cluster.kubectl("get", "--raw", f"/apis/{OURS}/v1alpha1"))["resources"]
    of_ours = {name for name, group in {**NAMESPACED, **CLUSTER_WIDE}.items() if group == OURS}
    assert {one["name"] for one in served} == of_ours
    assert {one["name"] for one in served if one["namespaced"]} == of_ours & NAMESPACED.keys()


@pytest.fixture
def tenant(space):
    """`tenant(*arguments, input=None)`: kubectl with the token of an account that the tenant's role is bound to."""
    space.apply(*tenancy(space.namespace, f"system:serviceaccounts:{space.namespace}"))
    space.kubectl("create", "serviceaccount", "somebody")
    token = space.kubectl("create", "token", "somebody").strip()
    credentials = space.plane.credentials.kubeconfig("tenant", space.plane.server, token)
    yield partial(space.kubectl, f"--kubeconfig={credentials}")
    credentials.unlink()


def refused(tenant, *arguments, **given):
    with pytest.raises(KubectlError) as found:
        tenant(*arguments, **given)
    return str(found.value)


def test_a_tenants_token_makes_an_endpoint_and_no_recipe(space, tenant):
    who = f"system:serviceaccount:{space.namespace}:somebody"
    tenant("create", "--filename=-", input=json.dumps(endpoint("mine", modelId=LARGE)))
    tenant("wait", "--for=condition=Ready", "--timeout=60s", "aimendpoint/mine")
    tenant("scale", "aimendpoint/mine", "--replicas=2")
    space.ready("mine")
    assert "mine" in tenant("get", "pods", "--output=name")
    assert LARGE in tenant("get", "aimrecipes", "--output=jsonpath={.items[*].spec.modelId}")

    said = refused(tenant, "create", "--filename=-", input=json.dumps(recipe("theirs", modelId=LARGE)))
    assert f'aimrecipes.aim.engine.amd.com is forbidden: User "{who}" cannot create resource "aimrecipes"' in said
    assert "at the cluster scope" in said
    status = ("--subresource=status", "--type=merge", '--patch={"status": {"phase": "Ready"}}')
    said = refused(tenant, "patch", "aimendpoint/mine", *status)
    assert re.search(r'forbidden: User .* cannot (get|patch) resource "aimendpoints/status"', said)  # it is read first
    elsewhere = ("--namespace=default", "create", "--filename=-")
    said = refused(tenant, *elsewhere, input=json.dumps(endpoint("yours", modelId=LARGE)))
    assert f'User "{who}" cannot create resource "aimendpoints"' in said
    assert 'in the namespace "default"' in said
    assert 'cannot list resource "secrets"' in refused(tenant, "get", "secrets")

    tenant("delete", "aimendpoint", "mine")


def test_metacontroller_cannot_grant_what_it_may_not_do_itself(space):
    token = space.kubectl("create", "token", "metacontroller", "--namespace=metacontroller").strip()
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "more"}}
    credentials = space.plane.credentials.kubeconfig("granting", space.plane.server, token)
    creating = (f"--kubeconfig={credentials}", "create", "--filename=-")
    said = refused(space.kubectl, *creating, input=json.dumps({**kind, "rules": [rule]}))
    credentials.unlink()
    assert "attempting to grant RBAC permissions not currently held" in said
    assert 'Resources:["secrets"]' in said
