"""The generated pages are current, and their tables have what the source has."""

import re
import shutil

import pytest

from tests.docs.labels import keys_of_the_source, rows_of_table
from tests.docs.pages import PAGES
from tests.docs.settings import environment, variables_of_the_source
from tests.kustomize import ROOT, build, of_kind

SLOW = "docs/use/coverage.md"
"""Derives for every model and product, which takes half a minute, and two where lines are counted."""
EACH = [pytest.param(name, marks=[pytest.mark.slow, pytest.mark.no_cover] * (name == SLOW)) for name in PAGES]


@pytest.mark.parametrize("name", EACH)
def test_a_page_is_as_it_is_generated(name):
    assert (ROOT / name).read_text() == PAGES[name](), "run `make docs`"


def test_the_environment_variables_are_those_that_programs_read():
    assert sorted(one["name"] for one in environment()) == sorted(set(variables_of_the_source()))


def test_the_labels_are_those_that_code_and_manifests_use():
    listed = {key for row in rows_of_table() for key in row["key"].split(", ") if key.startswith("aim.")}
    assert listed == keys_of_the_source()


def test_the_overlay_that_the_page_of_settings_shows_changes_the_settings(tmp_path):
    for name in ("crds", "manifests", "metacontroller", "recipes"):
        shutil.copytree(ROOT / name, tmp_path / name)
    mine = tmp_path / "mine" / "here"
    mine.mkdir(parents=True)
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "docs/operate/settings.md").read_text(), re.DOTALL)
    for name, text in blocks:
        (mine / name).write_text(text)
    assert {name for name, _ in blocks} == {"kustomization.yaml", "config.yaml"}
    [config] = [one for one in of_kind(build(mine), "ConfigMap") if one["metadata"]["name"].startswith("aim-config")]
    assert config["data"]["config.yaml"] == dict(blocks)["config.yaml"]
    [hooks] = [one for one in of_kind(build(mine), "Deployment") if one["metadata"]["name"] == "aim-hooks"]
    mounted = [one["configMap"]["name"] for one in hooks["spec"]["template"]["spec"]["volumes"] if "configMap" in one]
    assert mounted == [config["metadata"]["name"]]
