"""manifests/examples/gitops: a version goes from dev to prod by the one commit that its page tells."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aimlib.api.endpoint import AIMEndpoint
from tests.hooks.cli.commandline import aim
from tests.kustomize import ROOT, build, only

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "manifests" / "examples" / "gitops"
ENVIRONMENTS = ("dev", "prod")
PROMOTED = ("model", "recipe", "engine")
"""What version.yaml has."""


@pytest.fixture
def repository(tmp_path) -> Path:
    """The example as a repository of its own."""
    folder = tmp_path / "models"
    shutil.copytree(EXAMPLE, folder)
    sh("git init --quiet && git add --all && git commit --quiet --message=begin", folder)
    return folder


def sh(commands: str, folder: Path) -> str:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), **identity}
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def rendered(folder: Path, environment: str) -> dict[str, Any]:
    """The endpoint of an environment; each state of a repository is another folder, since what is built is kept."""
    return only(build(folder / "environments" / environment), "AIMEndpoint")


def at(repository: Path, name: str) -> Path:
    """The present state, in a folder of its own."""
    copy = repository.parent / name
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns(".git"))
    return copy


def version(one: dict[str, Any]) -> dict[str, Any]:
    return {key: one["spec"][key] for key in PROMOTED}


def planned(folder: Path, environment: str, before: Path) -> Any:
    """What the check of a pull request says."""
    after, former = (yaml.safe_dump(rendered(one, environment)) for one in (folder, before))
    return aim(
        "plan",
        "-f",
        after,
        "--compare",
        former,
        "--cluster",
        EXAMPLE / "clusters" / f"{environment}.yaml",
        "-o",
        "markdown",
    )


def promotion() -> str:
    """The commands of the page."""
    [found] = re.findall(r"```sh\n(.*?)```", (EXAMPLE / "README.md").read_text(), re.DOTALL)
    return str(found)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_fits_its_cluster(environment):
    AIMEndpoint.model_validate(rendered(EXAMPLE, environment))
    done = planned(EXAMPLE, environment, EXAMPLE)
    assert (done.exit_code, done.stdout.splitlines()[2]) == (0, "**1 as before.**")


def test_a_version_is_tried_in_dev_and_promoted_by_one_commit(repository):
    began = at(repository, "began")
    assert version(rendered(began, "dev")) == version(rendered(began, "prod"))
    place = repository / "environments" / "dev" / "version.yaml"
    place.write_text(place.read_text().replace("precision: bf16", "precision: fp8"))
    sh("git commit --quiet --all --message=try", repository)
    tried = at(repository, "tried")
    assert "`AIMEndpoint models/chat` changes and restarts" in planned(tried, "dev", began).stdout
    assert "**1 as before.**" in planned(tried, "prod", began).stdout

    sh(promotion(), repository)
    promoted = at(repository, "promoted")
    assert sh("git show --name-only --format= HEAD", repository).split() == ["environments/prod/version.yaml"]
    assert version(rendered(promoted, "dev")) == version(rendered(promoted, "prod")) != version(rendered(began, "prod"))
    assert "`AIMEndpoint models/chat` changes" in planned(promoted, "prod", tried).stdout
    canary = rendered(promoted, "prod")["spec"]["deployment"]["canary"]
    assert canary == rendered(began, "prod")["spec"]["deployment"]["canary"]

    sh("git revert --no-edit HEAD", repository)
    assert version(rendered(at(repository, "reverted"), "prod")) == version(rendered(began, "prod"))
