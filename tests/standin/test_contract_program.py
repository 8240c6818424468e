"""The program as a whole: controllers that cannot run, a kind that comes late, an answer that kills."""

import pytest
import urllib3

from .stage import REAL, config_map, eventually

pytestmark = pytest.mark.e2e
only_here = pytest.mark.skipif(bool(REAL), reason="the real program does this differently, and may")

LATECOMERS = {
    "metadata": {"name": "latecomers.contract.example.com"},
    "spec": {
        "group": "contract.example.com",
        "scope": "Namespaced",
        "names": {"kind": "Latecomer", "plural": "latecomers", "singular": "latecomer"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def one_map(request):
    return {"children": [config_map(request["parent"]["metadata"]["name"])]}


def test_starting_is_an_event(stage):
    stage.composite(one_map, {"configmaps": "InPlace"})
    eventually(lambda: any(event["reason"] == "Started" for event in stage.events(stage.name, "default")), "the start")


def test_a_child_kind_that_is_not_served_stops_the_controller_until_it_is(stage):
    stage.composite(one_map, {"configmaps": "InPlace", "latecomers": "InPlace"})
    stage.widget()
    stage.warning(stage.name, "CreateError", "latecomers", "default")
    assert stage.syncs() == []
    stage.api.create(CRDS, LATECOMERS)
    try:
        eventually(lambda: stage.get("configmaps", "w"), "recovery", 60)
        assert stage.syncs()[0]["children"]["Latecomer.contract.example.com/v1"] == {}
    finally:
        stage.delete(stage.path("compositecontrollers", stage.name))
        stage.settle()
        stage.delete(f"{CRDS}/latecomers.contract.example.com")


def test_a_parent_kind_without_a_status_subresource_is_ignored_with_an_event(stage):
    stage.composite(one_map, parentResource={"apiVersion": "contract.example.com/v1", "resource": "facts"})
    stage.fact(stage.name)
    stage.warning(stage.name, "SyncError", "ubresource", "default")
    assert stage.syncs() == []


def test_a_null_child_kills_the_program_and_again_at_each_restart(stage):
    made = stage.composite(lambda _: {"children": [None]}, {"configmaps": "InPlace"})
    stage.widget()
    for _ in range(2):
        program = stage.theatre.program
        assert program.popen.wait(20) == 2
        assert "panic" in program.tail(80)
        stage.theatre.play()
    stage.delete(stage.path("compositecontrollers", made["metadata"]["name"]))


def test_health_is_answered_once_it_runs(stage):
    for page in ("/healthz", "/readyz"):
        eventually(lambda page=page: _status(stage.theatre.pages + page) == 200, page)


@only_here
def test_it_logs_that_it_is_for_tests_only(stage):
    assert "stand-in for Metacontroller, for development and tests only" in stage.theatre.program.log.read_text()


@only_here
def test_hook_calls_and_writes_are_counted(stage):
    stage.composite(one_map, {"configmaps": "InPlace"})
    stage.widget()
    stage.settle()
    page = urllib3.request("GET", f"{stage.theatre.pages}/metrics").data.decode()
    assert f'hook_requests_total{{code="200",controller="{stage.name}",hook="sync"}}' in page
    assert 'writes_total{verb="create"}' in page


@only_here
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": "v1"}, "speaks v2"),
        ({"version": None}, "v1 by default"),
    ],
)
def test_version_1_of_the_contract_is_refused(stage, change, words):
    hook = {key: value for key, value in {**stage.hook("sync", one_map), **change}.items() if value}
    stage.composite(None, hooks={"sync": hook})
    stage.warning(stage.name, "CreateError", words, "default")


@only_here
def test_what_it_lacks_is_refused_by_name(stage):
    stage.composite(one_map, {"configmaps": "RollingInPlace"})
    stage.warning(stage.name, "CreateError", "Rolling", "default")
    finalize = {"sync": stage.hook("sync", one_map), "finalize": stage.hook("finalize", one_map)}
    stage.change("compositecontrollers", stage.name, {"spec": {"childResources": [], "hooks": finalize}})
    stage.warning(stage.name, "CreateError", "finalize", "default")
    stage.widget()
    stage.change("compositecontrollers", stage.name, {"spec": {"hooks": {"finalize": None}}})
    eventually(stage.syncs, "a sync once nothing is refused any more")


@only_here
def test_connections_to_the_hooks_are_reused(stage):
    stage.composite(lambda _: {}, resyncPeriodSeconds=1)
    for name in ("a", "b", "c"):
        stage.widget(name)
    eventually(lambda: len(stage.syncs()) > 12, "resyncs")
    before = stage.hooks.connections
    eventually(lambda: len(stage.syncs()) > 24, "more resyncs")
    assert stage.hooks.connections - before <= 3


def _status(url):
    try:
        return urllib3.request("GET", url, retries=False).status
    except urllib3.exceptions.HTTPError:
        return None
