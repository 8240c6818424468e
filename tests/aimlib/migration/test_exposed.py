"""What leads to a workload from outside, and bounds drains: what an endpoint has as much to state for, and the rest."""

import pytest

from aimlib.migration.beside import backends, with_neighbours
from aimlib.migration.draft import Answers
from aimlib.migration.exposed import ANOTHER_ROUTE, HOW_MANY_STAY, INGRESS
from aimlib.migration.fields import translate_object
from tests.aimlib.migration.test_migration import deployment

SERVICE = {"kind": "Service", "metadata": {"name": "x"}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}
EDGE = {"name": "edge"}
TO_X = {"backendRefs": [{"name": "x", "port": 80}]}
REWRITE = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}


def below(path, **match):
    return {"matches": [{"path": {"type": "PathPrefix", "value": path}, **match}]}


def translated(kind, spec):
    workload = deployment()
    workload["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
    other = {"kind": kind, "metadata": {"name": "other"}, "spec": spec}
    [found], rest = with_neighbours([other, workload, SERVICE])
    assert rest == []
    return translate_object("deployment", found, Answers(gpus=1, name="y"))


def route(rule, **more):
    found = translated("HTTPRoute", {"parentRefs": [EDGE], "rules": [TO_X | rule], **more})
    [part] = [one for one in found.parts if one.text == "HTTPRoute"]
    return found.objects[0]["spec"]["service"].get("route"), part


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, {}),
        (below("/"), {}),
        (below("/chat") | {"filters": [REWRITE]}, {"path": "/chat"}),
        ({"timeouts": {"request": "1h"}}, {"timeout": "1h"}),
    ],
)
def test_one_path_to_one_service_is_the_endpoints_own_route(rule, expected):
    found, part = route(rule)
    assert found == {"parentRefs": [EDGE], **expected}
    assert part.outcome == "kept"


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        (below("/chat"), {}),
        (below("/v1"), {}),
        (below("/", headers=[{"name": "a", "value": "b"}]), {}),
        ({"matches": [{"path": {"type": "Exact", "value": "/"}}]}, {}),
        ({"timeouts": {"backendRequest": "1h"}}, {}),
        ({"timeouts": {"request": "soon"}}, {}),
        ({"sessionPersistence": {}}, {}),
        ({"backendRefs": [{"name": "x", "port": 80}, {"name": "z", "port": 80}]}, {}),
        ({"backendRefs": [{"name": "x", "port": 80, "filters": [REWRITE]}]}, {}),
        ({}, {"parentRefs": [EDGE | {"port": 443}]}),
        ({}, {"parentRefs": []}),
    ],
)
def test_any_other_route_needs_somebody(rule, more):
    found, part = route(rule, **more)
    assert found is None
    assert part[1:] == ("needs you", ANOTHER_ROUTE)


@pytest.mark.parametrize(
    ("spec", "outcome", "why"),
    [
        ({"minAvailable": 2}, "kept", "availability.minReady"),
        ({"maxUnavailable": 1}, "changed", "all replicas but one stay, where there are several"),
        ({"minAvailable": "50%"}, "needs you", HOW_MANY_STAY),
        ({"minAvailable": 0}, "needs you", HOW_MANY_STAY),
        ({"maxUnavailable": 2}, "needs you", HOW_MANY_STAY),
    ],
)
def test_how_many_replicas_stay_is_a_number_of_them(spec, outcome, why):
    found = translated("PodDisruptionBudget", {"selector": {"matchLabels": {"app": "x"}}, **spec})
    [part] = [one for one in found.parts if one.text == "PodDisruptionBudget"]
    assert part[1:] == (outcome, why)
    assert found.objects[0]["spec"].get("availability") == ({"minReady": 2} if outcome == "kept" else None)


def test_the_hosts_of_an_ingress_are_told():
    paths = {"http": {"paths": [{"backend": {"service": {"name": "x"}}}]}}
    named = translated("Ingress", {"tls": [{}], "rules": [{"host": f"{at}.example.com", **paths} for at in range(9)]})
    [part] = [one for one in named.parts if one.text == "Ingress"]
    assert part.why.startswith(f"{INGRESS}, with hostnames 0.example.com, ")
    assert part.why.endswith(" 7.example.com; a listener of the Gateway has the certificate")
    [nameless] = [one for one in translated("Ingress", {"rules": [paths]}).parts if one.text == "Ingress"]
    assert nameless.why == INGRESS


def test_a_route_belongs_to_the_services_that_it_names():
    assert backends({"spec": {"defaultBackend": {"service": {"name": "x"}}}}) == {"x"}
    assert backends({"spec": {"rules": [{"backendRefs": [{"name": "x", "namespace": "else"}]}]}}) == set()
    assert backends({"spec": {"rules": "odd"}}) == set()
    stranger = {"kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"rules": [{"backendRefs": [{"name": "z"}]}]}}
    assert with_neighbours([deployment(), SERVICE, stranger])[1] == [SERVICE, stranger]


def test_a_third_service_is_none_of_the_endpoints():
    second = SERVICE | {"metadata": {"name": "z"}}
    workload = deployment()
    workload["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
    [found], _ = with_neighbours([workload, second, SERVICE])
    parts = translate_object("deployment", found, Answers(gpus=1, name="x")).parts
    lost = {part.text: part.outcome for part in parts if part.outcome == "needs you"}
    assert lost == {
        "Service z": "needs you",
        "Service.metadata.name": "needs you",
        "Deployment.metadata.name": "needs you",
    }
