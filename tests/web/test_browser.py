"""The web page as a visitor has it: in a real browser, which loads and runs no more than it should."""

import json
import re
from http.client import HTTPConnection

import pytest

from hooks.cli.web_relay import WebRelay
from tests.loopback import Answering, Loopback, answering
from tests.web.browser import browser, here, kubeconfig_of, page_server
from tests.web.cluster import HOSTILE, api, stored

pytestmark = pytest.mark.browser

PATHS = (
    "/",
    "/endpoints/team-a/chat",
    "/endpoints/research/unfit",
    "/models",
    "/models/Qwen/Qwen3-32B",
    "/plan",
    "/plan?model=Qwen/Qwen3-32B&gpus=2",
    "/plan?model=Qwen/Qwen3-32B&gpus=x",
    "/chat",
    "/nowhere",
)
SERIOUS = {"serious", "critical"}


class Gateway(Answering):
    """Answers each question with what it was asked, word by word; without a key it refuses."""

    def do_POST(self):
        asked = json.loads(self.body())
        self.server.seen.append(asked)
        if self.headers.get("Authorization") != "Bearer sk-test":
            return self.reply_json(401, {"error": {"message": HOSTILE}})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in re.split(r"(?<= )", asked["messages"][-1]["content"]):
            event = {"choices": [{"delta": {"content": word}}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        return None


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    kubeconfig, gateway = tmp_path_factory.mktemp("page"), Loopback(Gateway)
    gateway.seen = []
    with api() as server, answering(gateway, "gateway"):
        address = f"http://127.0.0.1:{gateway.server_port}/v1"
        with page_server(kubeconfig_of(server, kubeconfig), AIM_WEB_GATEWAY=address) as url:
            server.gateway = gateway
            yield server, url


@pytest.fixture(scope="module")
def url(served):
    return served[1]


class Visit:
    """A tab, with what went wrong in it."""

    def __init__(self, tab):
        self.tab, self.wrong, self.requests = tab, [], []
        tab.on("console", lambda one: self.wrong.append(one.text) if one.type in {"error", "warning"} else None)
        tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        tab.on("request", lambda one: self.requests.append(one.url))
        tab.on("dialog", lambda one: (self.wrong.append(f"dialog {one.message}"), one.dismiss()))


@pytest.fixture
def visit(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield Visit(context.new_page())
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_without_an_error_and_nothing_from_elsewhere(visit, url, path):
    response = visit.tab.goto(url + path)
    status = response.status
    assert [one for one in visit.wrong if not (status >= 400 and "Failed to load resource" in one)] == []
    assert all(one.startswith(f"{url}/") for one in visit.requests)
    assert visit.tab.evaluate("document.styleSheets.length && document.styleSheets[0].cssRules.length") > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_serious(chromium, url, path, scheme):
    # What axe adds to a page is none of it: the page's own rules do not let it in.
    context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    tab.goto(url + path)
    tab.add_script_tag(path=str(here().axe))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    context.close()
    assert len(found["passes"]) > 5  # it has looked
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"] if one["impact"] in SERIOUS] == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_not_wider_than_its_window(visit, url, path, width):
    visit.tab.set_viewport_size({"width": width, "height": 800})
    visit.tab.goto(url + path)
    assert visit.tab.evaluate("document.documentElement.scrollWidth") <= width


def test_from_the_fleet_to_an_endpoint_to_its_model_to_a_plan(visit, url):
    tab = visit.tab
    tab.goto(url)
    tab.get_by_role("link", name="team-a/code").click()
    assert tab.locator("h1").inner_text() == "team-a/code"
    tab.get_by_role("link", name="Models").click()
    tab.get_by_role("link", name="Qwen/Qwen3-14B").click()
    assert "Fits" in tab.locator(".verdict").inner_text()
    tab.get_by_role("link", name=re.compile("Other GPUs")).click()
    tab.get_by_label("GPUs per replica", exact=True).fill("2")
    tab.get_by_label("Requests at once", exact=True).fill("16")
    tab.get_by_label("MI325X").check()
    tab.get_by_role("button", name="Plan", exact=True).click()
    assert "Fits" in tab.locator(".verdict").inner_text()
    assert tab.get_by_label("GPUs per replica", exact=True).input_value() == "2"
    assert tab.get_by_label("MI325X").is_checked()
    tab.get_by_text("What would be created").click()
    assert "kind: Deployment" in tab.locator("details[open] pre").inner_text()
    assert visit.wrong == []


def test_a_slider_moves_the_number_beside_it_by_the_keyboard_and_follows_it(visit, url):
    tab = visit.tab
    tab.goto(f"{url}/plan?model=Qwen/Qwen3-14B&gpus=2")
    slider, number = tab.get_by_label("Slider: GPUs per replica"), tab.get_by_label("GPUs per replica", exact=True)
    assert (slider.input_value(), number.input_value()) == ("3", "2")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert (number.input_value(), slider.get_attribute("aria-valuetext")) == ("4", "4")
    tab.keyboard.press("Home")
    assert (number.input_value(), slider.get_attribute("aria-valuetext")) == ("", "the fewest that fit")
    tab.keyboard.press("End")
    assert number.input_value() == "16"
    for typed, place in (("7", "4"), ("64", "6"), ("", "0"), ("x", "0"), ("1", "2")):
        number.fill(typed)
        assert slider.input_value() == place
    tab.get_by_label("Slider: Requests at once").fill("5")
    tab.get_by_role("button", name="Plan", exact=True).click()
    assert "Fits" in tab.locator(".verdict").inner_text()
    assert ("gpus=1" in tab.url, "concurrency=16" in tab.url, tab.url.count("=")) == (True, True, 7)
    assert tab.get_by_label("Slider: Requests at once").input_value() == "5"
    assert visit.wrong == []


def test_without_javascript_there_is_no_slider_and_the_numbers_do(chromium, url):
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{url}/plan?model=Qwen/Qwen3-14B")
    assert not tab.get_by_label("Slider: GPUs per replica").is_visible()
    tab.get_by_label("GPUs per replica", exact=True).fill("2")
    tab.get_by_role("button", name="Plan", exact=True).click()
    assert "Fits" in tab.locator(".verdict").inner_text()
    context.close()


def test_pasted_yaml_is_planned_and_what_is_wrong_with_it_is_told(visit, url):
    tab = visit.tab
    tab.goto(f"{url}/plan")
    tab.get_by_label(re.compile("AIMEndpoints, with")).fill("a: 1")
    tab.get_by_role("button", name="Plan this").click()
    assert "what was pasted:1" in tab.get_by_role("alert").inner_text()
    head = "apiVersion: aim.engine.amd.com/v1alpha1\nkind: AIMEndpoint\n"
    text = f"{head}metadata: {{name: mine}}\nspec: {{modelId: Qwen/Qwen3-14B}}"
    tab.get_by_label(re.compile("AIMEndpoints, with")).fill(text)
    tab.get_by_role("button", name="Plan this").click()
    assert "AIMEndpoint default/mine" in tab.locator("h2").all_inner_texts()
    assert tab.get_by_label(re.compile("AIMEndpoints, with")).input_value() == text


def test_everything_is_reached_by_the_keyboard(visit, url):
    tab = visit.tab
    tab.goto(url)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        reached.add(tab.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    assert {"/models", "/plan", "/endpoints/team-a/chat", "BUTTON", "INPUT", "SELECT"} <= reached


def test_hostile_text_is_read_and_never_run(visit, served):
    server, url = served
    before = server.objects
    server.objects = stored()
    try:
        chat = server.objects["aimendpoints"][0]
        chat["status"] |= {"phase": "Degraded", "message": HOSTILE, "warnings": [HOSTILE]}
        for one in server.objects["events"]:
            one["message"] = one["reason"] = HOSTILE
        for path in ("/", "/endpoints/team-a/chat", "/plan?model=" + "%3Cscript%3Ealert(1)%3C/script%3E"):
            visit.tab.goto(url + path)
            assert visit.tab.title().endswith("· AIM Engine")
            assert visit.tab.locator("script:not([src^='/static/']), img, iframe").count() == 0
            assert "<script>" in visit.tab.locator("main").inner_text() + visit.tab.content().replace("&lt;", "<")
        assert [one for one in visit.wrong if "422" not in one] == []
    finally:
        server.objects = before


def test_code_that_gets_into_a_page_all_the_same_is_not_run(visit, url):
    visit.tab.goto(url)
    visit.tab.evaluate(
        """() => {
            const one = document.createElement('script'); one.textContent = "document.title = 'owned'";
            document.body.append(one);
            const other = document.createElement('img'); other.src = 'http://127.0.0.1:9/x.png';
            document.body.append(other);
        }"""
    )
    assert visit.tab.title() != "owned"
    refused = [one for one in visit.wrong if "Content Security Policy" in one]
    assert len(refused) >= 2


def test_a_chat_keeps_the_conversation_and_the_key_in_the_page_alone(visit, served):
    server, url = served
    tab = visit.tab
    tab.goto(f"{url}/chat")
    tab.get_by_label("Model").fill("Qwen/Qwen3-32B")
    tab.get_by_label("Message").fill("Hi there")
    tab.get_by_role("button", name="Send").click()
    problem = tab.locator(".problem")
    problem.wait_for()
    assert "the gateway returned 401" in problem.inner_text()
    assert "<script>" in problem.inner_text()
    tab.get_by_label("API key").fill("sk-test")
    for question in ("Hi there", HOSTILE):
        tab.get_by_label("Message").fill(question)
        tab.get_by_role("button", name="Send").click()
        tab.wait_for_function("() => !document.getElementById('send').disabled")
    answers = tab.locator(".assistant").all_inner_texts()
    assert answers[0] == "Hi there"
    assert "<script>" in answers[1]
    assert tab.title() == "Chat · AIM Engine"
    asked = server.gateway.seen[-1]
    assert [one["role"] for one in asked["messages"]] == ["user", "assistant", "user"]
    assert {*asked} == {"model", "messages", "stream"}
    assert tab.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    tab.reload()
    assert tab.get_by_label("API key").input_value() == ""
    assert tab.locator(".conversation p").count() == 0
    assert [one for one in visit.wrong if "401" not in one] == []


def test_the_page_works_through_what_aim_ui_relays(visit, served):
    server, url = served
    tab, port = visit.tab, int(url.rpartition(":")[2])
    with answering(relay := WebRelay(0, lambda: HTTPConnection("127.0.0.1", port)), "relay"):
        own = f"http://127.0.0.1:{relay.server_port}"
        assert tab.goto(f"{own}/plan").status == 403
        visit.wrong.clear()
        tab.goto(relay.url)
        assert tab.url == f"{own}/"  # without the token, which else stays in the browser's history of addresses
        tab.get_by_role("link", name="What if").click()
        tab.get_by_label(re.compile("AIMEndpoints, with")).fill("a: 1")
        tab.get_by_role("button", name="Plan this").click()
        assert "what was pasted:1" in tab.get_by_role("alert").inner_text()
        tab.get_by_role("link", name="Chat").click()
        tab.get_by_label("Model").fill("Qwen/Qwen3-32B")
        tab.get_by_label("API key").fill("sk-test")
        tab.get_by_label("Message").fill("one two three")
        tab.get_by_role("button", name="Send").click()
        tab.get_by_text("one two three").nth(1).wait_for()
        assert tab.evaluate("document.cookie") == ""  # no code of a page reads it
        assert [one for one in visit.wrong if "422" not in one] == []
        assert server.gateway.seen[-1]["messages"][0]["content"] == "one two three"
