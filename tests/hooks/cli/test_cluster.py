"""What the command line requests of a running cluster, and what it does where the API server refuses."""

import json
from types import SimpleNamespace

import pytest
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError, MaxRetryError

from hooks.cli import cluster as module
from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import CommandError
from tests.hooks.cli.api_server import Absent, api_server, kubeconfig


def of(**api):
    """A cluster with these calls of the client, of custom objects and of others alike."""
    cluster = LiveCluster.__new__(LiveCluster)
    cluster.api = cluster.core = SimpleNamespace(**api)
    cluster.namespace = "team"
    return cluster


def answering(status):
    def get(*_words, **_options):
        raise ApiException(status=status, reason="because")

    return of(get_cluster_custom_object=get, list_namespaced_pod=get)


def listing(calls, *items):
    def call(*words, **options):
        calls.append((words, options))
        return SimpleNamespace(data=json.dumps({"items": items}).encode())

    return call


@pytest.mark.parametrize("status", [403, 404])
def test_a_controller_that_the_user_may_not_read_is_unknown(status):
    assert answering(status).declared_children() is None


def test_another_error_is_reported():
    with pytest.raises(CommandError, match="500 because"):
        answering(500).declared_children()


def test_a_right_that_is_missing_is_reported():
    with pytest.raises(CommandError, match="403 because"):
        answering(403).pods("it")


def test_pods_are_those_of_the_endpoint_the_newest_first():
    calls = []
    items = [{"metadata": {"name": name, "creationTimestamp": name}} for name in ("1", "2")]
    assert [one["metadata"]["name"] for one in of(list_namespaced_pod=listing(calls, *items)).pods("it")] == ["2", "1"]
    [(words, options)] = calls
    assert words == ("team",)
    assert options["label_selector"] == "aim.engine.amd.com/endpoint in (it, it_b)"


def test_pods_are_found_by_their_labels():
    calls = []
    assert of(list_namespaced_pod=listing(calls, {"metadata": {}})).labelled_pods("a=b") == [{"metadata": {}}]
    assert calls == [(("team",), {"label_selector": "a=b", "_preload_content": False})]


def test_events_are_those_of_the_endpoint_the_oldest_first():
    calls = []
    items = [{"lastTimestamp": "2"}, {"eventTime": "1"}]
    assert of(list_namespaced_event=listing(calls, *items)).events("it") == [*reversed(items)]
    assert calls[0][1]["field_selector"] == "involvedObject.kind=AIMEndpoint,involvedObject.name=it"


def test_endpoints_are_created_patched_and_listed():
    calls = []

    def call(*words, **_options):
        calls.append(words[2:])
        return {"items": [1]}

    names = ("create_namespaced_custom_object", "patch_namespaced_custom_object", "list_namespaced_custom_object")
    cluster = of(**dict.fromkeys(names, call))
    cluster.create_endpoint({"a": 1})
    cluster.patch_endpoint("it", {"b": 2})
    assert cluster.endpoints() == [1]
    where = ("team", "aimendpoints")
    assert calls == [(*where, {"a": 1}), (*where, "it", {"b": 2}), where]


def test_a_log_is_read_as_text():
    found = of(read_namespaced_pod_log=lambda *_, **__: SimpleNamespace(data=b"a\xff"))
    assert found.log("it-1", 5, previous=True) == "a\ufffd"


def test_a_port_of_a_pod_is_a_connection(monkeypatch):
    asked = []

    def forward(call, *words, **options):
        asked.append((call, words, options))
        return SimpleNamespace(socket=lambda port: f"socket {port}")

    monkeypatch.setattr(module, "portforward", forward)
    connection = of(connect_get_namespaced_pod_portforward="call").open_port("it-1", 8000)
    assert connection.sock == "socket 8000"
    assert asked == [("call", ("it-1", "team"), {"ports": "8000"})]


def test_paths_are_read_and_changed_as_the_api_server_has_them(tmp_path):
    jobs = "/apis/batch/v1/namespaces/team/jobs"
    answers = {"GET /version": {"major": "1"}, f"POST {jobs}": {"metadata": {"name": "x"}}, f"DELETE {jobs}/x": {}}
    with api_server(tmp_path, answers) as (server, path):
        cluster = LiveCluster(None, str(path), None)
        assert cluster.namespace == "team"
        assert cluster.read("/version", {"query": "a b"}) == {"major": "1"}
        assert cluster.change("POST", jobs, {"kind": "Job"})["metadata"]["name"] == "x"
        assert cluster.change("DELETE", f"{jobs}/x?propagationPolicy=Background") == {}
        with pytest.raises(CommandError, match=r'^jobs\.batch is forbidden: User "ada" cannot list resource "jobs"'):
            cluster.read(jobs)
    assert [(method, path, body) for method, path, body in server.requests[:3]] == [
        ("GET", "/version?query=a%20b", None),
        ("POST", jobs, {"kind": "Job"}),
        ("DELETE", f"{jobs}/x?propagationPolicy=Background", None),
    ]


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path):
    cluster = LiveCluster(None, str(kubeconfig(tmp_path, "http://127.0.0.1:1")), None)
    with pytest.raises(CommandError) as refused:
        cluster.read("/version")
    assert str(refused.value) == (
        "the cluster cannot be reached at 127.0.0.1:1: Failed to establish a new connection: "
        "[Errno 111] Connection refused"
    )
    assert module._unreachable(HTTPError("because")) == "the cluster cannot be reached: because"
    assert "at its address: None" in module._unreachable(MaxRetryError(None, "/", None))


@pytest.fixture
def pod(monkeypatch, tmp_path):
    """A pod's account, and no kubeconfig."""
    (tmp_path / "namespace").write_text("pipelines\n")

    def load(client_configuration):
        client_configuration.host = "https://10.96.0.1"

    monkeypatch.setattr(module, "POD_ACCOUNT", tmp_path)
    monkeypatch.setattr(module.config, "load_incluster_config", load)
    monkeypatch.setattr(module.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    return tmp_path


@pytest.mark.usefixtures("pod")
def test_in_a_pod_without_a_kubeconfig_its_own_account_counts():
    found = LiveCluster(None, None, None)
    assert (found.namespace, found.core.api_client.configuration.host) == ("pipelines", "https://10.96.0.1")
    assert LiveCluster(None, None, "team").namespace == "team"


ENDPOINTS = "/apis/aim.engine.amd.com/v1alpha1/namespaces/team/aimendpoints"


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        (["qwen", "llama"], "did you mean qwen?"),
        (["something-else"], "`aim status` lists those that it has"),
        ([], "it has none, and `aim run MODEL` makes one"),
    ],
)
def test_an_endpoint_that_is_not_there_is_told_with_what_may_have_been_meant(tmp_path, there, hint):
    listed = {"items": [{"metadata": {"name": name}} for name in there]}
    answers = {f"GET {ENDPOINTS}": listed, f"GET {ENDPOINTS}/qwem": Absent('aimendpoints "qwem" not found')}
    with api_server(tmp_path, answers) as (_, path), pytest.raises(CommandError) as refused:
        LiveCluster(None, str(path), None).endpoint("qwem")
    assert str(refused.value) == f"namespace team has no AIMEndpoint qwem; {hint}"
    assert refused.value.exit_code == 1


def test_who_may_not_list_endpoints_gets_what_the_api_server_tells(tmp_path):
    answers = {f"GET {ENDPOINTS}/x": Absent('aimendpoints "x" not found')}
    with api_server(tmp_path, answers) as (_, path), pytest.raises(CommandError, match='aimendpoints "x" not found'):
        LiveCluster(None, str(path), None).endpoint("x")


def test_a_cluster_without_the_operator_is_told_so(tmp_path):
    with api_server(tmp_path, {f"GET {ENDPOINTS}/x": Absent("")}) as (_, path), pytest.raises(CommandError) as refused:
        LiveCluster(None, str(path), None).endpoint("x")
    assert str(refused.value) == module.UNKNOWN_KIND


def test_a_context_that_a_kubeconfig_does_not_have_is_told_with_those_that_it_has(tmp_path):
    path = str(kubeconfig(tmp_path, "http://127.0.0.1:1"))
    assert LiveCluster("here", path, None).namespace == "team"
    with pytest.raises(CommandError, match=r"--context hree: the kubeconfig has no such context; did you mean here\?"):
        LiveCluster("hree", path, None)
    with pytest.raises(CommandError, match="the kubeconfig has no such context; it has here"):
        LiveCluster("production", path, None)


@pytest.mark.usefixtures("pod")
def test_a_context_is_never_that_of_the_pod():
    with pytest.raises(CommandError, match="no cluster is configured"):
        LiveCluster("some", None, None)


def test_outside_of_a_pod_there_is_no_such_account(pod):
    (pod / "namespace").unlink()
    with pytest.raises(CommandError, match="no cluster is configured"):
        LiveCluster(None, None, None)


def test_objects_of_a_kind_are_listed_in_all_namespaces_and_one_is_read(tmp_path):
    base = "/apis/aim.engine.amd.com/v1alpha1"
    one = {"metadata": {"name": "it", "namespace": "team"}}
    answers = {
        f"GET {base}/aimendpoints": {"items": [one]},
        f"GET {base}/namespaces/team/aimendpoints/it": one,
        f"GET {base}/namespaces/team/aimcaches": {"items": []},
        f"GET {base}/namespaces/team/aimgateways": {"items": [one]},
    }
    with api_server(tmp_path, answers) as (_, path):
        cluster = LiveCluster(None, str(path), None)
        assert cluster.all("aimendpoints") == [one]
        assert cluster.endpoint("it") == one
        assert cluster.caches("team") == []
        assert cluster.gateways("team") == [one]
