"""`aim cache check`: what a branch or an alias names now, printed and reported; nothing is downloaded."""

import json

import pytest

from aimlib.caching.job_reports import model_key, newest_key, read_reports
from hooks.jobs.volume import cluster, newest
from hooks.jobs.volume.request import DownloadRequest
from hooks.kube_client import ApiServerError
from tests.hooks.cli.commandline import aim
from tests.hooks.jobs.volume.artifacts import Registry
from tests.hooks.jobs.volume.here import MODEL, QUICK
from tests.hooks.jobs.volume.tracking import TrackingServer


@pytest.fixture
def reported(monkeypatch):
    """What the AIMCache is told."""
    data = {}

    class Cluster:
        reports = "models-state"

        def __init__(self, cache):
            self.cache = cache

        def report(self, more):
            if self.cache == "broken":
                raise ApiServerError("the API server returned 503")
            data.update(more)

    monkeypatch.setattr(cluster, "CacheClient", Cluster)
    monkeypatch.setattr(cluster, "ReportClient", Cluster)
    return data


def test_the_commit_of_a_branch_is_printed_and_reported(here, reported):
    done = aim("cache", "check", "--model", MODEL, "--cache", "models")
    assert (done.exit_code, done.stdout) == (0, f"{here.model.commit}\n")
    found = read_reports(reported).newest_of(MODEL, "main")
    assert found is not None
    assert (found.commit, found.resolved, found.message) == (here.model.commit, None, None)
    assert not here.root.exists()


def test_the_version_of_an_alias_is_printed(reported):
    server = TrackingServer()
    try:
        server.put({"config.json": b"{}"})
        server.register("4")
        words = ("--model", "acme/chat", "--source", "mlflow://chat@champion", "--endpoint", server.url)
        assert aim("cache", "check", *words).stdout == "4\n"
        done = aim("cache", "check", *words, "--cache", "broken")
    finally:
        server.stop()
    assert (done.exit_code, "cannot be reported to models-state" in done.stderr) == (75, True)
    assert not reported


@pytest.mark.usefixtures("here")
def test_what_cannot_be_found_is_reported_with_its_reason(reported):
    done = aim("cache", "check", "--model", MODEL, "--revision", "none", "--cache", "models")
    assert (done.exit_code, done.stdout) == (41, "")
    found = read_reports(reported, [model_key(MODEL, "none")]).newest_of(MODEL, "none")
    assert found is not None
    assert (found.commit, "has no revision none" in str(found.message)) == (None, True)
    done = aim("cache", "check", "--model", MODEL, "--revision", "none", "--cache", "broken")
    assert done.exit_code == 41


def test_a_check_that_is_stopped_reports_nothing(reported, monkeypatch):
    def stopped(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(newest, "open_reader", stopped)
    assert newest.run_check(DownloadRequest(root=None, model=MODEL), None, QUICK) == 76
    assert not reported


def test_a_model_whose_name_begins_as_those_keys_do_is_a_model():
    text = json.dumps({"id": "newest.x/chat", "state": "Ready"})
    found = read_reports({model_key("newest.x/chat", "main"): text})
    assert (found.of("newest.x/chat", "main") is not None, found.unreadable) == (True, ())


def test_another_models_report_of_the_same_key_is_none():
    text = json.dumps({"id": "acme/other", "checkedAt": "2026-11-22T03:00:00Z"})
    found = read_reports({newest_key(model_key("acme/chat", "main")): text, "_newest.x": "[]"})
    assert found.newest_of("acme/chat", "main") is None
    assert found.unreadable == ("_newest.x",)


@pytest.mark.parametrize("kind", ["archive", "index"])
def test_the_digest_of_what_is_mounted_needs_no_files(reported, kind):
    server = Registry()
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": f"sha256:{'a' * 64}", "size": 5}
    text = json.dumps({"layers": [layer]} if kind == "archive" else {"manifests": []}).encode()
    try:
        digest = server.push_text("v1", text)
        words = ("--model", "acme/chat", "--source", f"oci://{server.host}/models/chat:v1", "--endpoint", server.url)
        done = aim("cache", "check", *words, "--report", "chat-inspection")
    finally:
        server.stop()
    assert (done.exit_code, done.stdout) == (0, f"{digest}\n"), done.stderr
    assert read_reports(reported).newest_of("acme/chat", "main").resolved == digest
