"""`aim images`: what a release uses, what an installation has, and commands that a shell takes."""

import json
import re
import shlex

import pytest
import yaml

from aimlib.data import load_data
from hooks.cli.errors import CommandError
from tests.hooks.cli.commandline import aim, on_terminal, recipe
from tests.hooks.cli.standin_cluster import READY, RESOLVED, StandInCluster, stored
from tests.kustomize import ROOT

DIGEST = f"sha256:{'ab' * 32}"
OTHER = f"sha256:{'cd' * 32}"
HOOKS = "/apis/apps/v1/namespaces/aim-system/deployments"
SETTINGS = "/api/v1/namespaces/aim-system/configmaps/aim-config"
PODS = "/api/v1/pods"


def images(*words):
    done = aim("images", *words, "-o", "json")
    assert done.exit_code == 0, done.stderr
    return {one["image"]: one for one in json.loads(done.stdout)["items"]}


def test_what_the_manifests_name_is_in_the_table():
    text = "".join(path.read_text() for path in (ROOT / "manifests").rglob("*.yaml") if "examples" not in path.parts)
    found = re.findall(r"^ *(?:- )?image: ([\w./-]+)(?::[\w.-]+)?$", text, re.MULTILINE)
    rows = [row for key in ("installed", "optional") for row in load_data("images")[key]]
    assert {row["image"].partition(":")[0] for row in rows} == {*found}
    for row in rows:
        name, _, tag = row["image"].partition(":")
        assert row["image"] in text or re.search(rf"name: {re.escape(name)}\n *newTag: {re.escape(tag)}\n", text), row


def test_every_image_of_a_release_is_listed_with_what_uses_it():
    found = images()
    assert "ghcr.io/metacontroller/metacontroller:v4.17.2" in found
    assert found["ghcr.io/aim-engine/aim-hooks:0.1.0"]["usedBy"] == ["hook server, certificates", "gateways: agent"]
    engines = {
        image
        for row in load_data("engines/backends").values()
        for by in row["images"].values()
        for image in by.values()
    }
    assert engines - {None} <= {*found}
    assert [one["digest"] for one in found.values()] == [None] * len(found)


def test_hardware_settings_and_recipes_say_which_engines():
    config = f"images: {{vllm/gfx942: mine.example.com/vllm@{DIGEST}}}\ngatewayImage: mine.example.com/envoy:1\n"
    own = recipe("own", image={"repository": "mine.example.com/special", "tag": "2"})
    found = images("--hardware", "mi300x", "--config", config, "--recipes", own)
    assert found[f"mine.example.com/vllm@{DIGEST}"]["digest"] == DIGEST
    assert found["mine.example.com/special:2"]["usedBy"] == ["recipe own"]
    assert "mine.example.com/envoy:1" in found
    assert not [image for image in found if "xeon" in image or image.startswith("vllm/")]
    assert "mine.example.com/special:2" not in images("--hardware", "H100", "--recipes", own)
    wrong = aim("images", "--hardware", "MI300Y")
    assert wrong.exit_code == 2
    assert "did you mean MI300X?" in wrong.stderr


def test_the_commands_copy_everything_to_where_the_setting_looks():
    config = (
        f"downloaderImage: down@{DIGEST}\ngatewayImage: localhost/envoy\n"
        f"gatewayAgentImage: x.example.com/a:1@{DIGEST}\n"
    )
    done = aim("images", "--mirror", "r.example.com:5000/aim", "--hardware", "MI300X", "--config", config)
    assert done.exit_code == 0
    words = [shlex.split(line, comments=True) for line in done.stdout.splitlines()]
    assert {tuple(one[:4]) for one in words} == {("skopeo", "copy", "--all", "--preserve-digests")}
    copied = {one[4].removeprefix("docker://"): one[5].removeprefix("docker://") for one in words}
    to = "r.example.com:5000/aim"
    assert copied["docker.io/vllm/vllm-openai-rocm:v0.33.0"] == f"{to}/vllm/vllm-openai-rocm:v0.33.0"
    assert copied[f"docker.io/library/down@{DIGEST}"] == f"{to}/library/down@{DIGEST}"
    assert copied[f"x.example.com/a@{DIGEST}"] == f"{to}/a:1"
    assert copied["localhost/envoy"] == f"{to}/envoy"
    assert len(words) == len(images("--hardware", "MI300X", "--config", config))


@pytest.mark.parametrize("registry", ["https://r.example.com", "r example", "-x", "r.example.com/$(id)"])
def test_a_registry_of_another_form_is_refused(registry):
    done = aim("images", f"--mirror={registry}")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "a registry is HOST[:PORT][/PATH]" in done.stderr


class Installation(StandInCluster):
    def __init__(self, *endpoints, **paths):
        super().__init__(*endpoints)
        self.paths = paths

    def all(self, plural):
        return self.endpoints() if plural == "aimendpoints" else super().all(plural)

    def read(self, path):
        found = self.paths.get(path.partition("?")[0], {})
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def live(aim_on):
    return lambda standin, *words: aim_on(standin, "images", "--live", *words)


def test_an_installation_has_its_own_with_the_digests_of_what_runs(live):
    image = "docker.io/library/a:b"
    statuses = [
        {"image": image, "imageID": f"docker.io/library/a@{DIGEST}"},
        {"image": "x:1", "imageID": f"x@{OTHER}"},
        {"image": "a:b", "imageID": ""},
        {},
    ]
    container = {"image": "mine.example.com/hooks:7"}
    standin = Installation(
        stored(status={**READY, "resolved": RESOLVED}),
        stored("waits", status={}),
        **{
            HOOKS: {"items": [{"spec": {"template": {"spec": {"containers": [container]}}}}]},
            SETTINGS: {"data": {"config.yaml": "gatewayImage: mine.example.com/envoy:1\n"}},
            PODS: {"items": [{"status": {"containerStatuses": statuses}}, {}]},
        },
    )
    done = live(standin, "-o", "json")
    found = {one["image"]: one for one in json.loads(done.stdout)["items"]}
    assert found["mine.example.com/hooks:7"]["usedBy"] == ["hook server, certificates"]
    assert "ghcr.io/metacontroller/metacontroller:v4.17.2" in found
    assert "mine.example.com/envoy:1" in found
    assert found["a:b"] == {"image": "a:b", "digest": DIGEST, "usedBy": ["AIMEndpoint team/it"]}
    assert "vllm/vllm-openai-rocm:v0.33.0" in found
    assert "vllm/vllm-openai:v0.33.0" not in found
    assert yaml.safe_load(live(standin, "-o", "yaml").stdout)["items"] == [*found.values()]
    table = live(standin, "-o", "wide").stdout.splitlines()
    assert table[0].split() == ["IMAGE", "DIGEST", "USED", "BY"]
    assert any(DIGEST in line for line in table)


def test_an_installation_with_a_registry_of_its_own_pulls_from_there_and_copies_from_where_it_was(live):
    standin = Installation(stored(), **{SETTINGS: {"data": {"config.yaml": "imageRegistry: mine.example.com/aim\n"}}})
    pulled = live(standin).stdout
    assert "mine.example.com/aim/vllm/vllm-openai-rocm:v0.33.0" in pulled
    assert "mine.example.com/aim/envoyproxy/envoy:" in pulled
    copied = live(standin, "--mirror", "mine.example.com/aim").stdout
    assert (
        "docker://docker.io/vllm/vllm-openai-rocm:v0.33.0 docker://mine.example.com/aim/vllm/vllm-openai-rocm:v0.33.0"
        in copied
    )


def test_what_may_not_be_read_is_taken_as_published(live, monkeypatch):
    forbidden = CommandError("it is forbidden", 1)
    standin = Installation(**dict.fromkeys((HOOKS, SETTINGS, PODS), forbidden))
    monkeypatch.setattr(standin, "inventory", dict)
    done = live(standin)
    assert done.exit_code == 0
    assert "ghcr.io/aim-engine/aim-hooks:0.1.0" in done.stdout
    assert "vllm" not in done.stdout
    assert done.stderr.splitlines() == [
        "as published, since the cluster does not tell: it is forbidden",
        "with the settings' defaults, since the cluster does not tell: it is forbidden",
        "without the digests of what runs: it is forbidden",
    ]


def test_settings_of_an_installation_that_cannot_be_read_are_a_sentence(live):
    done = live(Installation(**{SETTINGS: {"data": {"config.yaml": "imagse: {}\n"}}}))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "aim-config: settings: 'imagse' is not known; did you mean images?" in done.stderr


def test_files_do_not_go_with_a_running_cluster():
    assert aim("images", "--live", "--config", "x.yaml").exit_code == 2
    assert aim("images", "--live", "--recipes", "x.yaml").exit_code == 2


def test_eighty_columns_are_enough():
    shown = on_terminal("images", NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 80
