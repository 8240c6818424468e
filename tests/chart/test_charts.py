"""Helm renders from the charts the objects that kustomize renders, with every component and every value."""

import base64
import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from aimlib.config import Config
from aimlib.data import YamlLoader
from tests.chart.__main__ import write
from tests.chart.charts import (
    COMPONENTS,
    CRDS,
    METACONTROLLER,
    NAMESPACE,
    OPERATOR,
    VERSION,
    crds_chart,
    identity,
    metacontroller_chart,
    operator_chart,
)
from tests.cluster import binaries
from tests.cluster.components import answers
from tests.cluster.processes import free_ports, running
from tests.kustomize import OVERLAYS, ROOT, Objects, build, of_kind, only

pytestmark = pytest.mark.slow

REGISTRY = "registry.example.com/aim"
DIGEST = f"sha256:{'0123456789abcdef' * 4}"
MOST_BYTES = 1024 * 1024
"""Of a Secret, in which Helm keeps a release: the chart and what it renders, packed."""
Helm = Callable[..., str]


@pytest.fixture(scope="module")
def helm(request, tmp_path_factory) -> Helm:
    """The real program, with folders of its own; what it writes, or AssertionError."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        program = binaries.ensure(binaries.helm())["helm"]
    home = str(tmp_path_factory.mktemp("helm"))
    environment = {"HELM_CACHE_HOME": home, "HELM_CONFIG_HOME": home, "HELM_DATA_HOME": home, "HOME": home}

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=120, env=environment
        )
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def charts(tmp_path_factory, metacontroller) -> dict[str, Path]:
    """The three charts by name."""
    folder = tmp_path_factory.mktemp("charts")
    made = {OPERATOR: operator_chart(), CRDS: crds_chart(), METACONTROLLER: metacontroller_chart(metacontroller)}
    return {name: write(folder / name, files) for name, files in made.items()}


@pytest.fixture(scope="module")
def rendered(helm, charts, tmp_path_factory) -> Callable[[Mapping[str, Any]], Objects]:
    """What the operator's chart becomes with some values."""

    def render(values: Mapping[str, Any]) -> Objects:
        path = tmp_path_factory.mktemp("values") / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        text = helm("template", "aim", charts[OPERATOR], f"--namespace={NAMESPACE}", f"--values={path}")
        return [one for one in yaml.load_all(text, YamlLoader) if one]

    return render


def by_name(objects: Objects) -> dict[tuple[str, str, str], Any]:
    """Objects by what tells them apart; lists whose entries have names in the order of these, which means the same."""
    found = {identity(one): _ordered(one) for one in objects}
    assert len(found) == len(objects)
    return found


def _ordered(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _ordered(value) for key, value in node.items()}
    if isinstance(node, list):
        entries = [_ordered(one) for one in node]
        named = all(isinstance(one, dict) and "name" in one for one in entries)
        return sorted(entries, key=lambda one: one["name"]) if named else entries
    return node


def without_job_suffix(objects: Objects) -> Objects:
    """A Job that was changed has another name, since it could not be applied else."""
    for one in of_kind(objects, "Job"):
        one["metadata"]["name"] = re.sub(rf"(?<={re.escape(VERSION)})-[0-9a-f]{{6}}$", "", one["metadata"]["name"])
    return objects


def together(folder: Path, components: list[str], **more: Any) -> Objects:
    """What kustomize makes of the default overlay with components and settings, in a folder beside it."""
    text = {"resources": [os.path.relpath(OVERLAYS / "default", folder)], **more}
    text["components"] = [os.path.relpath(ROOT / "manifests" / "components" / name, folder) for name in components]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))
    return build(folder)


def test_without_values_the_objects_are_those_of_the_default_overlay(rendered, installed):
    assert by_name(rendered({})) == by_name(installed)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.value)
def test_each_component_is_the_one_of_its_overlay(rendered, installed, component):
    expected = by_name(build(OVERLAYS / component.overlay))
    if component.beside:
        expected = {**by_name(installed), **expected}
    assert by_name(without_job_suffix(rendered({"components": {component.value: True}}))) == expected


def test_all_components_together_are_all_of_them(rendered, tmp_path):
    expected = by_name(together(tmp_path, [*(one.overlay for one in COMPONENTS if not one.beside), "release"]))
    for one in COMPONENTS:
        expected |= by_name(build(OVERLAYS / one.overlay)) if one.beside else {}
    found = rendered({"components": dict.fromkeys([one.value for one in COMPONENTS], True)})
    assert by_name(without_job_suffix(found)) == expected


def test_settings_are_those_of_an_overlay_and_give_the_same_name(rendered, tmp_path):
    settings = {"admission": "enforce", "images": {"vllm/gfx942": f"{REGISTRY}/vllm:1"}, "startupSeconds": 7200}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    generator = {"name": "aim-config", "namespace": NAMESPACE, "behavior": "replace", "files": ["config.yaml"]}
    expected = together(tmp_path, [], configMapGenerator=[generator])
    assert by_name(rendered({"config": settings})) == by_name(expected)


def test_admission_replaces_the_keys_that_are_stated_and_no_others(rendered, installed):
    stated = {"modelPrefixes": "Qwen\nRedHatAI/Qwen3-*\n", "tokenSecrets": ""}
    shipped, found = (
        next(one["data"] for one in of_kind(objects, "ConfigMap") if one["metadata"]["name"] == "aim-admission")
        for objects in (installed, rendered({"admission": stated}))
    )
    assert found == {**shipped, **stated}


def test_every_image_comes_from_one_registry_by_digest_and_the_settings_have_it(rendered):
    everything = dict.fromkeys([one.value for one in COMPONENTS], True)
    digests = {name: {"digest": DIGEST} for name in ("hooks", "downloader")}
    found = rendered({"imageRegistry": REGISTRY, "images": digests, "components": everything})
    text = yaml.safe_dump_all(found)
    images = set(re.findall(r"image: (\S+)", text)) | set(re.findall(r"value: (\S+/aim-\S+:\S+)", text))
    assert images == {
        f"{REGISTRY}/aim-engine/aim-hooks:{VERSION}@{DIGEST}",
        f"{REGISTRY}/aim-engine/aim-downloader:{VERSION}@{DIGEST}",
        f"{REGISTRY}/kube-state-metrics/kube-state-metrics:v2.17.0",
    }
    foreign = r"\b(?:docker\.io|ghcr\.io|quay\.io|nvcr\.io|[\w.]*gcr\.io|registry\.k8s\.io|huggingface\.co)\b"
    facts = {"AIMRecipe", "AIMModel"}  # whose sources are pages for people
    assert re.findall(foreign, yaml.safe_dump_all([one for one in found if one["kind"] not in facts])) == []
    [settings] = [one["data"]["config.yaml"] for one in of_kind(found, "ConfigMap") if "config.yaml" in one["data"]]
    assert Config.model_validate(yaml.safe_load(settings)).image_registry == REGISTRY


def test_a_changed_job_has_another_name(rendered):
    names = {
        only(rendered(values), "Job")["metadata"]["name"]
        for values in ({}, {"imageRegistry": REGISTRY}, {"components": {"certManager": True}})
    }
    assert len(names) == 3


def test_the_number_of_servers_and_the_address_of_prometheus_are_values(rendered):
    values = {"replicas": 3, "prometheusUrl": "https://p.example:9090", "components": {"liveFigures": True}}
    [hooks] = [one for one in of_kind(rendered(values), "Deployment") if one["metadata"]["name"] == "aim-hooks"]
    assert hooks["spec"]["replicas"] == 3
    [container] = hooks["spec"]["template"]["spec"]["containers"]
    assert {"name": "AIM_PROMETHEUS_URL", "value": "https://p.example:9090"} in container["env"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"component": {}}, "component"),
        ({"components": {"podLog": True}}, "podLog"),
        ({"components": {"podLogs": "yes"}}, "boolean"),
        ({"config": {"admission": "deny"}}, "/config/admission"),
        ({"config": {"startupSecond": 1}}, "startupSecond"),
        ({"imageRegistry": "https://registry.example.com"}, "imageRegistry"),
        ({"images": {"hooks": {"digest": "latest"}}}, "digest"),
        ({"admission": {"tokenSecret": ""}}, "tokenSecret"),
        ({"replicas": 0}, "replicas"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(rendered, values, words):
    with pytest.raises(AssertionError, match=f"(?s)values don't meet the specifications.*{words}"):
        rendered(values)


@pytest.mark.parametrize("name", [OPERATOR, CRDS, METACONTROLLER])
def test_helm_finds_nothing_wrong_with_a_chart(helm, charts, name):
    assert "1 chart(s) linted, 0 chart(s) failed" in helm("lint", "--strict", charts[name])


def test_what_must_stay_is_kept_and_is_what_kustomize_has(helm, charts, kept, metacontroller):
    for name, expected, stays in ((CRDS, kept, set()), (METACONTROLLER, metacontroller, {"Namespace"})):
        found = [one for one in yaml.load_all(helm("template", "x", charts[name]), YamlLoader) if one]
        marked = {
            one["kind"] for one in found if one["metadata"].get("annotations", {}).pop("helm.sh/resource-policy", 0)
        }
        assert marked == (stays or {one["kind"] for one in expected})
        for one in found:
            if one["metadata"].get("annotations") == {}:
                del one["metadata"]["annotations"]
        assert by_name(found) == by_name(expected)


@pytest.mark.parametrize("name", [OPERATOR, CRDS])
def test_a_release_is_small_enough_to_be_kept(helm, charts, name):
    arguments = ("install", "aim", charts[name], "--dry-run=client", "--output=json", f"--namespace={NAMESPACE}")
    release = json.loads(helm(*arguments))
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode(), 9))
    assert len(packed) < 0.8 * MOST_BYTES, f"{len(packed)} bytes"


def test_the_notes_say_what_comes_next(helm, charts):
    for values, words in (((), "kubectl apply"), (("--set=imageRegistry=registry.example.com",), "aim images")):
        arguments = (
            "install",
            "aim",
            charts[OPERATOR],
            "--dry-run=client",
            "--output=json",
            f"--namespace={NAMESPACE}",
        )
        notes = json.loads(helm(*arguments, *values))["info"]["notes"]
        assert words in notes
        assert "<no value>" not in notes


def test_another_namespace_is_refused(helm, charts):
    with pytest.raises(AssertionError, match="install it with --namespace=aim-system"):
        helm("template", "aim", charts[OPERATOR], "--namespace=other")


def test_a_registry_keeps_a_chart_as_it_is(helm, charts, tmp_path):
    program = binaries.ensure(binaries.registry())["registry"]
    [port] = free_ports(1)
    log, folder = tmp_path / "logs", tmp_path / "packages"
    log.mkdir()
    with running("registry", (program, f"-port={port}"), log) as registry:
        registry.wait_until(lambda: answers(f"http://127.0.0.1:{port}/v2/"), 30)
        helm("package", charts[OPERATOR], f"--destination={folder}")
        helm("push", folder / f"{OPERATOR}-{VERSION}.tgz", f"oci://127.0.0.1:{port}/charts", "--plain-http")
        names = ("template", "aim", f"--namespace={NAMESPACE}")
        pulled = helm(*names, f"oci://127.0.0.1:{port}/charts/{OPERATOR}", f"--version={VERSION}", "--plain-http")
    assert pulled == helm(*names, charts[OPERATOR])


def test_digests_of_a_release_are_in_the_values():
    values = yaml.safe_load(operator_chart({"hooks": DIGEST})["values.yaml"])
    assert values["images"] == {"hooks": {"digest": DIGEST}, "downloader": {"digest": ""}}
