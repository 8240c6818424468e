"""Envoy's files from tables: whole, case by case, and each checked by Envoy itself."""

import json
import re
from hashlib import sha256

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.gateway.demand import HEALTHY, TOTAL
from aimlib.gateway.keys import shared_keys
from aimlib.gateway.limits import _bucket
from aimlib.gateway.render import Listening, bootstrap, render, replacements
from aimlib.gateway.table import Limit, ModelTable, Served, Target
from hooks.gateway_agent.inputs import MAX_CLIENTS
from tests import envoy
from tests.files import TESTDATA, Dumper, read

FOLDER = TESTDATA / "envoy"
HERE = Listening("/x", 80)
CASES = sorted(one.parent for one in FOLDER.glob("*/table.yaml"))


def rendered(case):
    given = read(case / "table.yaml")
    table = ModelTable.model_validate(given["table"])
    return render(table, given.get("keys", {}), Listening("/etc/envoy/gateway", 8080))


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_a_table_gives_these_files(case, request):
    found = {name: json.loads(text)["resources"] for name, text in rendered(case).items()}
    expected = case / "files.yaml"
    if request.config.getoption("--update-golden"):
        expected.write_text(yaml.dump(found, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True))
    assert found == read(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_envoy_takes_the_files(case, tmp_path):
    assert envoy.objections(tmp_path, rendered(case)) == ""


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_keys_are_in_the_routes_alone(case):
    keys = [key for of in read(case / "table.yaml").get("keys", {}).values() for key in of if key]
    files = rendered(case)
    others = "".join(text for name, text in files.items() if name != "rds.json")
    assert not [key for key in keys if json.dumps(key)[1:-1] in others]


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.name)
def test_nobody_chooses_a_cluster_by_a_header_of_his_own(case):
    files = {name: json.loads(text)["resources"] for name, text in rendered(case).items()}
    [first] = [one for one in files["lds.json"] if one["name"] == "http"]
    manager = first["filter_chains"][0]["filters"][0]["typed_config"]
    removed = {
        mutation["remove"]
        for one in manager["early_header_mutation_extensions"]
        for mutation in one["typed_config"]["mutations"]
    }
    found = [route.get("route", {}) for host in files["rds.json"][0]["virtual_hosts"] for route in host["routes"]]
    assert {one["cluster_header"] for one in found if "cluster_header" in one} <= removed


@pytest.mark.parametrize(
    ("cluster", "counted"), [("clients/chat.a", False), ("clients/*", False), ("clients/chat/a", True)]
)
def test_what_is_counted_of_an_endpoint_does_not_depend_on_the_name_of_its_namespace(cluster, counted):
    patterns = json.loads(bootstrap("/x", 1))["stats_config"]["stats_matcher"]["exclusion_list"]["patterns"]
    excluded = lambda stat: any(re.fullmatch(one["safe_regex"]["regex"], stat) for one in patterns)  # noqa: E731 - of these
    assert not excluded(f"cluster.{cluster}.upstream_rq_active")
    for what in (TOTAL, HEALTHY, "upstream_cx_active", "retry.upstream_rq_503"):
        assert excluded(f"cluster.{cluster}.{what}") != counted


def test_a_key_of_two_clients_is_nobodys():
    keys = {"red": ["one", "both", ""], "blue": ["both"]}
    [routes] = json.loads(render(ModelTable(), keys, Listening("/etc/envoy", 80))["rds.json"])["resources"]
    found = routes["virtual_hosts"][0]["typed_per_filter_config"]["keys"]
    assert found["credentials"] == [{"key": "one", "client": "red"}]
    assert shared_keys(keys) == [("blue", "red")]


def one_model(name):
    return ModelTable(models=(Served(name=name, targets=(Target(name=f"a/{name}/a", host=f"{name}.a.svc", port=80),)),))


def test_files_are_replaced_so_that_no_route_leads_to_a_cluster_that_is_not_there():
    before, after = (render(one_model(name), {}, HERE) for name in ("old", "new"))
    assert [name for name, _ in replacements({}, after)] == ["cds.json", "rds.json", "sds.json", "lds.json"]
    steps = [*replacements(before, after)]
    assert [name for name, _ in steps] == ["cds.json", "rds.json", "cds.json"]
    clusters = [[one["name"] for one in json.loads(text)["resources"]] for name, text in steps if name == "cds.json"]
    assert clusters == [["a/new/a", "a/old/a"], ["a/new/a"]]
    assert [*replacements(after, after)] == []


def test_envoy_is_started_with_the_folder_of_the_files():
    found = json.loads(bootstrap("/run/gateway", 9901))
    paths = [one["path_config_source"]["path"] for one in found["dynamic_resources"].values()]
    assert paths == ["/run/gateway/lds.json", "/run/gateway/cds.json"]
    assert found["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_envoy_takes_names_of_any_signs_and_as_many_clients_as_there_may_be(tmp_path):
    signs = "".join(map(chr, range(33, 127)))
    limits = (Limit(client="x", models=("another",)),)
    table = one_model("m").model_copy(update={"limits": limits})
    served = table.models[0]
    odd = tuple(served.model_copy(update={"name": name}) for name in (signs, ":" * 300, "?#" * 150))
    keys = {sha256(str(at).encode()).hexdigest() * 3: [f"key-{at}"] for at in range(MAX_CLIENTS - 1)} | {"x": ["x"]}
    files = render(table.model_copy(update={"models": (served, *odd)}), keys, HERE)
    assert envoy.objections(tmp_path, files) == ""


def target(**more):
    return {"name": "team-a/chat/a", "host": "chat-pods.team-a.svc", "port": 8000, **more}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"models": [{"name": "a b", "targets": [target()]}]}, "should match pattern"),
        ({"models": [{"name": "a", "targets": []}]}, "at least 1 item"),
        ({"models": [{"name": "a", "targets": [target(weight=0)]}]}, "none of the targets has a weight above 0"),
        ({"models": [{"name": "a", "targets": [target(name="team-a/chat")]}]}, "should match pattern"),
        ({"models": [{"name": "a", "targets": [target()]}] * 2}, "models has a more than once"),
        ({"limits": [{"client": "*"}, {"client": "*"}]}, r"limits has \* more than once"),
        (
            {"models": [{"name": name, "targets": [target(port=port)]} for name, port in (("a", 1), ("b", 2))]},
            "the target team-a/chat/a is in two places",
        ),
        ({"limits": [{"client": "red", "requestsPerMinute": 0}]}, "greater than or equal to 1"),
        ({"limits": [{"client": "red team"}]}, "should match pattern"),
    ],
)
def test_a_table_that_cannot_be_is_refused(raw, words):
    with pytest.raises(ValidationError, match=words):
        ModelTable.model_validate(raw)


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
clients = st.from_regex(r"[-._a-zA-Z0-9]{1,20}", fullmatch=True)


@given(st.lists(names, unique=True, max_size=6), st.dictionaries(clients, st.lists(names, max_size=2), max_size=4))
def test_the_order_of_the_input_changes_nothing(models, keys):
    served = [
        Served(name=name, targets=(Target(name=f"a/m{at}/a", host=f"m{at}.a.svc", port=80),))
        for at, name in enumerate(models)
    ]
    table, turned = ModelTable(models=tuple(served)), ModelTable(models=tuple(reversed(served)))
    assert render(table, keys, HERE) == render(turned, dict(reversed(keys.items())), HERE)


@given(st.integers(1, 1_000_000), st.integers(1, 100))
def test_all_replicas_together_keep_a_limit_to_a_tenth(per_minute, replicas):
    each = per_minute / replicas
    bucket = _bucket(each, 0.1)
    seconds = float(bucket["fill_interval"].removesuffix("s"))
    assert bucket["tokens_per_fill"] * 60 / seconds == pytest.approx(each, rel=0.001)
    assert 1 <= bucket["max_tokens"] <= max(1, each / 10 + 1)
    assert seconds >= 0.05  # less is refused by Envoy


def test_what_envoy_refuses_is_told(tmp_path):
    files = rendered(CASES[0])
    files["cds.json"] = files["cds.json"].replace("STRICT_DNS", "NO_SUCH_TYPE")
    assert "NO_SUCH_TYPE" in envoy.objections(tmp_path, files)
