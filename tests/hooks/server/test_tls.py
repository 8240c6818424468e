"""The hook server over TLS: which certificate it shows, and that it takes up a new one while it runs."""

import json
import re
import runpy
import ssl
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from hooks.jobs.certificates.rotation import SERVER_LIFETIME
from hooks.server.tls import server_contexts
from tests.cluster import mounts
from tests.cluster.processes import free_ports, running
from tests.kustomize import ROOT

NOW = datetime.now(UTC)
FIRST, SECOND = issue_ca(NOW), issue_ca(NOW)


def files(ca):
    made = issue_server(ca, frozenset({"127.0.0.1"}), NOW)
    return {"tls.crt": made.certificate.text.encode(), "tls.key": made.key.encode()}


@contextmanager
def serving(folder, tls):
    """The hook server with the shipped settings; its two ports."""
    ports = free_ports(2)
    (folder / "metrics").mkdir()
    command = (
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        ROOT / "hooks" / "server" / "gunicorn_conf.py",
        "hooks.server.app:create_app()",
    )
    environment = {
        "PYTHONPATH": str(ROOT),
        "AIM_BIND": ",".join(f"127.0.0.1:{port}" for port in ports),
        "AIM_TLS": str(tls),
        "AIM_ADMISSION_PORT": str(ports[1]),
        "AIM_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    with running("tls", command, folder, **environment) as process:
        process.wait_until(lambda: get(ports[0], FIRST) == 200, 60)
        yield process, ports


def get(port, ca, path="/healthz", **limits):
    """The status, or why the server is not trusted."""
    context = ssl.create_default_context(cadata=ca.certificate.text)
    for name, value in limits.items():
        setattr(context, name, value)
    try:
        with urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", timeout=10, context=context) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return str(error.reason)


def test_a_new_certificate_is_served_at_once_and_stays_when_the_next_is_broken(tmp_path):
    mounts.write(tmp_path / "tls", files(FIRST))
    with serving(tmp_path, tmp_path / "tls") as (process, (port, admission)):
        assert "unable to get local issuer" in get(port, SECOND)
        assert (get(port, FIRST, "/metrics"), get(admission, FIRST, "/metrics")) == (200, 404)
        assert get(port, FIRST, maximum_version=ssl.TLSVersion.TLSv1_2) == 200
        mounts.write(tmp_path / "tls", files(SECOND))
        assert get(port, SECOND) == 200
        assert "unable to get local issuer" in get(port, FIRST)
        mounts.write(tmp_path / "tls", {**files(FIRST), "tls.key": files(FIRST)["tls.key"]})
        assert get(port, SECOND) == 200
        log = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
        assert [line["message"] for line in log] == ["files cannot be loaded; the former ones stay in use"]


def test_a_certificate_without_its_key_is_no_beginning(tmp_path):
    mounts.write(tmp_path, {**files(FIRST), "tls.key": files(SECOND)["tls.key"]})
    with pytest.raises(ssl.SSLError):
        server_contexts(tmp_path)()


@pytest.fixture
def secured(monkeypatch, tmp_path):
    mounts.write(tmp_path / "tls", files(FIRST))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("AIM_TLS", str(tmp_path / "tls"))
    return runpy.run_path(str(ROOT / "hooks" / "server" / "gunicorn_conf.py"))


def test_gunicorn_gets_the_certificate_for_every_connection(secured, tmp_path):
    assert {secured["certfile"], secured["keyfile"]} == {str(tmp_path / "tls" / f"tls.{end}") for end in ("crt", "key")}
    first = secured["ssl_context"](None, None)
    mounts.write(tmp_path / "tls", files(SECOND))
    assert secured["ssl_context"](None, None) is not first


def test_without_a_certificate_it_serves_as_configured(monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.delenv("AIM_TLS", raising=False)
    settings = runpy.run_path(str(ROOT / "hooks" / "server" / "gunicorn_conf.py"))
    assert "certfile" not in settings
    assert settings["bind"] == ["0.0.0.0:8443", "0.0.0.0:9443"]


def test_when_the_certificate_expires_that_is_shown_can_be_watched(tmp_path, client):
    mounts.write(tmp_path, files(FIRST))
    server_contexts(tmp_path)()
    [expires] = re.findall(
        r"^aim_tls_certificate_expiry_timestamp_seconds (\S+)$", client.get("/metrics").text, re.MULTILINE
    )
    assert float(expires) == (NOW + SERVER_LIFETIME).replace(microsecond=0).timestamp()


def test_the_same_files_are_read_once(tmp_path):
    mounts.write(tmp_path, files(FIRST))
    context = server_contexts(tmp_path)
    assert context() is context()
    assert context().minimum_version == ssl.TLSVersion.TLSv1_2
