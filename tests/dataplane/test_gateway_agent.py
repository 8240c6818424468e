"""The agent's program beside a real Envoy, with files that are mounted as a kubelet does it."""

import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime

import pytest
import requests

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.dataplane import commands, gateway, gateway_pod
from tests.dataplane.gateway import PORT
from tests.dataplane.test_gateway import error

KEYS = {"team-red": "key-of-red\n", "team-blue": "key-of-blue\n"}
ADDRESS = "10.244.127.2"
"""Of the pod with a certificate."""
MODEL, OTHER = "small", "large"
SECONDS = 30


@pytest.fixture(scope="module")
def engines(names, tmp_path_factory):
    """Two models of one replica each."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as made:
        made.add("small-pods", MODEL, 1)
        made.add("large-pods", OTHER, 1)
        yield made


def usual(engines, *models, **more):
    """The table of these models."""
    served = [{"name": name, "targets": [engines.target(f"{name}-pods")]} for name in models or (MODEL,)]
    return {"models": served, **more}


@pytest.fixture(scope="module")
def pod(engines, tmp_path_factory):
    """A pod with the keys of two clients."""
    with gateway_pod.pod(tmp_path_factory.mktemp("pod"), usual(engines), KEYS) as made:
        made.process.wait_until(lambda: made.chat(MODEL).status_code == 200, SECONDS)
        yield made


@pytest.fixture
def restored(pod, engines):
    """The pod; afterwards everything is as it was."""
    yield pod
    pod.mount_table(usual(engines))
    pod.mount_keys(KEYS)
    pod.process.wait_until(lambda: pod.chat(MODEL).status_code == 200, SECONDS)


def test_a_key_is_given_rotated_and_withdrawn_and_no_stream_ends(restored, engines):
    [engine] = engines.names.own[engines.host("small-pods")]
    commands.command(engine, token_seconds=0.3, tokens=30)
    with requests.Session() as alive:
        sends = {"Authorization": "Bearer key-of-blue"}
        # A connection that stays open is no way around.
        listed = lambda: alive.get(f"{restored.url}/v1/models", headers=sends, timeout=10).status_code  # noqa: E731
        assert listed() == 200
        body = {"model": MODEL, "messages": [], "stream": True}
        with restored.post("/v1/chat/completions", body, stream=True) as stream:
            restored.mount_keys({"team-red": "next-key-of-red", "team-green": "key-of-green"})
            for key in ("next-key-of-red", "key-of-green"):
                restored.process.wait_until(lambda key=key: models(restored, key) == 200, SECONDS)
            assert [models(restored, key) for key in ("key-of-red", "key-of-blue")] == [401, 401]
            assert listed() == 401
            text = b"".join(stream.iter_content(None))
    commands.command(engine, token_seconds=0, tokens=19)
    assert text.count(b"data: ") == 32  # the opening, thirty tokens and the end
    assert text.endswith(b"data: [DONE]\n\n")


def models(pod, key):
    return requests.get(f"{pod.url}/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=10).status_code


def test_a_model_comes_and_goes_and_requests_for_another_never_fail(restored, engines):
    for wanted in ((MODEL, OTHER), (MODEL,)) * 2:
        restored.mount_table(usual(engines, *wanted))
        status = 200 if OTHER in wanted else 404
        found = []

        def arrived(status=status, found=found):
            found += [restored.chat(MODEL).status_code]
            other = restored.chat(OTHER).status_code
            # Never another error: a route leads to a cluster that is there.
            assert other in {200, 404}
            return other == status

        restored.process.wait_until(arrived, SECONDS)
        assert {*found} == {200}


def test_a_table_that_is_broken_or_gone_leaves_the_last_good_one(restored, engines):
    unusable = 'aim_gateway_input_usable{input="table"}'
    (restored.logs / "table" / "..data" / "table.json").write_text("{broken")
    restored.process.wait_until(lambda: restored.metric(unusable) == 0, SECONDS)
    assert restored.chat(MODEL).status_code == 200
    (restored.logs / "table" / "..data" / "table.json").unlink()
    restored.stop_agent(0)
    restored.start_agent()
    assert restored.chat(MODEL).status_code == 200
    assert "table.json does not exist" in restored.agent.tail()
    restored.mount_table(usual(engines))
    restored.process.wait_until(lambda: restored.metric(unusable) == 1, SECONDS)


def test_a_secret_that_vanishes_leaves_the_last_good_keys_and_an_empty_client_has_none(restored):
    unusable = 'aim_gateway_input_usable{input="clients"}'
    restored.mount_keys({})
    restored.process.wait_until(lambda: restored.metric(unusable) == 0, SECONDS)
    assert restored.chat(MODEL).status_code == 200
    restored.mount_keys({"team-red": ""})
    restored.process.wait_until(lambda: restored.chat(MODEL).status_code == 401, SECONDS)
    assert restored.metric(unusable) == 1


def test_a_key_that_two_clients_have_is_nobodys_and_counted(restored):
    restored.mount_keys({"team-red": "key-of-red\nboth\n", "team-blue": "both"})
    restored.process.wait_until(lambda: restored.metric("aim_gateway_shared_keys") == 1, SECONDS)
    assert error(restored.chat(MODEL, key="both"), 401, "invalid_api_key")
    assert restored.chat(MODEL).status_code == 200
    assert "both" not in restored.page("/metrics") + restored.agent.log.read_text()


def test_traffic_goes_on_without_the_agent(restored):
    restored.stop_agent(0)
    assert restored.page("/healthz") is None
    assert {restored.chat(MODEL).status_code for _ in range(20)} == {200}
    restored.start_agent()
    restored.process.wait_until(lambda: restored.page("/ready") == "ok\n", SECONDS)


def test_a_pod_whose_agent_fails_in_every_round_stays_ready_and_serves_by_its_last_table(restored, engines):
    (blocked := restored.folder / ".rds.json").mkdir()
    restored.mount_table(usual(engines, MODEL, OTHER))
    restored.process.wait_until(lambda: restored.metric("aim_gateway_files_taken") == 0, SECONDS)
    assert (restored.page("/ready"), restored.page("/healthz")) == ("ok\n", "ok\n")
    assert {restored.chat(MODEL).status_code for _ in range(20)} == {200}
    assert error(restored.chat(OTHER), 404, "model_not_found")
    blocked.rmdir()
    restored.process.wait_until(lambda: restored.chat(OTHER).status_code == 200, SECONDS)
    assert restored.metric("aim_gateway_files_taken") == 1


def test_the_metrics_of_envoy_are_among_those_of_the_agent(pod):
    assert pod.chat(MODEL).status_code == 200
    name = 'envoy_cluster_upstream_rq_total{envoy_cluster_name="team-a/small-pods/a"}'
    pod.process.wait_until(lambda: pod.metric(name) > 0, SECONDS)


def test_envoy_is_not_started_without_a_table_and_the_reason_is_told(tmp_path):
    made = gateway_pod.GatewayPod(tmp_path / "run", None, logs=tmp_path)
    made.folder.mkdir()
    once = gateway_pod.start("agent", made.command("--once"), tmp_path, {"PYTHONPATH": str(gateway_pod.ROOT)})
    assert once.popen.wait(SECONDS) == 1
    assert "there is no table" in once.tail()
    assert "Traceback" not in once.tail()


def test_a_certificate_is_renewed_without_a_restart(engines, names, tmp_path):  # noqa: ARG001 - in that network
    now, authority = datetime.now(UTC), issue_ca(datetime.now(UTC))
    first, second = (issue_server(authority, frozenset([name, ADDRESS]), now) for name in ("first", "second"))
    table = {"models": [], "tls": True}
    with gateway_pod.pod(tmp_path, table, KEYS, (first.certificate.text, first.key), 1) as made:
        shown = lambda: certificate(authority.certificate.text)  # noqa: E731
        made.process.wait_until(lambda: shown() == first.certificate.text.strip(), SECONDS)
        # What cannot be used is not taken, and is told.
        made.mount_certificate(second.certificate.text, first.key)
        made.process.wait_until(lambda: made.metric('aim_gateway_input_usable{input="tls"}') == 0, SECONDS)
        assert shown() == first.certificate.text.strip()
        made.mount_certificate(second.certificate.text, second.key)
        made.process.wait_until(lambda: shown() == second.certificate.text.strip(), SECONDS)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{ADDRESS}:{PORT}/v1/models", timeout=10)


def certificate(authority):
    """What a client sees that trusts this authority; empty where there is none yet."""
    context = ssl.create_default_context(cadata=authority)
    try:
        with (
            closing(socket.create_connection((ADDRESS, PORT), timeout=10)) as plain,
            context.wrap_socket(plain, server_hostname=ADDRESS) as secured,
        ):
            return ssl.DER_cert_to_PEM_cert(secured.getpeercert(binary_form=True)).strip()
    except OSError:
        return ""


def used(pod, name, **labels):
    """A metric of usage, of the one client and model of these tests unless stated."""
    of = {"client": "team-red", "model": MODEL, "target": "team-a/small-pods/a", **labels}
    lines = [one for one in pod.page("/metrics").splitlines() if one.startswith(f"envoy_aim_gateway_{name}{{")]
    return sum(float(one.rpartition(" ")[2]) for one in lines if all(f'{key}="{of[key]}"' in one for key in of))


@pytest.mark.parametrize(
    ("body", "prompt", "generated", "estimated"),
    [
        ({}, 3, 19, "false"),
        ({"stream": True, "stream_options": {"include_usage": True}}, 3, 19, "false"),
        # 94 bytes of a request; an event for each token.
        ({"stream": True}, 24, 19, "true"),
    ],
)
def test_tokens_are_counted_by_client_and_model(pod, body, prompt, generated, estimated):
    names = ("prompt_tokens", "generated_tokens")
    before = [used(pod, name, estimated=estimated) for name in names]
    requests_before = used(pod, "requests", code="200")
    assert pod.chat(MODEL, "one two three", **body).status_code == 200
    pod.process.wait_until(lambda: used(pod, "requests", code="200") == requests_before + 1, SECONDS)
    after = [used(pod, name, estimated=estimated) for name in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [prompt, generated]


def test_a_stream_that_breaks_off_is_counted_as_far_as_it_came(pod, engines):
    [engine] = engines.names.own[engines.host("small-pods")]
    commands.command(engine, token_seconds=0.05, tokens=100)
    before = used(pod, "generated_tokens", estimated="true")
    body = {"model": MODEL, "messages": [], "stream": True}
    with pod.post("/v1/chat/completions", body, stream=True) as reply:
        lines = reply.iter_lines()
        for _ in range(60):  # thirty events, with an empty line each
            next(lines)
    commands.command(engine, token_seconds=0, tokens=19)
    pod.process.wait_until(lambda: used(pod, "generated_tokens", estimated="true") > before, SECONDS)
    assert 20 < used(pod, "generated_tokens", estimated="true") - before < 60
