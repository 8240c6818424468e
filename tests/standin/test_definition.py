"""Controller objects: how the hooks see them, and which the stand-in refuses."""

import pytest

from tests.cluster.standin.definition import RefusedError, parse_definition
from tests.cluster.standin.objects import clone

HOOK = {"version": "v2", "webhook": {"url": "http://127.0.0.1:1/sync"}}


def composite(**spec):
    return {
        "apiVersion": "metacontroller.k8s.io/v1alpha1",
        "kind": "CompositeController",
        "metadata": {"name": "c"},
        "spec": {
            "parentResource": {"apiVersion": "exp/v1", "resource": "things"},
            "generateSelector": True,
            "hooks": {"sync": clone(HOOK)},
            **spec,
        },
    }


def sync(**hook):
    return composite(hooks={"sync": {**HOOK, **hook}})


def child(method=None):
    strategy = {"updateStrategy": {"method": method}} if method else {}
    return {"apiVersion": "v1", "resource": "services", **strategy}


@pytest.mark.parametrize("name", ["endpoint-sync-steady", "inventory-sync", "decorator-sync-node-steady"])
def test_a_recorded_controller_is_rendered_as_it_was(recording, name):
    controller = recording(name)["controller"]
    assert parse_definition(controller).rendered == controller


def test_rendering_spells_out_what_go_spells_out(recording):
    controller = recording("endpoint-sync-steady")["controller"]
    written = clone(controller)
    del written["status"]
    for hook in written["spec"]["hooks"].values():
        assert hook["webhook"]["timeout"] == "1m0s"
        hook["webhook"]["timeout"] = "60s"
    for resource in written["spec"]["childResources"]:
        del resource["updateStrategy"]["statusChecks"]
    before = clone(written)
    assert parse_definition(written).rendered == controller
    assert written == before


@pytest.mark.parametrize(
    ("controller", "message"),
    [
        (sync(version="v1"), "hooks.sync.version is v1: the stand-in speaks v2"),
        (sync(version=None), "hooks.sync.version is v1 by default"),
        (composite(hooks={"sync": HOOK, "customize": {**HOOK, "version": "v1"}}), "hooks.customize.version is v1"),
        (composite(hooks={"sync": HOOK, "finalize": HOOK}), "does not support finalize"),
        (composite(hooks=None), "no hooks defined"),
        (composite(hooks={"customize": HOOK}), "sync hook not defined"),
        (composite(childResources=[child("RollingInPlace")]), "update strategy RollingInPlace of services"),
        (composite(childResources=[child("RollingRecreate")]), "Rolling strategies wait forever"),
        (composite(childResources=[child("Inplace")]), "update strategy Inplace"),
        (sync(webhook={}), "must specify either full 'url'"),
        (sync(webhook={"service": {"name": "a"}, "path": "/"}), "must specify service 'name' and 'namespace'"),
        (sync(webhook={"url": "http://a", "timeout": "soon"}), "'soon' is no duration"),
        (sync(webhook={"url": "http://a", "etag": {"enabled": True}}), "does not support etag"),
        (
            sync(webhook={"url": "https://a", "caBundle": {"secretRef": {}}}),
            r"caBundle: the stand-in does not support secretRef",
        ),
        (sync(webhook={"url": "https://a", "caBundle": {}}), "hooks.sync.webhook.caBundle: inline is missing"),
        (sync(webhook={"url": "https://a", "caBundle": {"inline": "x"}}), "inline: no certificate in it can be read"),
        (composite(parentResource={"apiVersion": "v1"}), "parent resource: resource is missing"),
        (composite(endpointConfigs=[]), "does not support endpointConfigs"),
    ],
)
def test_refused(controller, message):
    with pytest.raises(RefusedError, match=message):
        parse_definition(controller)


def test_the_defaults():
    made = parse_definition(composite(childResources=[child()]))
    assert made.sync.timeout == 10
    assert made.children[0].method == "OnDelete"
    assert made.resync_seconds is None
    assert made.customize is None


@pytest.mark.parametrize(
    ("webhook", "url", "timeout"),
    [
        ({"url": "http://a/b?rev=1", "timeout": "1m"}, "http://a/b?rev=1", 60),
        ({"url": "http://a", "timeout": "0s"}, "http://a", 10),
        ({"service": {"name": "s", "namespace": "n"}, "path": "/p"}, "http://s.n:80/p", 10),
        (
            {"service": {"name": "s", "namespace": "n", "port": 8443, "protocol": "https"}, "path": "/p"},
            "https://s.n:8443/p",
            10,
        ),
    ],
)
def test_where_a_hook_is(webhook, url, timeout):
    address = parse_definition(sync(webhook=webhook)).sync
    assert (address.url, address.timeout) == (url, timeout)


def test_a_resync_period_is_at_least_a_second():
    assert parse_definition(composite(resyncPeriodSeconds=0)).resync_seconds == 1
    assert parse_definition(composite(resyncPeriodSeconds=300)).resync_seconds == 300
