"""What the hook server counts: each name in its table, each decision once, and no label without a bound."""

import json
import re
from importlib.metadata import PackageNotFoundError, version

import pytest
from prometheus_client import REGISTRY

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.config import Config
from aimlib.selection.rules import RULE_ORDER
from hooks.observability import record
from hooks.observability.changes import OTHER, RecentChanges
from hooks.observability.metrics import ERROR_REASONS
from hooks.server.app import create_app
from hooks.server.version import release
from tests.cases import TESTDATA, Case, merged
from tests.kustomize import ROOT
from tests.playing import again, call, play

TABLE = ROOT / "docs" / "operate" / "metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|(.*?)\| (.+?) \|$", re.MULTILINE)
GAUGES_AND_COUNTERS = re.compile(r"^(aim_\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(record, "RECORDED", RecentChanges(100))


@pytest.fixture
def counted(client):
    """`counted()`: what has been counted since the last time, by name and labels, without times and sizes."""
    before = {}

    def since():
        text = client.get("/metrics").text
        found = {
            (name, labels): float(value)
            for name, labels, value in GAUGES_AND_COUNTERS.findall(text)
            if not re.search(r"_created$|^aim_hook|_info$", name)
        }
        new = {key: value - before.get(key, 0) for key, value in found.items() if value != before.get(key, 0)}
        before.update(found)
        return {f"{name}{{{labels}}}" if labels else name: value for (name, labels), value in new.items()}

    since()
    return since


def golden(kind, name):
    case = Case(TESTDATA / kind / "sync" / name)
    return case, play(case.kind, case.hook, case.world)


def sync(client, kind, name):
    response = client.post(f"/{kind}/sync", json=golden(kind, name)[1].request)
    assert response.status_code == 200


def test_the_table_names_what_the_server_exposes_and_nothing_else(client):
    text = client.get("/metrics").text
    kinds = dict(re.findall(r"^# TYPE (aim_\w+) (\w+)$", text, re.MULTILINE))
    exposed = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    rows = ROW.findall(TABLE.read_text().partition("# State of objects")[0])
    assert {name: kind for name, kind, _, _ in rows} == exposed
    ours = {one.name: one for one in REGISTRY.collect() if one.name.startswith("aim_")}
    collectors = {name: found for found, names in REGISTRY._collector_to_names.items() for name in names}
    for name, kind, labels, meaning in rows:
        assert tuple(re.findall(r"`(\w+)`", labels)) == collectors[name]._labelnames, name
        assert ours[name.removesuffix("_total")].documentation
        assert meaning.strip()
        assert name.endswith("_total") == (kind == "counter")


def test_the_table_names_every_reason_of_an_error():
    [row] = [meaning for name, _, _, meaning in ROW.findall(TABLE.read_text()) if name == "aim_hook_errors_total"]
    assert set(re.findall(r"\b[A-Z]\w+\b", row.partition(": ")[2])) == {*ERROR_REASONS.values(), OTHER}


def test_a_hundred_syncs_of_the_same_world_count_one_selection(client, counted):
    case, first = golden("endpoint", "a-model-alone-is-enough")
    second = again(case.kind, case.hook, first, case.world)
    for body in [first.request] * 50 + [second.request] * 50:
        assert client.post("/endpoint/sync", json=body).status_code == 200
    found = counted()
    labels = 'engine="vllm",hardware="MI300X",precision="bf16",recipe="qwen3-32b-mi300x-bf16"'
    assert found.pop(f"aim_selections_total{{{labels}}}") == 1
    assert found.pop('aim_audit_records_total{result="written"}') == 1
    assert found.keys() <= {f'aim_selection_rejections_total{{rule="{rule}"}}' for rule in RULE_ORDER}


def test_a_process_that_knows_nothing_goes_by_the_status(client, counted, monkeypatch):
    case, first = golden("endpoint", "a-model-alone-is-enough")
    second = again(case.kind, case.hook, first, case.world)
    for _ in range(3):
        monkeypatch.setattr(record, "RECORDED", RecentChanges(100))
        client.post("/endpoint/sync", json=second.request)
    assert counted() == {}


def test_a_choice_by_a_fallback_is_counted_with_the_rules_that_objected(client, counted):
    sync(client, "endpoint", "a-fallback-is-taken-and-says-so")
    found = counted()
    assert found["aim_selection_fallbacks_total"] == 1
    assert sum(count for name, count in found.items() if name.startswith("aim_selections_total")) == 1
    _, played = golden("endpoint", "a-fallback-is-taken-and-says-so")
    rules = [one["rule"] for one in played.answer.said["status"]["selection"]["candidates"] if "rule" in one]
    assert {rule: found[f'aim_selection_rejections_total{{rule="{rule}"}}'] for rule in rules} == {
        rule: rules.count(rule) for rule in rules
    }


def test_a_refusal_is_counted_by_its_reason_and_its_rules(client, counted):
    sync(client, "endpoint", "a-model-that-fits-on-no-present-gpu-says-both-numbers")
    found = counted()
    assert found['aim_selection_refusals_total{reason="NothingFits"}'] == 1
    assert found['aim_selection_rejections_total{rule="memory"}'] >= 1
    assert not [name for name in found if name.startswith("aim_selections_total")]


def test_a_refusal_with_the_same_message_is_not_counted_again(client, counted, monkeypatch):
    case, first = golden("endpoint", "nothing-reads-a-models-files-for-an-endpoint-that-wants-what-is-validated")
    client.post("/endpoint/sync", json=first.request)
    assert counted()['aim_selection_refusals_total{reason="NoRecipe"}'] == 1
    monkeypatch.setattr(record, "RECORDED", RecentChanges(100))
    client.post("/endpoint/sync", json=again(case.kind, case.hook, first, case.world).request)
    assert counted() == {}


def test_a_model_is_refused_once_its_files_cannot_be_read_and_not_before(client, counted):
    sync(client, "endpoint", "the-files-of-a-model-that-nobody-described-are-being-read")
    assert counted() == {}
    case, failed = golden("endpoint", "the-files-of-a-gated-model-are-not-read-and-it-says-what-to-do")
    client.post("/endpoint/sync", json=failed.request)
    assert counted()['aim_selection_refusals_total{reason="ModelNotInspected"}'] == 1
    client.post("/endpoint/sync", json=again(case.kind, case.hook, failed, case.world).request)
    assert counted() == {}


def test_a_selection_that_stays_pinned_is_counted_once_and_not_recorded(client, counted):
    for _ in range(3):
        sync(client, "endpoint", "a-better-recipe-is-reported-and-not-taken")
    assert counted() == {'aim_selections_kept_total{reason="BetterRecipeAvailable"}': 1}


def test_a_better_recipe_that_is_taken_is_a_selection(client, counted):
    sync(client, "endpoint", "a-better-recipe-is-taken-when-updates-are-automatic")
    found = counted()
    assert [count for name, count in found.items() if name.startswith("aim_selections_total")] == [1]
    assert not [name for name in found if "kept" in name]


def test_what_flips_and_flips_back_is_counted_each_time(client, counted):
    case, first = golden("endpoint", "a-model-alone-is-enough")
    settled = again(case.kind, case.hook, first, case.world).request
    other = merged(settled, {"parent": {"status": {"resolved": {"decidedFor": "another"}}}})
    for body in (first.request, settled, other, other, first.request):
        assert client.post("/endpoint/sync", json=body).status_code == 200
    found = counted()
    assert sum(count for name, count in found.items() if name.startswith("aim_selections_total")) == 3


def cache_body(**state):
    """The request of a cache with one model, of which this was reported now and that before."""
    world = {
        "cache": {"spec": {"models": [{"id": "a/b"}], "storage": {"size": "1Gi"}}},
        "observed": {"PersistentVolumeClaim": {"status": {"phase": "Bound"}}},
        "state": {"models": [{"id": "a/b", "revision": "main", **state}]} if state else {},
    }
    return play("cache", "/cache/sync", world)


READY = {
    "state": "Ready",
    "commit": "0" * 40,
    "files": 3,
    "total": 100,
    "done": 100,
    "cachedAt": "2026-11-23T11:00:00Z",
}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(READY, "Ready"), *(({"state": "Failed", "reason": one, "message": "no"}, one) for one in DOWNLOAD_OUTCOMES)],
    ids=["Ready", *DOWNLOAD_OUTCOMES],
)
def test_a_download_is_counted_by_its_outcome_and_once(client, counted, state, outcome):
    played = cache_body(**state)
    assert played.answer.code == 200
    for _ in range(5):
        client.post("/cache/sync", json=played.request)
    found = counted()
    assert found.pop(f'aim_cache_downloads_total{{outcome="{outcome}"}}') == 1
    assert found == ({'aim_audit_records_total{result="written"}': 1} if outcome == "Ready" else {})


def test_a_reason_that_no_release_knows_makes_no_label(client, counted):
    client.post("/cache/sync", json=cache_body(state="Failed", reason="Sunspots", message="no").request)
    assert counted() == {'aim_cache_downloads_total{outcome="Other"}': 1}


def test_a_model_that_is_there_no_more_is_a_removal(client, counted):
    had = cache_body(**READY)
    lost = {**had.request, "parent": {**had.request["parent"], "status": had.answer.said["status"]}}
    lost["children"] = {**lost["children"], "ConfigMap.v1": {}}
    assert call("cache", "/cache/sync", lost).code == 200
    client.post("/cache/sync", json=lost)
    found = counted()
    assert found["aim_cache_removals_total"] == 1
    assert not [name for name in found if "downloads" in name]


def hook_metric(client, name, **labels):
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{name}{{{re.escape(wanted)}}} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


BROKEN = {"key": "a taint without an effect"}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"taints": [BROKEN]}}


@pytest.mark.parametrize(
    ("path", "body", "code", "reason"),
    [
        ("/endpoint/sync", "{", 400, "NotARequest"),
        ("/endpoint/sync", '{"parent": {"metadata": {"name": "x"}}}', 422, "Refused"),
        ("/node/sync", json.dumps({"object": NODE}), 500, "Internal"),
        ("/nothing/like/it", "{}", 404, "UnknownPath"),
        ("/metrics", "{}", 405, "WrongMethod"),
    ],
)
def test_what_is_not_answered_is_counted_by_its_reason(client, path, body, code, reason):
    hook = path if path.endswith("/sync") else "Other"
    names = (("aim_hook_errors_total", {"reason": reason}), ("aim_hook_requests_total", {"code": code}))
    before = [hook_metric(client, name, hook=hook, **labels) for name, labels in names]
    assert client.post(path, data=body).status_code == code
    assert [hook_metric(client, name, hook=hook, **labels) for name, labels in names] == [one + 1 for one in before]


def test_a_call_is_in_flight_until_it_is_answered(client, monkeypatch, endpoint):
    seen = []
    monkeypatch.setattr(
        "hooks.server.app.record",
        lambda *_: seen.append(hook_metric(client, "aim_hook_requests_in_flight", hook="/endpoint/sync")),
    )
    client.post("/endpoint/sync", json=endpoint(modelId="Qwen/Qwen3-32B"))
    assert seen == [1]
    assert hook_metric(client, "aim_hook_requests_in_flight", hook="/endpoint/sync") == 0


def test_the_prices_of_the_settings_are_among_the_metrics():
    config = Config.model_validate({"tokenPrices": {"org/one": {"prompt": 0.25, "generated": 1}}})
    text = create_app(config).test_client().get("/metrics").text
    shown = re.findall(r'^aim_model_token_price\{kind="(\w+)",model="org/one"\} (\S+)$', text, re.MULTILINE)
    assert sorted(shown) == [("generated", "1.0"), ("prompt", "0.25")]


def test_the_release_is_among_the_metrics(client):
    assert re.search(r'^aim_build_info\{version="[^"]+"\} 1\.0$', client.get("/metrics").text, re.MULTILINE)


def test_the_release_is_that_of_the_installed_package(monkeypatch):
    assert release() == version("aim-engine-operator")

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("hooks.server.version.version", missing)
    assert release() == "unknown"
