"""`aim migrate SYSTEM --cluster`: which objects are read, and that one that cannot be translated stops no other."""

import json
import re

import pytest
import yaml
from kubernetes.client import ApiException

from aimlib.migration.kinds import FOREIGN_KINDS
from hooks.cli.errors import CommandError
from hooks.cli.foreign_objects import FOREIGN_APIS
from hooks.cli.migrate_group import SYSTEMS
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import StandInCluster

KUBEAI = "/apis/kubeai.org"


def model(name, url="hf://a/b", namespace="team"):
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"name": name, "namespace": namespace, "managedFields": [{}], "uid": "1", "annotations": applied}
    return {"metadata": metadata, "spec": {"url": url, "resourceProfile": "amd-gpu-mi300x:1"}, "status": {"x": 1}}


class Cluster(StandInCluster):
    def __init__(self, **paths):
        super().__init__()
        self.paths = paths

    def read(self, path):
        return self.paths.get(path, {})


def kubeai(*items, everywhere=()):
    return Cluster(
        **{
            KUBEAI: {"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}]},
            f"{KUBEAI}/v1": {
                "resources": [{"name": "models", "kind": "Model"}, {"name": "models/scale", "kind": "Scale"}]
            },
            f"{KUBEAI}/v1/namespaces/team/models": {"items": [*items]},
            f"{KUBEAI}/v1/models": {"items": [*everywhere]},
        }
    )


@pytest.fixture
def on(aim_on):
    return lambda standin, *words: aim_on(standin, "migrate", *words)


def test_every_system_has_its_api():
    assert FOREIGN_APIS.keys() == SYSTEMS.keys() == FOREIGN_KINDS.keys()
    for system, api in FOREIGN_APIS.items():
        assert [kind.lower() + "s" for kind in FOREIGN_KINDS[system]] == [*api.plurals]


def test_the_objects_of_the_namespace_are_translated(on):
    done = on(kubeai(model("one")), "kubeai", "--cluster")
    assert done.exit_code == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    assert found["metadata"] == {"name": "one", "namespace": "team"}
    assert found["spec"] == {"modelId": "a/b", "gpuCount": 1}


def test_several_are_told_apart_and_one_that_cannot_be_translated_stops_none(on):
    standin = kubeai(model("one"), model("two", "s3://bucket/folder"))
    done = on(standin, "kubeai", "--cluster")
    assert done.exit_code == 3
    assert yaml.safe_load(done.stdout)["metadata"]["name"] == "one"
    assert "team/one: spec.url" in done.stderr
    [row] = [line for line in done.stderr.splitlines() if line.startswith("team/two ")]
    assert "needs you" in row
    assert "no model is named" in row
    assert on(standin, "kubeai", "--cluster", "one").exit_code == 0
    with_model = on(standin, "kubeai", "--cluster", "two", "--model", "a/b", "-o", "json")
    assert [one["kind"] for one in json.loads(with_model.stdout)["items"]] == ["AIMCache", "AIMEndpoint"]
    for answer in ("--model", "--name"):
        refused = on(standin, "kubeai", "--cluster", answer, "a/b")
        assert refused.exit_code == 2
        assert "are for one object, and there are 2" in refused.stderr


def test_all_namespaces_may_be_read(on):
    standin = kubeai(everywhere=[model("one"), model("other", namespace="else")])
    done = on(standin, "kubeai", "--cluster", "-A", "-o", "json")
    assert [one["metadata"]["namespace"] for one in json.loads(done.stdout)["items"]] == ["team", "else"]


def test_the_first_version_that_has_a_kind_is_read(on):
    kserve = "/apis/serving.kserve.io"
    spec = {"predictor": {"model": {"storageUri": "hf://a/b", "resources": {"limits": {"amd.com/gpu": 1}}}}}
    stored = {"metadata": {"name": "x"}, "spec": spec}
    standin = Cluster(
        **{
            kserve: {
                "preferredVersion": {"version": "v1beta1"},
                "versions": [{"version": "v1alpha1"}, {"version": "v1beta1"}],
            },
            f"{kserve}/v1beta1": {"resources": [{"name": "inferenceservices", "kind": "InferenceService"}]},
            f"{kserve}/v1alpha1": {"resources": [{"name": "inferenceservices", "kind": "InferenceService"}]},
            f"{kserve}/v1beta1/namespaces/team/inferenceservices": {"items": [stored]},
        }
    )
    done = on(standin, "kserve", "--cluster")
    assert yaml.safe_load(done.stdout)["spec"]["modelId"] == "a/b"


def test_an_object_that_another_one_has_made_is_left_to_that(on):
    made = model("two")
    made["metadata"]["ownerReferences"] = [{"kind": "Model", "name": "one"}]
    standin = kubeai(model("one"), made)
    assert yaml.safe_load(on(standin, "kubeai", "--cluster").stdout)["metadata"]["name"] == "one"
    assert "no models named two" in on(standin, "kubeai", "--cluster", "two").stderr


def test_what_is_not_there_is_a_sentence(on):
    none = on(Cluster(), "kubeai", "--cluster")
    assert (none.exit_code, none.stderr) == (1, "Error: the cluster has no API kubeai.org, or none with models\n")
    empty = on(kubeai(), "kubeai", "--cluster")
    assert (empty.exit_code, empty.stderr) == (1, "Error: namespace team has no models\n")
    unknown = on(kubeai(model("one")), "kubeai", "--cluster", "two")
    assert (unknown.exit_code, unknown.stderr) == (
        2,
        "Error: namespace team has no models named two; there are: one\n",
    )


def test_a_file_and_a_cluster_are_two_ways(on):
    assert on(Cluster(), "kubeai").exit_code == 2
    assert on(Cluster(), "kubeai", "a.yaml", "b.yaml").exit_code == 2
    assert on(Cluster(), "kubeai", "a.yaml", "-A").exit_code == 2


def test_a_list_as_kubectl_prints_it_is_its_objects(on):
    typed = {"apiVersion": "kubeai.org/v1", "kind": "Model"}
    listed = yaml.safe_dump({"kind": "List", "items": [typed | model("one"), typed | model("two"), "odd"]})
    done = on(Cluster(), "kubeai", listed, "-o", "json")
    assert [one["metadata"]["name"] for one in json.loads(done.stdout)["items"]] == ["one", "two"]
    odd = on(Cluster(), "kubeai", "kind: List\nitems: 1\n")
    assert odd.exit_code == 2
    assert CommandError.__name__ not in odd.stderr
    nameless = yaml.safe_dump({"kind": "List", "items": [{"kind": "Pod"}, typed | model("one")]})
    assert "an object" in on(Cluster(), "kubeai", nameless).stderr


def test_annotations_of_others_are_named():
    found = {"apiVersion": "kubeai.org/v1", "kind": "Model"} | model("one")
    found["metadata"]["annotations"] |= {"example.com/a": "b"}
    done = aim("migrate", "kubeai", yaml.safe_dump(found))
    assert "metadata.annotations" in done.stderr
    assert "last-applied" not in done.stderr


def deployment(name, **metadata):
    engine = {"name": "vllm", "image": "vllm/vllm-openai", "args": ["--model=a/b"], "resources": {"limits": {GPU: "1"}}}
    pods = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [engine]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": pods}
    return {"metadata": {"name": name, "namespace": "team", **metadata}, "spec": spec}


GPU = "amd.com/gpu"
OWNED = {"ownerReferences": [{"kind": "ScaledObject", "name": "vllm", "controller": True}]}
SCALED = {"scaleTargetRef": {"kind": "Deployment", "name": "vllm"}, "maxReplicas": 3}


def deployments(*items):
    named = {"name": "vllm", "namespace": "team"}
    other = deployment("web")
    other["spec"]["template"]["spec"]["containers"] = [{"name": "web", "image": "nginx"}]
    return Cluster(
        **{
            "/apis/apps": {"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1"}]},
            "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment"}]},
            "/apis/apps/v1/namespaces/team/deployments": {"items": [*items, other]},
            "/api/v1/namespaces/team/services": {
                "items": [
                    {"metadata": {**named, "uid": "1"}, "spec": {"selector": {"app": "vllm"}, "ports": [{"port": 80}]}},
                    {"metadata": {**named, "name": "web"}, "spec": {"selector": {"app": "web"}}},
                ]
            },
            "/apis/autoscaling/v2/namespaces/team/horizontalpodautoscalers": {
                "items": [
                    {"metadata": {**named, **OWNED, "name": "keda-hpa-vllm"}, "spec": {**SCALED, "maxReplicas": 9}},
                    {"metadata": named, "spec": SCALED},
                ]
            },
        }
    )


def test_deployments_of_the_namespace_that_serve_models_are_read_with_what_stands_beside_them(on):
    standin = deployments(deployment("vllm"), deployment("made", **OWNED))
    done = on(standin, "deployment", "--cluster", "--name", "qwen")
    assert done.exit_code == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    assert found["metadata"] == {"name": "qwen", "namespace": "team"}
    assert found["spec"]["service"] == {"port": 80}
    assert found["spec"]["scaling"] == {"maxReplicas": 3}
    assert "uid" not in done.stderr
    web = on(standin, "deployment", "--cluster", "web")
    assert (web.exit_code, web.stderr) == (
        2,
        "Error: it is no model server that is known here, and stays where it is\n",
    )


def test_what_else_is_in_a_file_with_deployments_is_named_and_not_shown():
    typed = {"apiVersion": "apps/v1", "kind": "Deployment"}
    web = typed | deployment("web")
    web["spec"]["template"]["spec"]["containers"][0].update(image="nginx", args=[], resources={})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hf"}, "stringData": {"token": "s3cr3t"}}
    odd = {"apiVersion": "example.com/v1", "kind": "Odd"}
    done = aim("migrate", "deployment", yaml.safe_dump_all([typed | deployment("vllm"), web, secret, odd]), "--name=x")
    assert done.exit_code == 3
    assert yaml.safe_load(done.stdout)["spec"] == {"modelId": "a/b", "gpuCount": 1}
    rows = [re.split(r"  +", line)[:2] for line in done.stderr.splitlines()]
    assert rows[-3:] == [["Deployment web", "dropped"], ["Secret hf", "changed"], ["Odd", "dropped"]]
    assert "s3cr3t" not in done.output


def test_a_file_without_a_deployment_is_refused_with_what_translates_it():
    done = aim("migrate", "deployment", yaml.safe_dump({"kind": "Model"} | model("one")))
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: there is no Deployment or StatefulSet or LeaderWorkerSet; `aim migrate kubeai` translates it\n",
    )


def forbidding(standin, *paths, status=403):
    """The same cluster, where the user may not read some paths."""
    read = standin.read

    def refusing(path):
        if path.endswith(paths):
            raise CommandError("no", 1) from ApiException(status=status)
        return read(path)

    standin.read = refusing
    return standin


def test_what_a_users_rights_do_not_let_be_read_is_named(on):
    standin = forbidding(deployments(deployment("vllm")), "/httproutes", "/ingresses")
    done = on(standin, "deployment", "--cluster", "--name", "qwen")
    assert done.exit_code == 3
    rows = [re.split(r"  +", line)[:2] for line in done.stderr.splitlines()]
    assert rows[-2:] == [["ingresses", "needs you"], ["httproutes", "needs you"]]
    assert yaml.safe_load(done.stdout)["spec"]["service"] == {"port": 80}


def test_another_error_about_what_stands_beside_ends_the_command(on):
    standin = forbidding(deployments(deployment("vllm")), "/httproutes", status=500)
    assert on(standin, "deployment", "--cluster").exit_code == 1


def test_stateful_sets_and_leader_worker_sets_are_read_where_they_are_served(on):
    standin, group = deployments(), "/apis/leaderworkerset.x-k8s.io"
    apps = "/apis/apps/v1"
    standin.paths[apps]["resources"].append({"name": "statefulsets", "kind": "StatefulSet"})
    standin.paths |= {
        f"{apps}/namespaces/team/statefulsets": {"items": [deployment("set"), deployment("made", **OWNED)]},
        group: {"versions": [{"version": "v1"}]},
        f"{group}/v1": {"resources": [{"name": "leaderworkersets", "kind": "LeaderWorkerSet"}]},
        f"{group}/v1/namespaces/team/leaderworkersets": {"items": [grouped("group")]},
    }
    done = on(standin, "deployment", "--cluster", "-o", "json")
    found = json.loads(done.stdout)["items"]
    assert [(one["metadata"]["name"], one["spec"]["gpuCount"]) for one in found] == [("set", 1), ("group", 2)]


def grouped(name):
    """A LeaderWorkerSet of two pods for each replica."""
    template = {"size": 2, "workerTemplate": deployment(name)["spec"]["template"]}
    return {"metadata": {"name": name, "namespace": "team"}, "spec": {"leaderWorkerTemplate": template}}


def test_the_cache_of_a_nim_is_read_beside_it_and_other_caches_are_named():
    named, other = ({"kind": "NIMCache", "metadata": {"name": name}, "spec": {}} for name in ("mine", "other"))
    spec = {"storage": {"nimCache": {"name": "mine"}}, "resources": {"limits": {"nvidia.com/gpu": 1}}}
    named["spec"] = {"source": {"hf": {"namespace": "a", "modelName": "b"}}}
    service = {"kind": "NIMService", "metadata": {"name": "llm"}, "spec": spec}
    done = aim("migrate", "nim", yaml.safe_dump_all([named, service, other]))
    assert yaml.safe_load(done.stdout)["spec"] == {"modelId": "a/b", "gpuCount": 1, "cache": {"enabled": True}}
    assert [line.split("  ")[0] for line in done.stderr.splitlines()][-1] == "NIMCache other"
    alone = aim("migrate", "nim", yaml.safe_dump(other))
    assert "there is no NIMService; `aim migrate nim` reads it beside" in alone.stderr
