"""The agent with a stand-in for Envoy's own page: the order of files, what is kept, pages, and the program."""

import asyncio
import json
import os
import re
import signal
import socket
import threading
from datetime import UTC, datetime

import pytest
import requests

from aimlib.gateway.render import ANY
from hooks.gateway_agent import envoy_files, program
from hooks.gateway_agent.__main__ import agent_arguments, main
from hooks.gateway_agent.envoy_admin import EnvoyAdmin, has_taken
from hooks.gateway_agent.metrics import agent_metrics
from hooks.gateway_agent.rounds import Places, Rounds
from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.kustomize import ROOT
from tests.loopback import Answering, Loopback

FALLBACK = {"host": "127.0.0.1", "port": 8081}
TARGET = {"name": "team-a/small/a", "host": "small.team-a.svc", "port": 8000, "fallback": FALLBACK}
MODELS = [{"name": "small", "targets": [TARGET]}]


class AdminPage(Answering):
    """Envoy's own page: counts go up by one with each request, as if every file were taken at once."""

    counts: dict[str, int] = {}  # noqa: RUF012 - of the test
    refused = False
    status = 200
    told: list[str] = []  # noqa: RUF012 - of the test

    def do_POST(self):
        type(self).told.append(self.path)
        self.reply(200, b"OK\n", "text/plain")

    def do_GET(self):
        kind = type(self)
        active = "http.gateway.downstream_rq_active"
        if "/healthcheck/fail" in kind.told:
            kind.counts[active] -= 1
        if self.path.startswith("/stats?"):
            for name in ("cluster_manager.cds", "http.gateway.rds.models", "listener_manager.lds"):
                count = f"{name}.update_{'rejected' if kind.refused else 'success'}"
                kind.counts[count] = kind.counts.get(count, 0) + 1
            stats = [{"name": name, "value": value} for name, value in kind.counts.items()]
            self.reply_json(200, {"stats": [*stats, {"histograms": {}}]})
        elif self.path == "/stats/prometheus?usedonly":
            self.reply(200, b"envoy_server_live 1\n", "text/plain")
        else:
            self.reply(kind.status, b"LIVE\n", "text/plain")


@pytest.fixture
def signals():
    """What a signal does to the tests themselves is as before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def page():
    """A stand-in for Envoy's own page, and its port."""
    kind = type("OwnPage", (AdminPage,), {"counts": {}, "told": []})
    with Loopback(kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kind.port = server.server_address[1]
        yield kind
        server.shutdown()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def places(tmp_path):
    """The folders of a pod, with a table of one model and one client, and nobody at Envoy's port."""
    for name in ("table", "clients", "tls", "run"):
        (tmp_path / name).mkdir()
    write_table(tmp_path, models=MODELS)
    (tmp_path / "clients" / "red").write_text("key-of-red")
    folders = [tmp_path / name for name in ("table", "clients", "tls", "run")]
    return Places(*folders, 8080, free_port(), "127.0.0.1")


def write_table(folder, **table):
    (folder / "table" / "table.json").write_text(json.dumps(table))


def rounds_of(places, port=None):
    return Rounds(places, EnvoyAdmin(port or places.admin_port))


def metric(line):
    [found] = [one for one in agent_metrics().decode().splitlines() if one.startswith(f"{line} ")]
    return float(found.rpartition(" ")[2])


def test_all_files_are_there_after_a_round_and_only_the_routes_have_keys(places):
    rounds = rounds_of(places)
    assert not rounds.complete
    rounds.run()
    assert rounds.complete
    files = {one.name: one.read_text() for one in places.files.iterdir()}
    assert files.keys() == {"bootstrap.json", "cds.json", "rds.json", "sds.json", "lds.json"}
    assert [name for name, text in files.items() if "key-of-red" in text] == ["rds.json"]
    assert {one.stat().st_mode & 0o777 for one in places.files.iterdir()} <= {0o640}
    assert metric("aim_gateway_models") == 1
    assert metric("aim_gateway_clients") == 1


def test_a_round_that_changes_nothing_writes_nothing(places):
    rounds = rounds_of(places)
    rounds.run()
    before = {one.name: one.stat().st_mtime_ns for one in places.files.iterdir()}
    rounds.run()
    assert {one.name: one.stat().st_mtime_ns for one in places.files.iterdir()} == before


def test_a_process_that_never_saw_the_keys_leaves_the_files_that_have_them(places):
    rounds_of(places).run()
    (places.clients / "red").unlink()
    write_table(places.table.parent, models=[])
    rounds = rounds_of(places)
    rounds.run()
    assert "key-of-red" in (places.files / "rds.json").read_text()
    assert rounds.complete


def test_without_a_secret_envoy_starts_and_refuses_everybody(places):
    (places.clients / "red").unlink()
    rounds = rounds_of(places)
    rounds.run()
    assert rounds.complete
    assert "typed_per_filter_config" not in (places.files / "rds.json").read_text()
    assert metric('aim_gateway_input_usable{input="clients"}') == 0


def test_without_keys_in_the_table_the_secret_is_not_needed(places):
    (places.clients / "red").unlink()
    write_table(places.table.parent, anonymous=True)
    rounds_of(places).run()
    assert metric('aim_gateway_input_usable{input="clients"}') == 1


def test_nothing_is_served_in_the_clear_while_the_certificate_is_missing(places):
    write_table(places.table.parent, tls=True)
    rounds = rounds_of(places)
    rounds.run()
    assert not rounds.complete
    assert metric('aim_gateway_input_usable{input="tls"}') == 0
    now = datetime.now(UTC)
    pair = issue_server(issue_ca(now), frozenset(["gateway"]), now)
    (places.tls / "tls.crt").write_text(pair.certificate.text)
    (places.tls / "tls.key").write_text(pair.key)
    rounds.run()
    assert rounds.complete


def test_keys_of_two_clients_are_told_by_the_names_of_the_clients(places, lines):
    (places.clients / "blue").write_text("key-of-red")
    rounds_of(places).run()
    assert metric("aim_gateway_shared_keys") == 1
    assert lines()[-1]["clients"] == ["blue", "red"]
    assert "key-of-red" not in json.dumps(lines())


def test_each_file_waits_for_the_one_before_it(places, page):
    rounds_of(places, page.port).run()
    assert metric("aim_gateway_files_taken") == 1
    assert page.counts["cluster_manager.cds.update_success"] >= 6  # before and after each of three


def test_a_file_that_envoy_refuses_is_told(places, page, lines):
    page.refused = True
    rounds_of(places, page.port).run()
    assert metric("aim_gateway_files_taken") == 0
    assert "Envoy has refused a file, and serves by the former one" in [one["message"] for one in lines()]


def test_a_round_that_fails_leaves_the_files_and_is_tried_again(places, page, lines):
    rounds = rounds_of(places, page.port)
    rounds.run()
    files = {one.name: one.read_text() for one in places.files.iterdir()}
    blocked = places.files / ".rds.json"
    blocked.mkdir()
    (places.clients / "red").write_text("another-key")
    for _ in range(2):
        rounds.run()
    assert metric("aim_gateway_files_taken") == 0
    assert rounds.complete
    assert files["rds.json"] == (places.files / "rds.json").read_text()
    [told] = [one for one in lines() if one["message"] == "a round failed, and Envoy serves by its files"]
    assert told["error"].startswith("IsADirectoryError in envoy_files.py, line ")
    assert "another-key" not in json.dumps(lines())
    blocked.rmdir()
    rounds.run()
    assert metric("aim_gateway_files_taken") == 1
    assert "another-key" in (places.files / "rds.json").read_text()


@pytest.mark.parametrize(
    ("now", "taken"),
    [
        ({}, None),
        ({"cluster_manager.cds.update_success": 2}, True),
        ({"cluster_manager.cds.update_success": 2, "cluster_manager.warming_clusters": 1}, None),
        ({"cluster_manager.cds.update_rejected": 1}, False),
        ({"http.gateway.rds.models.update_success": 9}, None),
    ],
)
def test_a_file_is_taken_once_its_clusters_are_warm(now, taken):
    assert has_taken("cds.json", {"cluster_manager.cds.update_success": 1}, now) is taken


def test_an_envoy_that_takes_too_long_or_goes_away_is_not_waited_for(places, page, monkeypatch):
    monkeypatch.setattr(envoy_files, "TAKE_SECONDS", 0.2)
    admin = EnvoyAdmin(page.port)
    monkeypatch.setattr(admin, "counts", dict)
    files = envoy_files.EnvoyFiles(places.files, admin)
    new = dict.fromkeys(("cds.json", "rds.json", "sds.json", "lds.json"), '{"resources": []}')
    assert files.replace(new)
    answers = iter([{}, None])
    monkeypatch.setattr(admin, "counts", lambda: next(answers))
    assert files.replace({**new, "lds.json": "{}"})


def test_an_admin_page_that_is_none_is_no_answer():
    class Odd(Answering):
        def do_GET(self):
            self.reply(200, b"no json")

    with Loopback(Odd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert EnvoyAdmin(server.server_address[1]).counts() is None
        server.shutdown()


def test_once_tells_whether_envoy_can_be_started(places, lines):
    options = [f"--{name}={getattr(places, name)}" for name in ("table", "clients", "tls", "files")]
    options += [f"--admin-port={places.admin_port}", "--once"]
    assert main(options) == 0
    for file in [*places.files.iterdir(), places.table / "table.json"]:
        file.unlink()
    assert main(options) == 1
    *_, why, last = lines()
    assert "there is no table" in why["why"]
    assert last["message"] == "Envoy cannot be started without its files"


def test_the_options_are_where_a_pod_has_everything():
    found = vars(agent_arguments([]))
    assert {name: str(value) for name, value in found.items()} == {
        "table": "/etc/gateway/table", "clients": "/etc/gateway/clients", "tls": "/etc/gateway/tls",
        "files": "/run/envoy", "port": "8080", "hold_port": "8081", "metrics_port": "9090", "admin_port": "9901",
        "address": ANY, "once": "False", "drain_seconds": "590.0",
    }  # fmt: skip


@pytest.mark.usefixtures("signals")
def test_the_program_has_pages_until_it_is_ended(places, page, monkeypatch):
    monkeypatch.setattr(program, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(program, "LEAST_DRAIN_SECONDS", 0.02)
    monkeypatch.setattr(program, "DRAIN_POLL_SECONDS", 0.01)
    page.counts |= {"http.gateway.downstream_rq_active": 3, "cluster.team-a/small/a.upstream_rq_active": 7}
    port, found = free_port(), {}

    def ask():
        base = f"http://127.0.0.1:{port}"
        try:
            while "metrics" not in found:
                try:
                    found["ready"] = requests.get(f"{base}/ready", timeout=5).status_code
                except requests.ConnectionError:
                    continue
                if found["ready"] == 200:
                    found["metrics"] = requests.get(f"{base}/metrics", timeout=5).text
            found["demand"] = requests.get(f"{base}/demand/team-a/small?of=it", timeout=5).text
            found["healthz"] = requests.get(f"{base}/healthz", timeout=5).status_code
            found["other"] = requests.get(f"{base}/other", timeout=5).status_code
            page.status = 503
            found["drained"] = requests.get(f"{base}/ready", timeout=5).status_code
            with socket.create_connection(("127.0.0.1", port)) as odd:
                odd.sendall(b"odd\r\n\r\n")
                found["odd"] = odd.recv(100)
            with socket.create_connection(("127.0.0.1", port)) as long:
                long.sendall(b"GET /" + b"a" * 200_000 + b"\r\n\r\n")
        except OSError:
            pass
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    folders = [f"--{name}={getattr(places, name)}" for name in ("table", "clients", "tls", "files")]
    assert (
        main(
            [
                *folders,
                f"--admin-port={page.port}",
                f"--metrics-port={port}",
                "--address=127.0.0.1",
                "--drain-seconds=2",
            ]
        )
        == 0
    )
    asking.join()
    assert page.told == ["/healthcheck/ok", "/healthcheck/fail"]
    assert page.counts["http.gateway.downstream_rq_active"] == 0
    metrics = found.pop("metrics")
    assert json.loads(found.pop("demand")) == {"demand": 7}
    assert found == {"ready": 200, "healthz": 200, "other": 404, "drained": 503, "odd": b""}
    assert "aim_gateway_models 1.0" in metrics
    assert 'aim_gateway_held_requests{target="team-a/small/a"} 0.0' in metrics
    assert "envoy_server_live 1" in metrics


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_it_drains_no_longer_than_it_may(places, monkeypatch, seconds):
    monkeypatch.setattr(program, "DRAIN_POLL_SECONDS", 0.01)
    admin = EnvoyAdmin(places.admin_port)
    told = []
    monkeypatch.setattr(admin, "take_requests", lambda **given: told.append(given))
    clock = iter([0.0, 0.01, 0.02, 0.06])
    asyncio.run(program.Program(Rounds(places, admin), admin, seconds)._drain(lambda: next(clock)))
    assert told == ([{"takes": False}] if seconds else [])


def test_the_page_of_metrics_lists_those_of_the_agent():
    text = (ROOT / "docs" / "operate" / "gateway-metrics.md").read_text()
    listed = dict(re.findall(r"^\| `(aim_gateway_\w+)` \| (\w+) \|", text, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (aim_\w+) (\w+)$", agent_metrics().decode(), re.MULTILINE))
    made = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert listed == {**made, "aim_gateway_held_requests": "gauge", "aim_gateway_first_token_seconds": "histogram"}


def test_without_envoy_the_metrics_are_the_agents_alone(places):
    admin = EnvoyAdmin(places.admin_port)
    assert (admin.metrics(), admin.is_ready(), admin.counts()) == (b"", False, None)
