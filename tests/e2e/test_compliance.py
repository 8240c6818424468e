"""docs/trust/compliance.md: its commands print what it says they print, and the record has what it says it has."""

import json
import re
import shutil
import subprocess

import pytest

from tests.cluster.plane import ROOT
from tests.e2e.space import SECONDS, Space

PAGE = ROOT / "docs" / "trust" / "compliance.md"
NAMESPACE = "compliance"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
LISTED = [found for block in BLOCK.findall(PAGE.read_text()) for found in COMMAND.findall(block)]


@pytest.fixture(scope="module")
def served(cluster, tmp_path_factory):
    """The example of an endpoint, ready, in the namespace of the page; with a kubeconfig for that namespace."""
    space = Space(cluster, NAMESPACE)
    cluster.kubectl("create", "namespace", NAMESPACE)
    kubeconfig = tmp_path_factory.mktemp("compliance") / "kubeconfig"
    shutil.copy(cluster.kubeconfig, kubeconfig)
    cluster.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}", f"--kubeconfig={kubeconfig}")
    space.kubectl("apply", f"--filename={ROOT / 'manifests' / 'examples' / 'endpoint.yaml'}")
    space.kubectl("wait", "--for=condition=Ready", f"--timeout={SECONDS}s", "aimendpoint/qwen")
    yield space, {**cluster.environment, "KUBECONFIG": str(kubeconfig)}
    space.kubectl("delete", "aimendpoint", "qwen", "--ignore-not-found")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def recorded(hooks, uid):
    """The lines of the audit record about one object."""
    lines = [line for line in hooks.log.read_text().splitlines() if '"log": "audit"' in line]
    return [one for one in map(json.loads, lines) if one["uid"] == uid]


@pytest.mark.e2e
def test_an_endpoint_has_one_line_in_the_record_however_often_it_was_looked_at(served, installation):
    space, _ = served
    found = space.get("aimendpoint", "qwen", "--show-managed-fields")
    space.kubectl("label", "aimendpoint", "qwen", "looked-at=again")
    lines = recorded(installation.hooks, found["metadata"]["uid"])
    assert {one["id"] for one in lines} == {lines[0]["id"]}
    [one, *_] = lines
    assert (one["event"], one["recipe"]) == ("Selected", found["status"]["resolved"]["recipe"])
    assert one["why"] == found["status"]["selection"]["message"]
    assert one["patch"] == [{"op": "add", "path": "/resolved", "value": found["status"]["resolved"]}]
    managers = {write["manager"] for write in found["metadata"]["managedFields"] if "subresource" not in write}
    assert one["who"]["fieldManager"] in managers
    assert one["release"]


@pytest.mark.e2e
@pytest.mark.parametrize(("command", "printed"), LISTED, ids=[f"{at}" for at in range(1, len(LISTED) + 1)])
def test_a_command_of_the_page_prints_what_the_page_says(served, command, printed):
    space, environment = served
    said = ""

    def arrived() -> bool:
        nonlocal said
        done = subprocess.run(
            ["bash", "-c", command], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        # kubectl says on standard error that there is nothing.
        said = (done.stdout + done.stderr).strip()
        return said == printed.strip()

    tries = SECONDS if command.startswith("kubectl get") else 0
    try:
        space.plane.wait_for(command, arrived, tries)
    except Exception as error:
        raise AssertionError(f"{command}\nprints\n{said}\nand the page says\n{printed}") from error


def test_every_check_that_the_tables_name_is_there_and_has_a_command():
    text = PAGE.read_text()
    parts = re.split(r"^### (\d+)\. (.*)$", text.partition("## Checks")[2], flags=re.MULTILINE)[1:]
    sections = {
        f"#{number}-{re.sub(r'[^a-z0-9 ]', '', title.lower()).replace(' ', '-')}": body
        for number, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    }
    assert set(re.findall(r"\]\((#\d[^)]*)\)", text)) == set(sections)
    assert [title for title, body in sections.items() if "```" not in body] == []


def test_the_page_names_the_keys_of_a_line():
    table = PAGE.read_text().partition("## The audit record")[2].partition("**Who.**")[0]
    rows = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    lines = (ROOT / "tests" / "testdata" / "audit").glob("*.yaml")
    found = {key for path in lines for key in re.findall(r"^(\w+):", path.read_text(), re.MULTILINE)} - {"log"}
    assert found <= rows
    assert rows - found == {"uid", "resourceVersion", "hidden"}


def test_every_row_of_a_control_has_a_check():
    rows = re.findall(r"^\| (?:CC|A1|C1|\d+).*$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 15
    assert [row for row in rows if not re.search(r"\[\d\]\(#\d-", row)] == []
