"""AIMCaches on the command line: what they become, what endpoints make of them, and what is said where they cannot."""

import json
from typing import Any

import pytest
import yaml

from hooks.cli import commands, files
from hooks.planning import simulate
from tests.hooks.cli.commandline import NODES, aim, cache, endpoint, recipe

MI300X = ("--cluster", NODES / "mi300x.yaml")
QWEN, SMALL = "Qwen/Qwen3-32B", "Qwen/Qwen3-8B"
BOTH = (
    cache(models=[{"id": QWEN}, {"id": SMALL, "preload": False}])
    + "---\n"
    + endpoint({"name": "qwen"}, modelId=QWEN, cache={"name": "models"})
)
"""A cache of two models, one of them on demand, and an endpoint that is served from it."""


def planned(*words):
    """The objects of a plan, by kind and name, and what stands on standard error."""
    done = aim("plan", *words)
    assert done.exit_code == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    return {(one["kind"], one["metadata"]["name"]): one for one in objects}, done.stderr


def downloads(objects):
    """The models that Jobs download."""
    words = [word for (kind, _), one in objects.items() if kind == "Job" for word in container(one)["args"]]
    return sorted(word.removeprefix("--model=") for word in words if word.startswith("--model="))


def container(child):
    [found] = child["spec"]["template"]["spec"]["containers"]
    return found


def mounts(objects, name="it"):
    """The claims that an endpoint's pods mount."""
    volumes = objects["Deployment", name]["spec"]["template"]["spec"]["volumes"]
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]


def test_a_cache_and_its_endpoint_are_planned_together():
    objects, said = planned("-f", BOTH, *MI300X)
    assert downloads(objects) == [QWEN]
    assert mounts(objects, "qwen") == ["models-storage"]
    environment = {one["name"]: one.get("value") for one in container(objects["Deployment", "qwen"])["env"]}
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert said == (
        f"AIMEndpoint default/qwen: planned as if AIMCache models had {QWEN}; no replica starts before it has\n"
    )


def test_both_checkpoints_of_an_endpoint_with_a_draft_are_planned():
    draft = "RedHatAI/Qwen3-32B-speculator.eagle3"
    files = cache(models=[{"id": QWEN}, {"id": draft}]) + "---\n"
    files += endpoint({"name": "qwen"}, modelId=QWEN, cache={"name": "models"}, recipe={"draft": {}})
    objects, said = planned("-f", files, *MI300X)
    assert downloads(objects) == [QWEN, draft]
    assert said.endswith(f"planned as if AIMCache models had {QWEN} and {draft}; no replica starts before it has\n")
    assert objects["PersistentVolumeClaim", "models-storage"]["spec"]["resources"]["requests"]["storage"] == "71Gi"


def test_adapters_are_planned_as_if_the_cache_had_them_at_some_commit():
    adapters = [{"name": "sql", "source": {"repository": "acme/sql"}, "revision": "v2", "rank": 8}]
    listed = cache(models=[{"id": QWEN}, {"id": "acme/sql", "revision": "v2"}], size="1Ti")
    asking = endpoint({"name": "qwen"}, modelId=QWEN, cache={"name": "models"}, adapters=adapters)
    objects, said = planned("-f", f"{listed}---\n{asking}", *MI300X)
    assert downloads(objects) == [QWEN, "acme/sql"]
    args = container(objects["Deployment", "qwen"])["args"]
    folder = "/workspace/model-cache/hub/models--acme--sql/snapshots/COMMIT"
    assert args[args.index("--lora-modules") + 1] == f"sql={folder}"
    assert f"planned as if AIMCache models had {QWEN} and acme/sql; no replica starts before it has\n" in said


def test_room_for_the_rank_that_an_adapter_states_is_no_waste_before_it_is_downloaded():
    adapters = [{"name": "sql", "source": {"repository": "acme/sql"}, "rank": 64}]
    listed = cache(models=[{"id": QWEN}, {"id": "acme/sql"}], size="1Ti")
    _, said = planned("-f", f"{listed}---\n{endpoint({'name': 'qwen'}, modelId=QWEN, adapters=adapters)}", *MI300X)
    assert "room for rank" not in said
    assert "no replica starts: " not in said


def test_adapters_that_no_cache_lists_are_told_before_anything_is_applied():
    asking = endpoint({"name": "qwen"}, modelId=QWEN, adapters=[{"name": "sql", "source": {"repository": "acme/sql"}}])
    objects, said = planned("-f", f"{cache(models=[{'id': QWEN}], size='1Ti')}---\n{asking}", *MI300X)
    assert ("Deployment", "qwen") not in objects
    assert "no replica starts: adapters are loaded from an AIMCache" in said
    assert "add acme/sql to spec.models of cache models" in said


@pytest.mark.parametrize(
    ("draft", "advice"),
    [
        ({}, "add RedHatAI/Qwen3-32B-speculator.eagle3 to spec.models of cache models"),
        ({"repository": "RedHatAI/Qwen3-32B-speculator.eagle3", "revision": "v2"}, "list all of them in one"),
    ],
)
def test_beside_adapters_the_cache_needs_the_draft_as_well(draft, advice):
    adapters = [{"name": "sql", "source": {"repository": "acme/sql"}}]
    models = [{"id": QWEN}, {"id": "acme/sql"}]
    if draft:
        models += [{"id": "RedHatAI/Qwen3-32B-speculator.eagle3", "revision": "v1"}]
    asking = endpoint({"name": "qwen"}, modelId=QWEN, adapters=adapters, recipe={"draft": draft})
    _, said = planned("-f", f"{cache(models=models, size='1Ti')}---\n{asking}", *MI300X)
    assert f"has all of {QWEN}, RedHatAI/Qwen3-32B-speculator.eagle3, acme/sql: {advice}\n" in said


def test_the_title_of_a_cache_summarizes_its_children():
    done = aim("plan", "-f", BOTH, *MI300X)
    assert done.stdout.startswith(
        f"---\n# AIMCache default/models: PersistentVolumeClaim models-storage of 84Gi; downloads {QWEN}; "
        f"{SMALL} when an endpoint uses it\napiVersion: "
    )


def test_a_cache_alone_needs_no_cluster():
    objects, said = planned("-f", cache(modelId=QWEN))
    assert {kind for kind, _ in objects} == {
        "ConfigMap",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "PersistentVolumeClaim",
        "Job",
    }
    assert said == ""


def test_a_cache_without_models_is_a_volume():
    done = aim("plan", "-f", cache(size="10Gi"))
    assert "# AIMCache default/models: PersistentVolumeClaim models-storage of 10Gi\n" in done.stdout


def test_a_model_on_demand_is_downloaded_for_the_endpoint_beside_it():
    both = BOTH + "---\n" + endpoint(modelId=SMALL)
    objects, _ = planned("-f", both, *MI300X)
    assert downloads(objects) == [QWEN, SMALL]
    assert mounts(objects) == ["models-storage"]


def test_an_endpoint_of_another_namespace_has_nothing_of_the_cache():
    both = cache(modelId=QWEN) + "---\n" + endpoint({"name": "it", "namespace": "other"}, modelId=QWEN)
    objects, said = planned("-f", both, *MI300X)
    assert mounts(objects) == []
    assert said == ""


def test_a_recipe_beside_the_cache_gives_the_size_of_its_model():
    objects, _ = planned("-f", cache(modelId="example/model") + "---\n" + recipe("mine"))
    claim = objects["PersistentVolumeClaim", "models-storage"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "110Gi"


def test_a_volume_that_is_there_is_used_as_it_is():
    spec = {"storage": {"existingClaim": "mine"}, "hub": {"offline": True}, "modelId": QWEN}
    done = aim("plan", "-f", cache(**spec))
    assert done.exit_code == 0
    assert f"# AIMCache default/models: PersistentVolumeClaim mine as it is; verifies {QWEN}\n" in done.stdout
    objects = list(yaml.safe_load_all(done.stdout))
    assert "PersistentVolumeClaim" not in {one["kind"] for one in objects}


def test_a_cache_as_a_table_has_a_row_per_child():
    wanted = cache(modelId=QWEN, cleanup={"enabled": True, "maxAge": "30d"})
    done = aim("plan", "-f", wanted, "-o", "table")
    rows = {line.split()[1]: line for line in done.stdout.split("\n\n")[0].splitlines()}
    assert rows["Job"].endswith(f"--model={QWEN} --revision=main")
    assert rows["CronJob"].endswith("0 2 * * *")
    assert rows["PersistentVolumeClaim"].endswith("68Gi, ReadWriteOnce")
    assert done.stdout.endswith(
        f"\nAIMCache default/models: PersistentVolumeClaim models-storage of 68Gi; downloads {QWEN}\n"
    )


def test_warnings_about_a_cache_go_to_standard_error():
    done = aim("plan", "-f", cache(modelId=QWEN, cleanup={"maxAge": "30d"}), "-o", "json")
    assert "AIMCache default/models: cleanup.enabled is not true: nothing is removed" in done.stderr
    assert json.loads(done.stdout)["kind"] == "List"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"modelId": QWEN, "size": "50Gi"},
            "the cache has 50Gi, and its models need 61 GiB; 68Gi would be enough, and nothing is downloaded",
        ),
        (
            {"modelId": "nobody/knows"},
            "the size of the cache is not known: set size, or maxSize of nobody/knows, which no recipe loads",
        ),
        (
            {"models": [{"id": QWEN, "maxSize": "50Gi"}]},
            f"{QWEN}: it has 61 GiB, and its maxSize is 50 GiB",
        ),
    ],
)
def test_a_cache_that_does_not_fit_ends_with_exit_code_3_and_both_numbers(spec, said):
    done = aim("plan", "-f", cache(**spec))
    assert (done.exit_code, done.stdout) == (3, f"# AIMCache default/models: {said}\n")
    assert f"AIMCache default/models: {said}" in done.stderr


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"modelId": QWEN, "policies": {}}, "spec.policies: unknown field\n"),
        ({"modelId": QWEN, "storage": {"sise": "1Gi"}}, "spec.storage.sise: unknown field; did you mean spec.storage"),
        ({"modelId": QWEN, "size": "much"}, "spec.size: must match"),
        ({"models": [{"preload": True}]}, "spec.models[0]: id is missing"),
        ({"models": [{"id": QWEN, "priority": "urgent"}]}, "spec.models[0].priority: must be one of high, medium, low"),
        ({"modelId": QWEN, "cleanup": {"schedule": "at night"}}, "spec.cleanup: schedule is not in cron format"),
        ({"modelId": QWEN, "cleanup": {"maxAge": "-3d"}}, "spec.cleanup.maxAge: must match"),
        ({}, "state which models to keep (modelId or models), or how large the cache is"),
        ({"modelId": QWEN, "models": [{"id": QWEN}]}, "a model is listed twice"),
        ({"storage": {"existingClaim": "a", "size": "1Gi"}}, "storage.existingClaim is used as it is: leave out size"),
    ],
)
def test_a_cache_that_the_api_server_would_refuse(spec, said):
    for command in ("plan", "explain"):
        done = aim(command, "-f", cache(**spec))
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_finding_names_the_line_of_its_field():
    text = BOTH.replace("preload:", "preloaded:")
    done = aim("plan", "-f", text)
    line = next(place for place, one in enumerate(text.splitlines(), start=1) if "preloaded:" in one)
    assert f":{line}: AIMCache models: spec.models[1].preloaded: unknown field; did you mean" in done.stderr


def test_a_namespace_that_contradicts_the_command_line():
    done = aim("plan", "-f", cache({"name": "models", "namespace": "a"}, modelId=QWEN), "-n", "b")
    assert done.exit_code == 2
    assert "AIMCache models: metadata.namespace: a, but the command line has b" in done.stderr


def test_an_explanation_is_of_endpoints():
    done = aim("explain", "-f", BOTH, *MI300X)
    assert done.exit_code == 0
    assert "AIMEndpoint default/qwen: " in done.stdout
    done = aim("explain", "-f", cache(modelId=QWEN))
    assert done.exit_code == 2
    assert done.stderr.endswith(": no AIMEndpoint\n")


class FakeCluster:
    """A running cluster that has all shipped recipes, an MI300X node and some caches."""

    namespace = "default"

    def __init__(self, *caches: dict[str, Any]) -> None:
        self.has = caches
        self.endpoints = [yaml.safe_load(endpoint({"name": "it", "namespace": "default"}, modelId=QWEN))]
        self.asked: list[str] = []
        self.declared: set[str] | None = set()

    def all(self, plural):
        assert plural in {"aimrecipes", "aimmodels"}
        if plural == "aimmodels":
            return []
        return list(files.recipe_catalogue(files.read_sources([files.shipped_recipes()])))

    def caches(self, namespace):
        self.asked.append(namespace)
        return [one for one in self.has if one["metadata"]["namespace"] == namespace]

    def gateways(self, namespace):
        clients = {"anonymous": True}
        return [
            {"kind": "AIMGateway", "metadata": {"name": "models", "namespace": namespace}, "spec": {"clients": clients}}
        ]

    def endpoint(self, name):
        return next(one for one in self.endpoints if one["metadata"]["name"] == name)

    def declared_children(self):
        return self.declared

    def inventory(self):
        return files.read_inventory([str(NODES / "mi300x.yaml")]).inventory


def kept(state=None, **spec):
    """An AIMCache of a running cluster, with its model in a state."""
    found = yaml.safe_load(cache({"name": "there", "namespace": "default"}, **spec))
    models = [{"id": QWEN, "revision": "main", "status": state}] if state else []
    return {**found, "status": {"cachedModels": models}} if state else found


@pytest.fixture
def running(monkeypatch):
    """`running(*caches)`: the cluster that `--live` finds."""

    def found(*caches):
        cluster = FakeCluster(*caches)
        monkeypatch.setattr(commands.CommandOptions, "connect", lambda _: cluster)
        return cluster

    return found


@pytest.mark.parametrize(("state", "ahead"), [("Ready", False), ("Downloading", True), (None, True)])
def test_an_endpoint_finds_the_caches_of_the_running_cluster(running, state, ahead):
    running(kept(state, modelId=QWEN))
    objects, said = planned("-f", endpoint(modelId=QWEN), "--live")
    assert mounts(objects) == ["there-storage"]
    assert (f"planned as if AIMCache there had {QWEN}" in said) == ahead


def test_an_endpoint_finds_the_gateways_of_the_running_cluster(running):
    running().declared = None
    objects, said = planned("-f", endpoint(modelId=QWEN, scaling={"minReplicas": 0}), "--live")
    [scaled] = [one for (kind, _), one in objects.items() if kind == "ScaledObject"]
    assert scaled["spec"]["minReplicaCount"] == 0
    assert "no AIMGateway" not in said


@pytest.mark.parametrize(
    ("declared", "has_route", "warning"),
    [
        ({"deployments.apps/v1"}, False, "service.route has no effect: HTTPRoute is managed once"),
        ({"httproutes.gateway.networking.k8s.io/v1"}, True, None),
        (None, True, "planned as if the kustomize component gateway-api were installed"),
    ],
    ids=["the component is missing", "the component is installed", "the controller cannot be read"],
)
def test_a_route_is_planned_as_the_controller_of_the_cluster_declares(running, declared, has_route, warning):
    running().declared = declared
    route = {"parentRefs": [{"name": "edge"}], "hostnames": ["chat.example.com"]}
    objects, notes = planned("-f", endpoint({"name": "it"}, modelId=QWEN, service={"route": route}), "--live")
    assert (("HTTPRoute", "it") in objects) == has_route
    assert warning in notes if warning else "gateway-api" not in notes


def test_a_cache_of_the_files_stands_for_that_of_the_cluster(running):
    running(kept("Ready", modelId=QWEN))
    mine = cache({"name": "there"}, modelId=QWEN, cachePath="/mine")
    objects, said = planned("-f", mine + "---\n" + endpoint(modelId=QWEN), "--live")
    assert container(objects["Deployment", "it"])["volumeMounts"][-1]["mountPath"] == "/mine"
    assert "planned as if" in said


def test_a_cache_of_the_cluster_that_cannot_be_read_does_not_stop_the_plan_of_others(running):
    running(kept(modelId=QWEN, size="much"))
    objects, said = planned("-f", endpoint(modelId=QWEN), "--live")
    assert mounts(objects) == []
    assert "AIMCache there is not used, since it cannot be read: storage.size" in said


def test_caches_that_no_endpoint_selects_are_not_read(running):
    cluster = running(kept("Ready", modelId=QWEN))
    planned("-f", endpoint(modelId=QWEN, cache={"enabled": False}), "--live")
    assert cluster.asked == []
    cluster.endpoints[0]["spec"]["cache"] = {"enabled": False}
    assert aim("explain", "it").exit_code == 0
    assert cluster.asked == []


def test_a_fresh_explanation_sees_the_caches(running):
    cluster = running(kept("Ready", modelId=QWEN, size="1Ti"))
    cluster.endpoints[0]["spec"]["model"] = {"revision": "v1"}
    done = aim("explain", "it")
    assert "Warning: cache there lists Qwen/Qwen3-32B at main, and this endpoint requests v1" in done.stdout
    assert cluster.asked == ["default"]


def test_a_service_of_another_cache_is_no_user():
    rule = {"apiVersion": "v1", "resource": "services", "namespace": "a"}
    selector = {"matchExpressions": [{"key": "x", "operator": "Exists"}]}
    objects = [
        {"kind": "Service", "metadata": {"name": name, "namespace": namespace, "labels": labels}}
        for name, namespace, labels in (("a", "a", {"x": "used"}), ("b", "a", {"y": "used"}), ("c", "b", {"x": "used"}))
    ]
    found = simulate.select_related([{**rule, "labelSelector": selector}], objects)
    assert list(found["Service.v1"]) == ["a"]
