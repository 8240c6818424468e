"""What is installed: that it builds, and that its parts agree with each other."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aimlib.api import GROUP
from aimlib.config import Config
from hooks.jobs.certificates.__main__ import server_names
from tests.kustomize import OVERLAYS, REMOTE, ROOT, Objects, build, kustomizations, of_kind, only
from tests.manifests.restricted import assert_restricted

CONTROLLERS = ("CompositeController", "DecoratorController")
# A tag with a digit in it, or dev: neither `latest`, nor none, which means the same.
PINNED = re.compile(r"^[a-z0-9./:-]+:(?=[\w.-]*\d|dev$)(?!.*latest)[\w.-]+$")


def hooks(objects: Objects) -> Iterator[dict[str, Any]]:
    for controller in of_kind(objects, *CONTROLLERS):
        yield from controller["spec"]["hooks"].values()


def containers(objects: Objects) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each container that stays, with the pod it is in."""
    for item in of_kind(objects, "Deployment", "StatefulSet"):
        pod = item["spec"]["template"]["spec"]
        yield from ((container, pod) for container in pod["containers"] + pod.get("initContainers", []))


def makers(objects: Objects) -> list[dict[str, Any]]:
    """The pods of the Job and of the CronJob that make the certificates."""
    found = of_kind(objects, "Job", "CronJob")
    return [item["spec"].get("jobTemplate", item)["spec"]["template"] for item in found]


def revisions(objects: Objects) -> set[str]:
    return {hook["webhook"]["url"].partition("?rev=")[2] for hook in hooks(objects)}


@pytest.mark.parametrize("folder", kustomizations("Kustomization"), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_kustomization_builds(folder: Path):
    assert build(folder)


def test_every_component_is_used_by_a_kustomization():
    used = set()
    for folder in [*kustomizations("Kustomization"), REMOTE]:
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text()).get("components", [])
        used |= {(folder / path).resolve() for path in listed}
    for_others = ROOT / "manifests" / "gitops"  # for kustomizations of Argo CD and Flux, which tests/gitops builds
    assert used == {one for one in kustomizations("Component") if for_others not in one.parents}


def test_no_object_is_there_twice_and_no_secret_brings_anything(installed: Objects, metacontroller: Objects):
    for objects in (installed, metacontroller):
        names = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects]
        assert len(names) == len(set(names))
        # With data, applying them again would take away what was made.
        assert [secret.keys() & {"data", "stringData"} for secret in of_kind(objects, "Secret")].count(set()) == len(
            of_kind(objects, "Secret")
        )


def test_every_custom_object_has_its_kind_in_a_step_before(kept: Objects, installed: Objects):
    group = "aim.engine.amd.com/"
    defined = {crd["spec"]["names"]["kind"] for crd in of_kind(kept, "CustomResourceDefinition")}
    assert {item["kind"] for item in installed if item["apiVersion"].startswith(group)} <= defined
    assert [item["metadata"]["name"] for item in of_kind(installed, "AIMInventory")] == ["cluster"]


LOST = {"Namespace", "AIMEndpoint", "AIMCache", "PersistentVolumeClaim"}
"""What takes objects of users along when it is deleted, or is one."""


@pytest.mark.parametrize("folder", kustomizations("Kustomization"), ids=lambda folder: str(folder.relative_to(ROOT)))
def test_deleting_a_kustomization_takes_no_object_of_a_user_along(folder: Path):
    """But for the one that is there to be deleted last; examples are the user's."""
    of_users = {"tests", "examples"} & {*folder.relative_to(ROOT).parts}
    if of_users or folder in {ROOT / "crds", ROOT / "manifests" / "crds"}:
        return
    names = {(one["kind"], one["metadata"]["name"]) for one in build(folder) if one["kind"] in LOST}
    kinds = {one["spec"]["group"] for one in build(folder) if one["kind"] == "CustomResourceDefinition"}
    assert (names, kinds) == (set(), set())


def test_metacontroller_brings_none_of_our_kinds(metacontroller: Objects):
    kinds = of_kind(metacontroller, "CustomResourceDefinition")
    assert GROUP not in {one["spec"]["group"] for one in kinds}


def test_what_is_kept_is_kept_by_those_who_prune(kept: Objects):
    assert {one["kind"] for one in kept} == {"CustomResourceDefinition", "Namespace"}
    for one in kept:
        annotations = one["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false,Delete=false"
        assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"


KEPT = {
    "aimendpoint": {"persistentvolumeclaims", "jobs"},
    "aimcache": {"configmaps", "jobs"},
    "aimgateway": set(),
    "aiminventory": set(),
    "aimnode": set(),
    "aimmodel": {"configmaps", "jobs"},
    "aimrecipe": set(),
}
"""Children that are never changed, by controller."""


def test_every_child_kind_has_a_strategy_that_works(installed: Objects):
    for controller in of_kind(installed, *CONTROLLERS):
        for child in controller["spec"].get("childResources", []) + controller["spec"].get("attachments", []):
            kept = child["resource"] in KEPT[controller["metadata"]["name"]]
            assert child["updateStrategy"] == {"method": "OnDelete" if kept else "InPlace"}, child


def test_composite_controllers_generate_selectors_and_resync(installed: Objects):
    for controller in of_kind(installed, "CompositeController"):
        assert controller["spec"]["generateSelector"] is True
        assert controller["spec"]["resyncPeriodSeconds"] <= 300


def test_every_hook_is_of_version_2_and_none_finalizes(installed: Objects):
    for controller in of_kind(installed, *CONTROLLERS):
        assert set(controller["spec"]["hooks"]) <= {"sync", "customize"}
    assert {hook["version"] for hook in hooks(installed)} == {"v2"}


def test_the_hooks_are_the_routes_of_the_server_behind_the_service(installed: Objects):
    service = only(installed, "Service")
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    ports = {one["port"]: one["targetPort"] for one in service["spec"]["ports"]}
    assert ports == {443: "https", 9443: "admission"}
    assert f"{name}.{namespace}.svc" in server_names(namespace, [])
    routes = {hook["webhook"]["url"].partition("?")[0] for hook in hooks(installed)}
    expected = (
        "cache/customize",
        "cache/sync",
        "endpoint/customize",
        "endpoint/sync",
        "gateway/customize",
        "gateway/sync",
        "inventory/customize",
        "inventory/sync",
        "model/customize",
        "model/sync",
        "node/sync",
        "recipe/sync",
    )
    assert routes == {f"https://{name}.{namespace}.svc/{route}" for route in expected}


def downloader(container: dict[str, Any]) -> str:
    """The image that the hook server gives to the Jobs of caches."""
    return next(one["value"] for one in container["env"] if one["name"] == "AIM_DOWNLOADER_IMAGE")


def test_the_release_is_everywhere_the_same(installed: Objects):
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    [(container, _)] = containers(installed)
    assert container["image"] == f"ghcr.io/aim-engine/aim-hooks:{release}"
    assert downloader(container) == Config().downloader_image == f"ghcr.io/aim-engine/aim-downloader:{release}"
    assert revisions(installed) == {release}


def test_another_tag_of_the_image_becomes_another_release_in_every_url():
    objects = build(OVERLAYS / "dev")
    [(container, _)] = containers(objects)
    assert (container["image"], downloader(container)) == ("aim-hooks:dev", "aim-downloader:dev")
    assert revisions(objects) == {"dev"}


def test_every_parent_of_ours_has_a_status_subresource(kept: Objects, installed: Objects):
    with_status = {
        crd["spec"]["names"]["plural"]
        for crd in of_kind(kept, "CustomResourceDefinition")
        if all("status" in version.get("subresources", {}) for version in crd["spec"]["versions"])
    }
    parents = [item["spec"]["parentResource"] for item in of_kind(installed, "CompositeController")]
    parents += [parent for item in of_kind(installed, "DecoratorController") for parent in item["spec"]["resources"]]
    assert {parent["resource"] for parent in parents if "aim.engine" in parent["apiVersion"]} <= with_status


@pytest.mark.parametrize("image", ["vllm/vllm", "vllm/vllm:latest", "localhost:5000/vllm", "a/b:latest-1"])
def test_images_that_are_not_pinned_are_seen(image: str):
    assert not PINNED.match(image)


def test_images_are_pinned_and_containers_restricted(installed: Objects, metacontroller: Objects):
    found = [*containers(installed), *containers(metacontroller)]
    found += [(container, pod["spec"]) for pod in makers(installed) for container in pod["spec"]["containers"]]
    assert len(found) == 4
    for container, pod in found:
        assert PINNED.match(container["image"]), container["image"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert_restricted(container, pod)


def test_images_are_built_from_pinned_ones_and_the_hook_server_is_the_one_without_a_name():
    stages = [line.split()[1:] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")]
    names = {words[2] for words in stages if len(words) > 1}
    assert [words for words in stages if words[0] not in names and not PINNED.match(words[0])] == []
    assert "downloader" in names
    assert len(stages[-1]) == 1


def test_the_dockerfile_copies_nothing_that_is_kept_from_it():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    lines = [line.split()[1:] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    copied = {path for words in lines if not words[0].startswith("--from") for path in words[:-1]}
    assert copied == set(allowed)
    assert all((ROOT / path).exists() for path in copied)


def test_every_image_has_its_bill_of_materials():
    final = [text for text in re.split(r"(?m)^FROM ", (ROOT / "Dockerfile").read_text())[1:] if "COPY --from" in text]
    assert [re.findall(r"/sbom/(\S+) /usr/share/sbom/$", text, re.MULTILINE) for text in final] == [
        ["aim-downloader.cdx.json"],
        ["aim-hooks.cdx.json"],
    ]


def test_every_image_runs_without_privileges():
    final = [text for text in re.split(r"(?m)^FROM ", (ROOT / "Dockerfile").read_text())[1:] if "COPY --from" in text]
    assert len(final) == 2
    assert all("USER 65532:65532" in text for text in final)


def test_the_hook_server_has_a_token_for_what_it_observes_and_tells_and_may_do_that_and_no_more(installed: Objects):
    pod = only(installed, "Deployment")["spec"]["template"]["spec"]
    [(container, _)] = containers(installed)
    assert {"name": "AIM_OBSERVE", "value": "pods,events,catalogue"} in container["env"]
    assert {"name": "AIM_EVENTS", "value": "true"} in container["env"]
    assert pod["automountServiceAccountToken"] is True
    account = {"kind": "ServiceAccount", "name": pod["serviceAccountName"], "namespace": "aim-system"}
    bound = [one for one in of_kind(installed, "ClusterRoleBinding", "RoleBinding") if account in one["subjects"]]
    roles = {one["metadata"]["name"]: one["rules"] for one in of_kind(installed, "ClusterRole")}
    rules = [rule for one in bound for rule in roles[one["roleRef"]["name"]]]
    assert sorted(rules, key=lambda rule: str(rule["resources"])) == [
        {"apiGroups": [GROUP], "resources": ["aimrecipes", "aimmodels", "aiminventories"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    ]


def test_the_hook_server_survives_a_drain(installed: Objects):
    deployment = only(installed, "Deployment")
    assert only(installed, "PodDisruptionBudget")["spec"]["minAvailable"] < deployment["spec"]["replicas"]
    [(container, _)] = containers(installed)
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_the_hook_server_answers_until_everybody_knows_that_it_stops_and_ends_what_it_has_begun(installed: Objects):
    pod = only(installed, "Deployment")["spec"]["template"]["spec"]
    [(container, _)] = containers(installed)
    drain = next(int(one["value"]) for one in container["env"] if one["name"] == "AIM_DRAIN_SECONDS")
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] < drain
    settings = (ROOT / "hooks" / "server" / "gunicorn_conf.py").read_text()
    [graceful] = re.findall(r"^graceful_timeout = (\d+)$", settings, re.MULTILINE)
    assert drain + int(graceful) < pod["terminationGracePeriodSeconds"]
    assert only(installed, "Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_hook_server_has_a_priority_of_its_own_that_exists(installed: Objects):
    pod = only(installed, "Deployment")["spec"]["template"]["spec"]
    made = only(installed, "PriorityClass")
    assert pod["priorityClassName"] == made["metadata"]["name"]
    assert 0 < made["value"] < 10**9, "what is above belongs to the system"
    assert "globalDefault" not in made


def test_the_namespace_of_the_operator_is_restricted(kept: Objects, installed: Objects):
    namespace = only(kept, "Namespace")["metadata"]
    assert namespace["name"] == only(installed, "Deployment")["metadata"]["namespace"]
    labels = namespace["labels"]
    modes = ("enforce", "warn", "audit")
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in modes} == {"restricted"}


def test_selectors_meet_the_pods_of_the_hook_server(installed: Objects):
    deployment = only(installed, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    policy, budget = policies(installed)["aim-hooks"], only(installed, "PodDisruptionBudget")["spec"]
    assert only(installed, "Service")["spec"]["selector"].items() <= labels
    assert policy["podSelector"]["matchLabels"].items() <= labels
    assert budget["selector"]["matchLabels"].items() <= labels
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels


def test_only_metacontroller_and_scrapers_reach_the_hooks(installed: Objects, metacontroller: Objects):
    policy = policies(installed)["aim-hooks"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    # To the API server, which no selector can name.
    assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)]}]
    rule, admission = policy["ingress"]
    assert [one["port"] for one in rule["ports"]] == ["https"]
    # From the API server, which no selector can name either: the token is what keeps others away.
    assert admission == {"ports": [{"protocol": "TCP", "port": "admission"}]}
    namespaces = [source["namespaceSelector"]["matchLabels"] for source in rule["from"]]
    caller = only(metacontroller, "StatefulSet")["metadata"]["namespace"]
    assert namespaces == [{"kubernetes.io/metadata.name": caller}, {"aim.engine.amd.com/metrics": "scrape"}]


def policies(objects: Objects) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "NetworkPolicy")}


def test_the_shipped_settings_are_settings(installed: Objects):
    [settings] = [item["data"] for item in of_kind(installed, "ConfigMap") if "config.yaml" in item["data"]]
    assert settings.keys() == {"config.yaml"}
    Config.model_validate(yaml.safe_load(settings["config.yaml"]))
