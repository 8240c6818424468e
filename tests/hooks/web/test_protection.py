"""Who is answered, what headers answers have, and that nothing is written."""

import pytest

from aimlib.config import ConfigError
from aimlib.schema.settings import read_config
from hooks.web import app as app_module
from hooks.web.app import create_page
from tests.hooks.web.test_pages import OWN_SCRIPT, text_of

PAGES = (
    "/",
    "/endpoints/team-a/chat",
    "/models",
    "/models/Qwen/Qwen3-14B",
    "/plan",
    "/plan?model=Qwen/Qwen3-14B",
    "/no",
)


@pytest.mark.parametrize("path", [*PAGES, "/static/page.css", "/healthz"])
def test_every_answer_has_the_headers(page, path):
    with page.get(path) as response:
        headers = response.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}  # neither inline code nor another site
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"  # with no-referrer, forms would have the origin null


def test_pages_are_not_stored_and_files_are_for_a_while(page):
    assert page.get("/").headers["Cache-Control"] == "no-store"
    with page.get("/static/page.css") as response:
        assert "max-age=3600" in response.headers["Cache-Control"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_no_code_of_their_own(page, path):
    text = page.get(path).text.replace(OWN_SCRIPT, "", 1)
    assert "<script" not in text
    assert "<style" not in text
    assert " style=" not in text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8080", "aim-web.aim-system.svc", "[::1", ""])
def test_a_host_that_is_not_this_page_is_not_answered(page, host):
    """As when a name of somebody else's leads to the forwarded port."""
    text_of(page.get("/", headers={"Host": host}), 421)


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "aim.example.com", "AIM.example.com:443"]
)
def test_loopback_and_the_hosts_of_the_settings_are(reader, monkeypatch, host):
    monkeypatch.setenv("AIM_WEB_HOSTS", "aim.example.com other.example.com")
    assert create_page(reader).test_client().get("/plan", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_is_not_answered(page, headers):
    text_of(page.post("/plan", data={"manifest": "a: 1"}, headers=headers), 403)


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}])
def test_a_form_of_this_page_is(page, headers):
    assert page.post("/plan", data={"manifest": "a: 1"}, headers=headers).status_code == 422


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_nothing_but_a_plan_is_taken(page, method):
    assert page.open("/endpoints/team-a/chat", method=method).status_code == 405


def test_the_cluster_is_only_read(page, cluster):
    for path in PAGES:
        page.get(path)
    page.post("/plan", data={"manifest": "a: 1"})
    assert {method for method, _ in cluster.requests} == {"GET"}
    plurals = {path.split("?")[0].rstrip("/").split("/")[-1] for _, path in cluster.requests}
    assert plurals == {"aimendpoints", "aimrecipes", "aimmodels", "cluster", "chat", "events"}
    assert all("limit=" in path for _, path in cluster.requests if not path.endswith(("/cluster", "/chat")))


def test_a_form_is_bounded(page):
    text_of(page.post("/plan", data={"manifest": "a" * 600_000}), 413)


def test_plans_wait_for_their_turn_and_not_for_ever(reader, monkeypatch):
    monkeypatch.setattr(app_module, "PLANS_AT_ONCE", 0)
    monkeypatch.setattr(app_module, "PLAN_WAIT_SECONDS", 0.01)
    text = text_of(create_page(reader).test_client().get("/plan?model=Qwen/Qwen3-14B"), 503)
    assert "others are planning" in text


def test_the_settings_are_those_of_the_operator(tmp_path, monkeypatch, reader):
    file = tmp_path / "config.yaml"
    file.write_text("listedCandidates: 7\n")
    assert read_config(str(file)).listed_candidates == 7
    assert read_config(None) == read_config("/dev/null")
    for text in ("nothing: 1\n", "a: [\n"):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"config\.yaml"):
            read_config(str(file))
    monkeypatch.setenv("AIM_CONFIG", str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="No such file"):
        create_page(reader)
