"""The routes of admission: answers over HTTP, what is counted, logged and bounded."""

import pytest

from hooks.endpoint import admission
from hooks.server import webhooks
from tests.hooks.observability.test_metrics import hook_metric
from tests.reviews import patch, reviewed
from tests.world import parent

WARN, MUTATE = "endpoints/validate/warn", "endpoints/mutate"
MODEL = {"modelId": "Qwen/Qwen3-32B"}


def question(**spec):
    return reviewed(parent("endpoint", {"endpoint": {"spec": {**MODEL, **spec}}}))


def counted(client, webhook, verdict):
    return hook_metric(client, "aim_admission_requests_total", webhook=webhook, verdict=verdict)


def test_an_endpoint_is_labelled_and_that_is_counted_and_logged(client, lines):
    before = counted(client, MUTATE, "Labelled")
    seconds = hook_metric(client, "aim_admission_duration_seconds_count", webhook=MUTATE)
    response = client.post(f"/admission/{MUTATE}/secret", json=question())
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert [one["path"] for one in patch(response.json)] == ["/metadata/labels"]
    assert counted(client, MUTATE, "Labelled") == before + 1
    assert hook_metric(client, "aim_admission_duration_seconds_count", webhook=MUTATE) == seconds + 1
    [line] = lines()
    assert line.pop("ms") >= 0
    del line["time"], line["request"]
    assert line == {
        "level": "info",
        "message": "admission",
        "webhook": MUTATE,
        "verdict": "Labelled",
        "code": 200,
        "kind": "AIMEndpoint",
        "namespace": "team-a",
        "name": "chat",
    }


def test_what_is_warned_of_is_logged_and_the_token_in_the_path_nowhere(client, lines):
    asked = question(service={"nodePort": 30080})
    del asked["request"]["object"]["metadata"]["name"]
    asked["request"]["object"]["metadata"]["generateName"] = "chat-"
    response = client.post(f"/admission/{WARN}/secret", json=asked)
    [line] = lines()
    assert line["warnings"] == response.json["response"]["warnings"]
    assert (line["verdict"], line["name"], len(line["warnings"])) == ("NotChecked", "chat-", 2)
    assert "secret" not in str(line)
    assert "secret" not in client.get("/metrics").text


def test_a_body_that_is_no_review_is_a_400_with_a_message(client, lines):
    before = counted(client, WARN, "BadRequest")
    response = client.post(f"/admission/{WARN}/x", data="{")
    assert response.status_code == 400
    assert response.json["error"].startswith("the body is not JSON: ")
    assert counted(client, WARN, "BadRequest") == before + 1
    assert (lines()[0]["level"], lines()[0]["error"]) == ("error", response.json["error"])


def test_a_surprise_is_a_500_whose_traceback_is_in_the_log_alone(client, lines, monkeypatch):
    monkeypatch.setattr(admission, "validate", lambda *_, **__: 1 / 0)
    response = client.post(f"/admission/{WARN}/x", json=question())
    assert response.status_code == 500
    [failure, call] = lines()
    assert response.json == {"error": "internal error; see the hook server's log", "request": call["request"]}
    assert failure["request"] == call["request"] == response.headers["X-Request-Id"]
    assert "ZeroDivisionError" in failure["exception"]
    assert (call["verdict"], call["name"]) == ("Failed", "chat")


def test_a_review_that_is_too_large_is_refused_with_a_message(client, monkeypatch):
    monkeypatch.setattr(webhooks, "MAX_REVIEW", 100)
    response = client.post(f"/admission/{WARN}/x", json=question())
    assert response.status_code == 413
    assert response.json["error"].startswith("Request Entity Too Large: ")


@pytest.mark.parametrize("path", [WARN, f"{WARN}/x/y", "endpoints/validate/ask/x", "pods/validate/warn/x"])
def test_another_path_is_not_found(client, path):
    assert client.post(f"/admission/{path}", json=question()).status_code == 404
    assert client.get(f"/admission/{WARN}/x").status_code == 405
