"""The command line as people and pipes use it: what it prints, where, and how it ends."""

import json
import random
import re

import pytest
import yaml

from aimlib.config import Config
from aimlib.gateway.routed import pods_service
from hooks.cli import files
from hooks.cli.formats import as_list
from hooks.planning import simulate
from tests.hooks.cli.commandline import EXAMPLES, NODES, aim, endpoint, on_terminal, recipe
from tests.kustomize import ROOT

GOLDEN = ROOT / "tests" / "testdata" / "cli"
SHORT, LONG = EXAMPLES / "endpoint-short.yaml", EXAMPLES / "endpoint-long.yaml"
FULL = EXAMPLES / "endpoint-full.yaml"
MI300X = ("--cluster", NODES / "mi300x.yaml")


def stream(text):
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize("example", [SHORT, EXAMPLES / "cache.yaml"], ids=lambda path: path.stem)
def test_a_plan_is_the_expected_one(example, request):
    done = aim("plan", "-f", example, "--cluster", NODES)
    expected = GOLDEN / f"plan-{example.name}"
    if request.config.getoption("--update-golden"):
        expected.write_text(done.stdout)
    assert done.exit_code == 0
    assert done.stdout == expected.read_text()


def test_the_long_spelling_is_planned_like_the_short_one():
    long, short = (aim("plan", "-f", example, "--cluster", NODES).stdout.splitlines() for example in (LONG, SHORT))
    assert (long[0], long[2:]) == (short[0], short[2:])
    counts = r": the best of \d+ that fit of 40 configurations$"  # the long one leaves more to choose from
    assert re.sub(counts, "", long[1]) == re.sub(counts, "", short[1])


def test_a_plan_is_what_the_hook_returns():
    done = aim("plan", "-f", EXAMPLES / "endpoint-full.yaml", *MI300X)
    [parent] = files.read_plan_input([str(EXAMPLES / "endpoint-full.yaml")], None).endpoints
    inventory = files.read_inventory([str(NODES / "mi300x.yaml")]).inventory
    catalogue = files.recipe_catalogue(files.read_sources([files.shipped_recipes()]))
    children = simulate.sync(parent, simulate.SimulatedCluster(inventory, catalogue), Config())["children"]
    kinds = {one["kind"] for one in children}
    assert {"Deployment", "Service", "PersistentVolumeClaim", "ConfigMap", "HTTPRoute"} <= kinds
    assert stream(done.stdout) == children
    assert ": null" not in done.stdout
    assert "status:" not in done.stdout


def test_a_plan_explains_itself_in_its_first_line():
    done = aim("plan", "-f", SHORT, *MI300X)
    first, second, *_ = done.stdout.splitlines()
    assert first == "---"
    assert second.startswith("# AIMEndpoint default/qwen-endpoint: qwen3-32b-mi300x-bf16 with 1 GPU: the best of ")


def test_a_plan_as_json_is_one_list_that_kubectl_takes():
    done = aim("plan", "-f", SHORT, *MI300X, "-o", "json")
    found = json.loads(done.stdout)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert found["items"] == stream(aim("plan", "-f", SHORT, *MI300X).stdout)


def test_a_plan_as_a_table_has_a_row_per_child():
    done = aim("plan", "-f", EXAMPLES / "endpoint-full.yaml", *MI300X, "-o", "table")
    head, *rows = done.stdout.split("\n\n")[0].splitlines()
    assert head.split() == ["NAMESPACE", "KIND", "NAME", "DETAIL"]
    assert {row.split()[1] for row in rows} == {
        "Deployment",
        "Service",
        "PersistentVolumeClaim",
        "ServiceAccount",
        "ScaledObject",
        "PodDisruptionBudget",
        "ConfigMap",
        "HTTPRoute",
    }
    assert "Gateway edge: chat.example.com" in done.stdout
    assert "2 x docker.io/vllm/vllm-openai-rocm:v0.14.0@sha256:" in rows[0]
    assert ": cpu 16, memory 128Gi, amd.com/gpu 2" in rows[0]
    assert "2 to 4 replicas by requests, kv-cache, time-to-first-token, cpu, memory" in done.stdout
    assert "80Gi, ReadWriteMany" in done.stdout
    assert "LoadBalancer, port 80" in done.stdout


def test_a_plan_of_an_endpoint_that_scales_by_its_cpu_has_the_autoscaler_of_kubernetes(tmp_path):
    path = tmp_path / "endpoint.yaml"
    spec = {"modelId": "Qwen/Qwen3-32B", "scaling": {"maxReplicas": 3, "targetCPUUtilization": 80}}
    about = {"apiVersion": "aim.engine.amd.com/v1alpha1", "kind": "AIMEndpoint", "metadata": {"name": "chat"}}
    path.write_text(json.dumps({**about, "spec": spec}))
    done = aim("plan", "-f", path, *MI300X, "-o", "table")
    [row] = [line for line in done.stdout.splitlines() if "HorizontalPodAutoscaler" in line]
    assert row.endswith("1 to 3 replicas")


@pytest.mark.parametrize(
    ("routing", "gateway", "least"),
    [
        ({}, {}, 0),
        ({}, {"namespaces": ["default"]}, 0),
        ({"enabled": False}, {}, 1),
        ({}, {"endpointSelector": {"matchLabels": {"team": "red"}}}, 1),
        ({}, None, 1),
    ],
)
def test_an_endpoint_reaches_zero_in_a_plan_with_a_gateway_that_routes_to_it(tmp_path, routing, gateway, least):
    path = tmp_path / "endpoint.yaml"
    spec = {"modelId": "Qwen/Qwen3-32B", "scaling": {"minReplicas": 0, "maxReplicas": 3}, "routing": routing}
    objects = [{"kind": "AIMEndpoint", "metadata": {"name": "chat"}, "spec": {**spec, "monitoring": {"enabled": True}}}]
    if gateway is not None:
        namespace = "gateways" if "namespaces" in gateway else "default"
        clients = {"clients": {"anonymous": True}}
        metadata = {"name": "models", "namespace": namespace}
        objects.append({"kind": "AIMGateway", "metadata": metadata, "spec": {**clients, **gateway}})
    path.write_text(json.dumps(as_list([{"apiVersion": "aim.engine.amd.com/v1alpha1", **one} for one in objects])))
    done = aim("plan", "-f", path, *MI300X, "-o", "table")
    [row] = [line for line in done.stdout.splitlines() if "ScaledObject" in line]
    assert f"{least} to 3 replicas" in row
    assert ("no AIMGateway routes requests" in done.stderr) is bool(least)


def test_warnings_go_to_standard_error_and_leave_the_stream_alone():
    done = aim("plan", "-f", EXAMPLES / "endpoint-full.yaml", *MI300X)
    assert "recipe.customRecipe.namespace has no effect" in done.stderr
    assert "has no effect" not in done.stdout


def test_a_child_of_an_optional_kind_is_planned_as_if_its_component_were_installed():
    done = aim("plan", "-f", EXAMPLES / "endpoint-full.yaml", *MI300X)
    note = "planned as if the kustomize component gateway-api were installed; service.route has no effect without it"
    assert done.stderr.count(note) == 1
    assert note not in aim("plan", "-f", SHORT, *MI300X).stderr


def test_without_a_cluster_there_is_one_node_of_each_product_and_a_note():
    done = aim("plan", "-f", SHORT)
    assert done.exit_code == 0
    assert "without --cluster: planned for one node of every known GPU product" in done.stderr
    rows = aim("explain", "-f", endpoint(modelId="Qwen/Qwen3-32B"), "-o", "json")
    hardware = {one["hardware"] for one in json.loads(rows.stdout)["candidates"] if "rank" in one}
    assert {"MI210", "MI300X", "MI355X", "H100", "L40S"} <= hardware


def test_a_cpu_endpoint_can_be_planned_without_a_cluster():
    done = aim("plan", "-f", endpoint(modelId="meta-llama/Llama-3.2-1B-Instruct", gpuCount=0))
    [deployment] = [one for one in stream(done.stdout) if one["kind"] == "Deployment"]
    assert "amd.com/gpu" not in str(deployment["spec"]["template"]["spec"]["containers"][0]["resources"])


def test_an_endpoint_may_come_on_standard_input_and_as_a_list_with_its_recipe():
    mine = recipe("mine", modelId="example/model")
    wanted = yaml.safe_load(endpoint(modelId="example/model"))
    both = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(mine), wanted]})
    done = aim("explain", "-f", "-", *MI300X, "-o", "json", input=both)
    assert done.exit_code == 0, done.stderr
    assert [one["recipe"] for one in json.loads(done.stdout)["candidates"]] == ["mine"]


def test_a_recipe_beside_the_endpoint_replaces_the_one_in_the_catalogue(tmp_path):
    (tmp_path / "old.yaml").write_text(recipe("same", hardware="MI210"))
    together = endpoint(modelId="example/model") + "---\n" + recipe("same", hardware="MI300X")
    done = aim("explain", "-f", together, "--recipes", tmp_path, *MI300X, "-o", "json")
    assert [one["hardware"] for one in json.loads(done.stdout)["candidates"]] == ["MI300X"]


def test_the_order_of_recipes_makes_no_difference(tmp_path):
    found = sorted((ROOT / "recipes").glob("qwen3-32b-*.yaml"))
    outputs = set()
    for seed in range(4):
        random.Random(seed).shuffle(found)  # noqa: S311 - an order, not a secret
        place = tmp_path / f"{seed}.yaml"
        place.write_text("---\n".join(path.read_text() for path in found))
        outputs.add(aim("explain", "-f", SHORT, "--cluster", NODES, "--recipes", place).stdout)
    assert len(outputs) == 1


def test_the_namespace_is_the_files_or_the_command_lines():
    assert stream(aim("plan", "-f", SHORT, *MI300X, "-n", "team").stdout)[0]["metadata"]["namespace"] == "team"
    done = aim("plan", "-f", endpoint({"name": "x", "namespace": "a"}, modelId="Qwen/Qwen3-32B"), "-n", "b")
    assert done.exit_code == 2
    assert "metadata.namespace: a, but the command line has b" in done.stderr


def test_the_operators_settings_count(tmp_path):
    settings = tmp_path / "config.yaml"
    settings.write_text("sharedMemory: 3Gi\n")
    assert "sizeLimit: 3Gi" in aim("plan", "-f", SHORT, *MI300X, "--config", settings).stdout
    settings.write_text("")
    assert "sizeLimit: 8Gi" in aim("plan", "-f", SHORT, *MI300X, "--config", settings).stdout


def test_a_model_that_fits_nowhere_is_explained_with_both_numbers_and_exit_code_3():
    done = aim(
        "explain", "-f", endpoint(modelId="example/model"), *MI300X, "--recipes", "-", input=recipe("big", tokens=10**6)
    )
    assert done.exit_code == 3
    [row] = [line for line in done.stdout.splitlines() if line.startswith("-")]
    assert "memory: needs " in row
    assert "GiB per device" in row
    assert "172.8 GiB usable of 192 GiB on MI300X" in row
    assert done.stdout.splitlines()[-1].startswith(
        "AIMEndpoint default/it: the only configuration for example/model does not fit: "
    )


def test_a_plan_for_what_fits_nowhere_prints_nothing_to_apply_and_the_closest_candidates():
    wanted = endpoint(modelId="Qwen/Qwen3-32B")
    done = aim("plan", "-f", wanted, "--cluster", NODES / "cpu.yaml")
    assert done.exit_code == 3
    assert done.stdout.startswith("# AIMEndpoint default/it: none of ")
    assert stream(done.stdout) == []
    assert "AIMEndpoint default/it: none of " in done.stderr
    assert "hardware: needs " in done.stderr
    assert "The closest 5 of " in done.stderr
    nothing = ("plan", "-f", wanted, "--cluster", NODES / "cpu.yaml", "-o")
    assert json.loads(aim(*nothing, "json").stdout) == {"apiVersion": "v1", "kind": "List", "items": []}
    assert aim(*nothing, "table").stdout.startswith("AIMEndpoint default/it: none of ")


def test_one_endpoint_that_does_not_fit_does_not_stop_the_others():
    both = endpoint({"name": "a"}, modelId="nobody/knows") + "---\n" + endpoint({"name": "b"}, modelId="Qwen/Qwen3-32B")
    done = aim("plan", "-f", both, *MI300X)
    assert done.exit_code == 3
    assert {one["metadata"]["name"] for one in stream(done.stdout)} == {"b", pods_service("b")}
    assert "AIMEndpoint default/a: no recipe for model nobody/knows" in done.stderr


LOADED = "nvidia/Llama-3.3-70B-Instruct-FP8"
"""What recipes for meta-llama/Llama-3.3-70B-Instruct load."""


def test_a_repository_that_recipes_load_is_served_by_its_own_id():
    done = aim("plan", "-f", endpoint(modelId=LOADED), "--hardware", "H100")
    assert done.exit_code == 0
    [container] = stream(done.stdout)[0]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["--served-model-name", LOADED]
    assert LOADED in container["command"]


def test_a_repository_that_recipes_load_is_suggested():
    done = aim("explain", "-f", endpoint(modelId=LOADED.lower()), *MI300X)
    assert done.exit_code == 3
    assert f"did you mean {LOADED}?" in " ".join(done.stdout.split())


def test_hardware_that_may_come_is_explained(tmp_path):
    settings = tmp_path / "config.yaml"
    pool = {"product": "MI300X", "gpusPerNode": 8, "labels": {"pool": "mi300x"}}
    settings.write_text(yaml.safe_dump({"hardwareMayCome": [pool]}))
    given = ("-f", endpoint(modelId="Qwen/Qwen3-32B"), "--cluster", NODES / "cpu.yaml", "--config", settings)
    done = aim("explain", *given)
    assert done.exit_code == 0
    text = " ".join(done.stdout.split())
    assert "no node with MI300X is there, and one may come (hardwareMayCome of the settings): on the nodes" in text
    [term] = stream(aim("plan", *given).stdout)[0]["spec"]["template"]["spec"]["affinity"]["nodeAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]["nodeSelectorTerms"]
    assert term["matchExpressions"][0] == {"key": "pool", "operator": "In", "values": ["mi300x"]}


def test_names_that_are_nearly_right_are_suggested():
    done = aim("explain", "-f", endpoint(modelId="qwen/Qwen-3-32B"), *MI300X)
    assert done.exit_code == 3
    assert "no recipe for model qwen/Qwen-3-32B; did you mean Qwen/Qwen3-32B" in done.stdout
    done = aim("explain", "-f", endpoint(modelId="qwen/qwen3-32b"), *MI300X)
    assert "no recipe for model qwen/qwen3-32b; did you mean Qwen/Qwen3-32B" in done.stdout
    custom = {"customRecipe": {"name": "qwen3-32b-mi300x-bf61"}}
    done = aim("explain", "-f", endpoint(modelId="Qwen/Qwen3-32B", recipe=custom), *MI300X)
    assert "did you mean qwen3-32b-mi300x-bf16 or " in done.stdout


def test_a_recipe_that_cannot_be_used_is_no_missing_one_and_is_not_suggested(tmp_path):
    spec = {"modelId": "mine/model", "hardware": "MI300X", "precision": "bf16", "backend": "vllm"}
    mine = {
        "apiVersion": "aim.engine.amd.com/v1alpha1",
        "kind": "AIMRecipe",
        "metadata": {"name": "mine"},
        "spec": spec,
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine))
    given = ("--recipes", str(tmp_path / "mine.yaml"))
    for asked in ({"modelId": "mine/model"}, {"modelId": "mine/model", "recipe": {"customRecipe": {"name": "mine"}}}):
        done = aim("explain", "-f", endpoint(**asked), *MI300X, *given)
        assert "recipe mine has no configurations" in done.stdout
        assert "did you mean" not in done.stdout


def test_an_explanation_lists_every_candidate_with_the_facts_of_its_recipe():
    done = aim("explain", "-f", SHORT, *MI300X)
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["RANK", "RECIPE", "GPUS", "HARDWARE", "PRECISION", "ENGINE", "VERDICT"]
    assert lines[0].split()[:6] == ["1", "qwen3-32b-mi300x-bf16", "1", "MI300X", "bf16", "vllm"]
    files_of_model = [
        path for path in (ROOT / "recipes").glob("*.yaml") if "modelId: Qwen/Qwen3-32B\n" in path.read_text()
    ]
    candidates = sum(len(yaml.safe_load(path.read_text())["spec"]["configurations"]) for path in files_of_model)
    assert lines.index("") == candidates > 20
    assert "CHECKPOINT" in aim("explain", "-f", SHORT, *MI300X, "-o", "wide").stdout.splitlines()[0]


def test_an_explanation_of_several_endpoints_has_a_part_for_each():
    both = endpoint({"name": "a"}, modelId="nobody/knows") + "---\n" + endpoint({"name": "b"}, modelId="Qwen/Qwen3-32B")
    assert len(aim("explain", "-f", both, *MI300X).stdout.split("AIMEndpoint default/")) == 3
    data = yaml.safe_load(aim("explain", "-f", both, *MI300X, "-o", "yaml").stdout)
    assert [(one["metadata"]["name"], one["fits"]) for one in data["items"]] == [("a", False), ("b", True)]
    assert data["items"][1]["candidates"][0]["score"]


def test_an_unchecked_rule_is_a_warning():
    bare = recipe("bare", facts=None)
    done = aim("explain", "-f", endpoint(modelId="example/model") + "---\n" + bare, *MI300X)
    assert done.exit_code == 0
    assert "Warning: memory was not checked: recipe bare has no facts" in done.stdout


def test_an_unreadable_recipe_is_a_candidate_that_lost(tmp_path):
    (tmp_path / "bad.yaml").write_text(recipe("bad", precision="fp99"))
    (tmp_path / "good.yaml").write_text(recipe("good"))
    (tmp_path / "none.yaml").write_text(yaml.safe_dump({**yaml.safe_load(recipe("none")), "spec": "?"}))
    done = aim("explain", "-f", endpoint(modelId="example/model"), "--recipes", tmp_path, *MI300X)
    assert done.exit_code == 0
    assert "valid: needs a recipe that can be read; has precision" in done.stdout
    listed = aim("recipes", "--recipes", tmp_path, "-o", "wide").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "bad", "good", "none"]
    assert "Invalid" in listed


def test_recipes_are_listed_with_the_status_of_their_hook():
    done = aim("recipes")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["NAME", "MODEL", "HARDWARE", "PRECISION", "ENGINE", "GPUS", "PHASE"]
    assert len(rows) == len(list((ROOT / "recipes").glob("*.yaml"))) - 1
    assert {row.split()[-1] for row in rows} == {"Ready"}
    data = json.loads(aim("recipes", "-o", "json").stdout)["items"]
    assert yaml.safe_load(aim("recipes", "-o", "yaml").stdout)["items"] == data
    assert "endpoints" not in data[0]


def test_the_shipped_recipes_are_found_in_a_wheel(tmp_path, monkeypatch):
    assert files.shipped_recipes() == str(ROOT / "recipes")
    (tmp_path / "recipes").mkdir()
    monkeypatch.setattr(files, "files", lambda _: tmp_path)
    assert files.shipped_recipes() == str(tmp_path / "recipes")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ("explain", "-f", SHORT, "--cluster", NODES / "cpu.yaml"),
        ("explain", "-f", SHORT),
        ("plan", "-f", SHORT, "--cluster", NODES / "cpu.yaml", "-o", "table"),
        ("plan", "-f", FULL, "-o", "table"),
        ("recipes",),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_nothing_is_wider_than_the_terminal(words, columns):
    plain = aim(*words)
    shown = on_terminal(*words, columns=columns, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= columns
    # Whatever a narrow terminal does without is in the names.
    assert set(shown.split()) <= set((plain.stdout + plain.stderr).split())


def test_a_narrow_terminal_has_every_candidate_with_its_verdict_and_does_without_what_names_have():
    shown = on_terminal("explain", "-f", SHORT, *MI300X, columns=80, NO_COLOR="1")
    assert shown.splitlines()[0].split() == ["RANK", "RECIPE", "GPUS", "VERDICT"]
    words = " ".join(shown.split())
    cache = "(KV cache: 443842 tokens, 13.5 sequences)"
    memory = f"memory 72.4 of 172.8 GiB per device {cache}"
    source = "predicted, corrected by 2 published figures; 1024 tokens in, 512 out, 32 at once"
    speed = f"speed 597 tokens/s per GPU ({source})"
    assert f"1 qwen3-32b-mi300x-bf16 1 {memory}, {speed}, context 32768 tokens" in words
    wide = on_terminal("explain", "-f", SHORT, *MI300X, "-o", "wide", NO_COLOR="1")
    assert wide.splitlines()[0].split()[-2:] == ["CHECKPOINT", "VERDICT"]


def test_colours_are_for_terminals_and_for_nobody_who_asked_for_none():
    words = ("explain", "-f", SHORT, *MI300X)
    chosen = "\x1b[32m1     qwen3-32b-mi300x-bf16 "
    assert chosen in on_terminal(*words)
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(*words, **environment)
    assert chosen in on_terminal(*words, NO_COLOR="")
    assert "\x1b" not in aim(*words).output


def test_every_line_about_an_endpoint_has_its_name():
    both = endpoint({"name": "a"}, modelId="example/model") + "---\n" + endpoint({"name": "b"}, modelId="example/model")
    done = aim("explain", "-f", both + "---\n" + recipe("bare", facts=None), *MI300X)
    lines = [line for line in done.stdout.splitlines() if line and line.split()[0] not in {"RANK", "1"}]
    assert lines
    assert [line for line in lines if not re.match("AIMEndpoint default/[ab]: ", line)] == []
    done = aim("plan", "-f", both + "---\n" + recipe("bare"), *MI300X, "-o", "table")
    sentences = done.stdout.split("\n\n")[1].splitlines()
    assert [line.split(": ")[0] for line in sentences] == ["AIMEndpoint default/a", "AIMEndpoint default/b"]


def test_numbers_are_numbers_in_json():
    data = json.loads(aim("explain", "-f", SHORT, *MI300X, "-o", "json").stdout)
    first = data["candidates"][0]
    assert (first["memoryGiB"], first["usableMemoryGiB"], first["contextTokens"]) == (72.4, 172.8, 32768)
    assert (first["cacheTokens"], first["cacheSequences"]) == (443842, 13.5)
    assert (data["cacheTokens"], data["cacheSequences"]) == (443842, 13.5)
    lost = [one for one in data["candidates"] if one.get("rule")]
    assert lost
    asked = aim("explain", "-f", endpoint(modelId="Qwen/Qwen3-32B", gpuCount=8), *MI300X, "-o", "json")
    counted = next(one for one in json.loads(asked.stdout)["candidates"] if one.get("rule") == "gpuCount")
    assert (counted["requestedNumber"], counted["availableNumber"]) == (8, counted["gpuCount"])
    [*_, last] = json.loads(aim("recipes", "-o", "json").stdout)["items"]
    assert last["gpuCounts"]
    assert {type(count) for count in last["gpuCounts"]} == {int}


@pytest.mark.parametrize("stated", ["", None])
def test_an_empty_namespace_is_none(stated):
    stated_so = endpoint({"name": "it", "namespace": stated}, modelId="Qwen/Qwen3-32B")
    planned = aim("plan", "-f", stated_so, *MI300X)
    assert planned.exit_code == 0
    assert {one["metadata"]["namespace"] for one in stream(planned.stdout)} == {"default"}
    named = ("-n", "team-a", "-o", "table")
    planned = aim(
        "plan", "-f", endpoint({"name": "it", "namespace": stated}, modelId="Qwen/Qwen3-32B"), *MI300X, *named
    )
    assert "AIMEndpoint team-a/it: " in planned.stdout


def test_a_model_and_hardware_are_enough_to_explain():
    done = aim("explain", "--model", "Qwen/Qwen3-32B", "--hardware", "MI300X", "--hardware", "h100", "-o", "json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["candidates"][0]["recipe"].startswith("qwen3-32b-")
    assert found["warnings"] == []
    done = aim("explain", "--model", "Qwen/Qwen3-32B", "--model", "nobody/knows", "--hardware", "MI300X", "-n", "team")
    assert done.exit_code == 3
    assert "AIMEndpoint team/model-1" in done.stdout
    assert "no recipe for model nobody/knows" in done.stdout


def test_recipes_of_a_model_for_a_product():
    done = aim("recipes", "--model", "Qwen/Qwen3-32B", "--hardware", "mi300x", "-o", "json")
    found = json.loads(done.stdout)["items"]
    assert {(one["model"], one["hardware"]) for one in found} == {("Qwen/Qwen3-32B", "MI300X")}
    assert json.loads(aim("recipes", "--model", "no/such", "-o", "json").stdout)["items"] == []


def test_a_model_may_be_named_without_its_option():
    words = ("--recipes", recipe("one") + "---\n" + recipe("two", modelId="other/model"))
    by_option = aim("recipes", *words, "--model", "example/model", "--hardware", "MI300X").stdout
    assert len(by_option.splitlines()) == 2
    assert aim("recipes", "example/model", *words, "--hardware", "MI300X").stdout == by_option
    assert aim("recipes", *words, "--hardware", "MI300X", "example/model").stdout == by_option
    both = aim("recipes", *words, "example/model", "other/model")
    assert len(both.stdout.splitlines()) == 3
    wrong = aim("recipes", "example")
    assert wrong.exit_code == 2
    assert "No such command 'example'" in wrong.stderr
    assert "The id of a MODEL has a slash; else it is --model example." in wrong.stderr


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("Qwen/Qwen3-32BX",), "no recipe for model Qwen/Qwen3-32BX; did you mean Qwen/Qwen3-32B"),
        (("nobody/knows-anything-like-it",), "no recipe for model nobody/knows-anything-like-it\n"),
        (("--hardware", "MI30X"), "no recipe for hardware MI30X; did you mean MI"),
        (("Qwen/Qwen3-8B", "--hardware", "L40S"), "no recipe for Qwen/Qwen3-8B on L40S\n"),
        (("google/gemma-4-31B-it",), "candidates are derived, which `aim explain --model google/gemma-4-31B-it` lists"),
    ],
)
def test_what_has_no_recipe_is_told_with_what_may_have_been_meant(words, note):
    done = aim("recipes", *words)
    assert (done.exit_code, done.stdout) == (3, "")
    assert note in done.stderr
    data = aim("recipes", *words, "-o", "json")
    assert (data.exit_code, json.loads(data.stdout)["items"], data.stderr) == (3, [], done.stderr)


def test_beside_recipes_that_there_are_a_name_that_has_none_is_a_note():
    done = aim("recipes", "Qwen/Qwen3-8B", "no/such-thing-at-all", "--recipes", recipe("one", modelId="Qwen/Qwen3-8B"))
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 2
    assert "no recipe for model no/such-thing-at-all" in done.stderr


def test_a_plan_takes_the_cache_of_an_endpoints_own_source_as_filled():
    source = {"id": "Qwen/Qwen3-32B", "source": "s3://models/qwen", "access": {"endpoint": "http://minio:9000"}}
    done = aim("plan", "-f", endpoint(model=source), *MI300X)
    assert done.exit_code == 0, done.stderr
    assert {"AIMCache", "Deployment"} <= {one["kind"] for one in stream(done.stdout) if one}
