"""The hook server as it is shipped: gunicorn with the project's settings, on loopback."""

import gc
import json
import runpy
import subprocess
import tempfile
from types import SimpleNamespace

import pytest

from hooks.server.roles import EVERYTHING
from tests.cluster.processes import free_ports
from tests.hooks.server.gunicorn import COMMAND, SETTINGS, call, environment, wait
from tests.kustomize import ROOT


def test_it_serves_counts_over_all_workers_and_stops_on_sigterm(tmp_path):
    [port] = free_ports(1)
    log, settings = tmp_path / "log", tmp_path / "config.yaml"
    settings.write_text("logLevel: debug\n")
    with log.open("w") as stream:
        env = environment(tmp_path, port, AIM_CONFIG=str(settings))
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=env, stderr=stream)
        try:
            wait(process, port)
            kind = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint"}
            parent = kind | {"metadata": {"name": "chat"}, "spec": {"modelId": "Qwen/Qwen3-32B"}}
            answers = {call(port, "POST", "/endpoint/customize", json.dumps({"parent": parent})) for _ in range(20)}
            status, text = call(port, "GET", "/metrics")
        finally:
            process.terminate()
            code = process.wait(timeout=40)
    [(answered, body)] = answers
    assert answered == status == 200
    assert len(json.loads(body)["relatedResources"]) == 6
    assert 'aim_hook_requests_total{code="200",hook="/endpoint/customize"} 20.0' in text
    assert code == 0
    calls = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["message"], line["name"]) for line in calls] == [("hook", "chat")] * 20


def test_wrong_settings_end_the_start_with_a_sentence(tmp_path):
    settings = tmp_path / "config.yaml"
    settings.write_text("cpuPerDevice: none\n")
    env = environment(tmp_path, free_ports(1)[0], AIM_CONFIG=str(settings))
    done = subprocess.run(COMMAND, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert f"{settings}: cpuPerDevice: must be a whole number, found 'none'" in done.stderr
    assert "Traceback" not in done.stderr


def test_idle_connections_outlive_those_of_the_client(settings):
    assert settings["keepalive"] > 90
    assert settings["workers"] * settings["threads"] > 2 * 20


def test_what_was_read_at_the_start_is_left_alone_by_the_garbage_collector(settings):
    usual = gc.get_threshold()
    try:
        worker = SimpleNamespace()
        settings["pre_fork"](None, worker)
        assert worker.role == EVERYTHING
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() > usual
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)


@pytest.mark.parametrize(("stated", "made"), [(True, 0), (False, 1)])
def test_a_folder_for_metrics_is_made_where_none_is_stated(monkeypatch, tmp_path, stated, made):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "stated")
    if not stated:
        monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    runpy.run_path(str(SETTINGS))
    assert len(list(tmp_path.glob("aim-metrics-*"))) == made


def test_the_gauges_of_a_dead_worker_go(settings, tmp_path):
    class Worker:
        pid = 4711

    gauge = tmp_path / "gauge_livesum_4711.db"
    gauge.touch()
    settings["child_exit"](None, Worker)
    assert not gauge.exists()


def test_metrics_of_several_processes_are_read_from_their_folder(client, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert client.get("/metrics").text == ""
