"""The overlay of docs/operate/air-gapped.md: what it installs is pulled from one registry and calls nothing outside."""

import os
import re

import pytest
import yaml

from aimlib.config import Config
from aimlib.schema.settings import read_config
from tests.kustomize import ROOT, Objects, build, of_kind, only

PAGE = ROOT / "docs" / "operate" / "air-gapped.md"
REGISTRY = "registry.example.com/aim"
URL = re.compile(r"\bhttps?://([^/\s\"',:]+)")


@pytest.fixture(scope="module")
def overlay(tmp_path_factory) -> Objects:
    """The files of the page, in a folder of a checkout."""
    folder = tmp_path_factory.mktemp("overlay")
    for block in re.findall(r"```yaml\n(# (?:kustomization|config)\.yaml\n.*?)```", PAGE.read_text(), re.DOTALL):
        text = block.replace("../../manifests", os.path.relpath(ROOT / "manifests", folder))
        (folder / block.split()[1]).write_text(text)
    return build(folder)


def test_every_pod_is_pulled_from_the_registry(overlay):
    text = yaml.safe_dump_all(
        [one for one in overlay if one["kind"] in {"Deployment", "Job", "CronJob", "StatefulSet"}]
    )
    images = re.findall(r"image: (\S+)", text)
    assert len(images) == 3
    assert {image for image in images if not image.startswith(f"{REGISTRY}/")} == set()


def test_the_hook_server_pulls_what_its_variables_name_from_the_registry(overlay, tmp_path):
    [settings] = [one["data"]["config.yaml"] for one in of_kind(overlay, "ConfigMap") if "config.yaml" in one["data"]]
    (tmp_path / "config.yaml").write_text(settings)
    [container] = only(overlay, "Deployment")["spec"]["template"]["spec"]["containers"]
    named = {one["name"]: one["value"] for one in container["env"] if one["name"].endswith("_IMAGE")}
    images = {"downloader_image": "AIM_DOWNLOADER_IMAGE", "gateway_agent_image": "AIM_GATEWAY_AGENT_IMAGE"}
    assert {*images.values()} == named.keys()
    config = read_config(str(tmp_path / "config.yaml"), **{name: named[variable] for name, variable in images.items()})
    pulled = [config.pulled(one) for one in (config.downloader_image, config.gateway_agent_image, config.gateway_image)]
    assert {image for image in pulled if not image.startswith(f"{REGISTRY}/")} == set()
    assert Config().pulled(config.gateway_image) == config.gateway_image


def test_what_is_called_is_in_the_cluster(overlay):
    callers = of_kind(
        overlay,
        "Deployment",
        "Job",
        "CronJob",
        "CompositeController",
        "DecoratorController",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    )
    hosts = set(URL.findall(str(callers)))
    assert hosts == {"aim-hooks.aim-system.svc"}
