"""What each page shows, and that hostile text stays text."""

import html
import re
from html.parser import HTMLParser

import pytest
from kubernetes.client import ApiClient, Configuration

from aimlib.api import API_VERSION
from hooks.web import fleet as fleet_module
from hooks.web import reader as reader_module
from hooks.web.app import create_page, shown_value
from hooks.web.reader import ClusterReader
from tests.cluster.processes import free_ports
from tests.web.cluster import HOSTILE, event

FORBIDDEN = {"script", "style", "img", "iframe", "object", "embed", "base", "svg"}
OWN_SCRIPT = '<script src="/static/sliders.js" defer></script>'
"""The one file of code that a page without a chat has."""


class Read(HTMLParser):
    """A page as a browser reads it: its text, and what it has that it must not have."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.wrong = [], []
        self.feed(page.replace(OWN_SCRIPT, "", 1))

    def handle_starttag(self, tag, attrs):
        self.wrong += [tag] * (tag in FORBIDDEN)
        self.wrong += [name for name, value in attrs if name.startswith("on") or name == "style" or value is None]
        self.wrong += [value for name, value in attrs if name in {"href", "action", "src"} and value[0] not in "/#"]

    def handle_data(self, data):
        self.texts.append(data)


BARE = ["selected", "checked", "required", "hidden"]


def text_of(response, code=200):
    """The text of a page, which has nothing of its own that a browser would run."""
    assert response.status_code == code, response.text
    read = Read(response.text)
    assert [one for one in read.wrong if one not in BARE] == []
    return " ".join(read.texts)


def words(text):
    return " ".join(text.split())


def test_the_fleet_has_hardware_with_its_use_and_endpoints_with_their_phases(page):
    text = words(text_of(page.get("/")))
    assert "MI300X 3 24 21 21 of 24" in text  # three replicas of chat, one of code and fresh, two of giant with 8 each
    assert "team-a/chat mistralai/Ministral-3-14B-Instruct-2512 MI300X 1 3 of 3 Ready" in text
    assert "research/unfit" in text
    assert "Failed" in text


def test_the_fleet_of_a_namespace_and_of_a_phase(page):
    text = text_of(page.get("/?namespace=team-a"))
    assert "team-a/chat" in text
    assert "team-b/batch" not in text
    text = text_of(page.get("/?phase=Stopped"))
    assert "team-b/night" in text
    assert "team-a/chat" not in text


@pytest.mark.parametrize(
    "path",
    ["/?namespace=Team", "/?namespace=a/b", "/?phase=x", "/endpoints/A/b", "/endpoints/a/-", "/none", "/models/-"],
)
def test_what_is_no_name_is_not_requested(page, cluster, path):
    before = [one for one in cluster.requests if "aimendpoints" in one[1]]
    text_of(page.get(path), 404)
    if not path.startswith("/models"):
        assert [one for one in cluster.requests if "aimendpoints" in one[1]] == before


def test_an_empty_cluster(page, cluster):
    cluster.objects.update(aimendpoints=[], aiminventories=[], aimrecipes=[], aimmodels=[])
    text = text_of(page.get("/"))
    assert "no GPUs" in text
    assert "No endpoint here" in text
    assert "0 models" in text_of(page.get("/models"))


def test_devices_that_do_not_count_have_their_reasons(page, cluster):
    [inventory] = cluster.objects["aiminventories"]
    left_out = [
        {"product": "MI210", "resource": "amd.com/gpu", "devices": 4, "nodes": 1, "reason": "the node is cordoned"},
        {"resource": "nvidia.com/gpu", "devices": 8, "nodes": 2, "reason": "the product is not known"},
    ]
    particular = {"partition": "cpx_nps4", "mayCome": True, "taints": [{"key": "gpu", "effect": "NoSchedule"}]}
    classes = [{**one, **(particular if one["product"] == "H100" else {})} for one in inventory["status"]["classes"]]
    inventory["status"] = {**inventory["status"], "classes": classes, "leftOut": left_out}
    text = words(text_of(page.get("/")))
    assert "4 MI210 on 1 node: the node is cordoned" in text
    assert "8 nvidia.com/gpu on 2 nodes: the product is not known" in text
    assert "taint gpu:NoSchedule" in text
    assert "partition cpx_nps4" in text
    assert "nodes may come" in text


def test_more_endpoints_than_are_read_or_shown_are_named(page, monkeypatch):
    monkeypatch.setattr(reader_module, "MOST_OF_A_KIND", 4)
    monkeypatch.setattr(reader_module, "LISTED_AT_ONCE", 3)
    monkeypatch.setattr(fleet_module, "SHOWN_ENDPOINTS", 1)
    text = words(text_of(page.get("/")))
    assert "There are more than 4 endpoints" in text
    assert "3 more are not in the table" in text
    assert "Not all endpoints of the cluster" in text_of(page.get("/models/Qwen/Qwen3-14B"))


def test_an_endpoint_has_its_recipe_candidates_figures_canary_versions_and_events(page):
    text = words(text_of(page.get("/endpoints/team-a/chat")))
    for part in (
        "ministral-3-14b-2512-mi300x-fp8",
        "1 MI300X per replica",
        "3 of 3 ready",
        "1 to 4 replicas",
        "1 of 1 candidates",
        "1100 tokens/s",
        "Progressing , 10 % of the requests",
        "time to first token 210 ms 195 ms 252 ms Passed",
        "2 2026-11-22T08:00:00Z Serving SpecChanged",
        "2026-11-23T11:52:00Z Warning Unhealthy",
    ):
        assert part in text
    assert text.index("11:52:00Z Warning") < text.index("11:40:00Z Normal")


def test_an_endpoint_that_nothing_fits_has_the_rule_that_rejected_each_candidate(page):
    text = words(text_of(page.get("/endpoints/research/unfit")))
    assert "precision: " in text
    assert "requested precision fp4" in text
    assert "None: the API server keeps them" in text


def test_an_endpoint_that_nobody_has_looked_at_or_whose_status_cannot_be_read(page, cluster):
    new, odd, changed = cluster.objects["aimendpoints"][:3]
    new.pop("status")
    odd["status"] = {"phase": 7, "replicas": "many"}
    changed["metadata"]["generation"] = 99
    text = words(text_of(page.get("/")))
    assert text.count("the operator has not looked at this change yet") == 2
    assert "Unknown its status was written by another release" in text
    path = "/endpoints/{namespace}/{name}"
    assert "no decision has been made yet" in text_of(page.get(path.format(**new["metadata"])))
    assert "cannot be read" in text_of(page.get(path.format(**odd["metadata"])))


def test_a_rollback_and_addresses_are_facts(page, cluster):
    status = cluster.objects["aimendpoints"][0]["status"]
    status["rollback"] = {"number": 1, "by": "Failure", "requested": "x", "message": "version 2 did not start"}
    status["endpoints"] = {"internal": "http://in", "loadBalancer": "http://out"}
    status["cache"] = {"name": "models", "claimName": "c", "mountPath": "/m", "accessMode": "ReadWriteMany"}
    status["metrics"] = {"reason": "NoTraffic", "message": "no requests yet"}
    status["canary"] = {**status["canary"], "checks": []}
    text = words(text_of(page.get("/endpoints/team-a/chat")))
    for part in (
        "rolled back version 2 did not start",
        "address outside http://out",
        "cache models",
        "no requests yet",
    ):
        assert part in text


def test_models_with_what_the_cluster_has_for_them(page):
    text = words(text_of(page.get("/models")))
    assert re.search(r"Qwen/Qwen3-32B \d+ .* yes ", text)


def test_a_model_has_its_endpoints_its_recipes_and_what_would_fit_here(page):
    text = words(text_of(page.get("/models/Qwen/Qwen3-14B")))
    assert "team-a/code" in text
    assert "team-b/night" in text
    assert "Fits:" in text
    assert "qwen3-14b-mi300x-bf16 MI300X bf16 vllm" in text
    text = words(text_of(page.get("/models/nobody/nothing")))
    assert "No endpoint." in text
    assert "Does not fit:" in text


def test_a_model_that_an_aimmodel_describes(page, cluster):
    cluster.objects["aimmodels"] = [
        {
            "apiVersion": API_VERSION,
            "kind": "AIMModel",
            "metadata": {"name": "qwen3-32b"},
            "spec": {"modelId": "Qwen/Qwen3-32B"},
        }
    ]
    assert "AIMModel qwen3-32b" in words(text_of(page.get("/models/Qwen/Qwen3-32B")))


def test_hostile_text_of_tenants_is_shown_as_text_and_without_control_characters(page, cluster):
    chat = cluster.objects["aimendpoints"][0]
    status = chat["status"]
    status["phase"], status["message"] = "Degraded", HOSTILE
    status["warnings"] = [HOSTILE]
    status["selection"]["message"] = HOSTILE
    status["canary"]["message"] = status["canary"]["checks"][0]["stable"] = HOSTILE
    status["history"][0]["message"] = HOSTILE
    status["endpoints"] = {"internal": HOSTILE}
    for condition in status["conditions"]:
        condition["message"] = condition["reason"] = HOSTILE
    candidate = status["selection"]["candidates"][0]
    candidate["score"] = [{"name": HOSTILE, "value": HOSTILE}]
    cluster.objects["events"].append({**event(HOSTILE, HOSTILE, 59), "type": HOSTILE, "lastTimestamp": HOSTILE})
    for path in ("/", "/?namespace=team-a", "/endpoints/team-a/chat"):
        response = page.get(path)
        text = text_of(response)
        assert "document.title='owned'" in text
        assert "${7*7}{{7*7}}" in text
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", response.text)


@pytest.mark.parametrize("name", ["ns\"'<b>", "a b", HOSTILE])
def test_a_hostile_name_that_no_api_server_would_store_leads_nowhere_else(page, cluster, name):
    cluster.objects["aimendpoints"][0]["metadata"]["name"] = name
    response = page.get("/")
    text_of(response)
    links = re.findall(r'href="([^"]*)"', response.text)
    assert all(re.fullmatch(r"[/#][\w./?=&;%~:@!$'()*+,-]*", html.unescape(one)) for one in links)


@pytest.mark.parametrize(
    ("refused", "code", "said"),
    [
        ({"aimendpoints": 403}, 403, "may not read that"),
        ({"aimendpoints": 404}, 404, "no such object"),
        ({"aimendpoints": 500}, 502, "could not be read"),
        ({"events": 403}, 403, "may not read that"),
    ],
)
def test_what_the_api_server_refuses_is_said_without_its_text(page, cluster, refused, code, said):
    cluster.refused |= refused
    text = text_of(page.get("/endpoints/team-a/chat"), code)
    assert said in text
    assert "owned" not in text


def test_an_api_server_that_is_away():
    configuration = Configuration()
    configuration.host, configuration.retries = f"http://127.0.0.1:{free_ports(1)[0]}", False
    with ApiClient(configuration) as client:
        page = create_page(ClusterReader(client)).test_client()
        assert "could not be read" in text_of(page.get("/"), 502)


def test_an_inventory_that_may_not_be_read(page, cluster):
    cluster.refused["aiminventories"] = 403
    assert "may not read that" in text_of(page.get("/"), 403)


def test_an_endpoint_that_is_not_there(page):
    assert "no such object" in text_of(page.get("/endpoints/team-a/none"), 404)


def test_texts_are_bounded():
    assert len(shown_value("a" * 10**6)) == 200_000
    assert shown_value(None) == ""
    assert shown_value(7) == 7
