"""The commands about the versions of an endpoint: what they print, and the annotations that they write."""

import json
from types import SimpleNamespace

import pytest
import yaml

from hooks.cli import version_commands
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import RESOLVED


def version(number, hour, why, **what):
    since = f"2026-11-23T{hour}:00:00Z"
    return {"number": number, "id": f"v{number}", "since": since, "why": why, "stated": "{}", **what}


FIRST = {"until": "2026-11-23T10:00:00Z", "ready": True, "outcome": "Replaced"}
SECOND = {"until": "2026-11-23T11:00:00Z", "outcome": "Failed", "message": "no image"}
HISTORY = [
    version(1, "09", "the first that is recorded", **FIRST),
    version(2, "10", "the spec was changed", **SECOND),
    version(3, "11", "the spec was changed", ready=True),
]
CANARY = {
    "id": "x1",
    "phase": "Progressing",
    "step": 1,
    "weight": 10,
    "began": "2026-11-23T11:00:00Z",
    "since": "2026-11-23T11:00:00Z",
    "checkedAt": "2026-11-23T11:00:00Z",
    "stableTrack": "a",
    "reason": "Inconclusive",
    "message": "12 of 50 requests within 5 minutes",
    "checks": [{"name": "requests", "stable": "90", "canary": "12", "limit": "at least 50", "verdict": "TooFew"}],
}


@pytest.fixture
def cluster(monkeypatch):
    """A cluster with one endpoint, which keeps the changes."""
    found = SimpleNamespace(status={"history": HISTORY, "canary": CANARY}, changes=[])
    found.endpoint = lambda _name: {"status": found.status}
    found.patch_endpoint = lambda name, change: found.changes.append((name, change["metadata"]["annotations"]))
    monkeypatch.setattr(version_commands, "LiveCluster", lambda *_: found)
    return found


def refused(*words):
    done = aim(*words)
    assert done.exit_code == 2
    return done.stderr


def test_the_versions_are_listed_with_their_ends(cluster):
    assert aim("history", "qwen").stdout.splitlines() == [
        "VERSION  SINCE                 OUTCOME   READY  WHY",
        "1        2026-11-23T09:00:00Z  Replaced  yes    the first that is recorded",
        "2        2026-11-23T10:00:00Z  Failed    no     the spec was changed: no image",
        "3        2026-11-23T11:00:00Z  Serving   yes    the spec was changed",
    ]
    cluster.status = {}
    assert "no version is recorded yet" in refused("history", "qwen")


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_versions_and_canaries(cluster, output, read):
    assert [one["number"] for one in read(aim("history", "qwen", "-o", output).stdout)["items"]] == [1, 2, 3]
    assert read(aim("canary", "qwen", "-o", output).stdout)["checks"][0]["canary"] == "12"
    assert cluster.changes == []


def test_a_version_is_requested_by_its_number_or_as_the_last_good_one(cluster):
    assert "version 2 is requested" in aim("rollback", "qwen", "2").stdout
    assert "version 1 is requested" in aim("rollback", "qwen").stdout
    assert "what the spec states is requested" in aim("rollback", "qwen", "--end").stdout
    key = "aim.engine.amd.com/rollback"
    assert cluster.changes == [("qwen", {key: "2"}), ("qwen", {key: "1"}), ("qwen", {key: None})]


def test_what_a_rollback_means_is_shown_first_and_a_dry_run_ends_there(cluster):
    earlier = {**RESOLVED, "recipe": "other", "gpuCount": 4}
    history = [{**HISTORY[0], "resolved": earlier}, *HISTORY[1:]]
    cluster.status = {"history": history, "resolved": RESOLVED}
    done = aim("rollback", "qwen", "--dry-run")
    assert done.stdout == "qwen: other with 4 GPUs instead of one with 2 GPUs; its replicas are replaced\n"
    assert done.stderr == "version 1 would be requested; nothing was changed (--dry-run)\n"
    assert cluster.changes == []
    assert "instead of one with 2 GPUs" in aim("rollback", "qwen", "1").stdout
    assert len(cluster.changes) == 1


def test_a_version_that_is_not_kept_is_not_requested(cluster):
    assert "there is no version 7 to return to; there are: 1, 2" in refused("rollback", "qwen", "7")
    assert "there is no version 3 to return to" in refused("rollback", "qwen", "3")
    assert "leave out NUMBER" in refused("rollback", "qwen", "1", "--end")
    cluster.status = {"history": HISTORY[2:]}
    assert "there is no earlier version that was ready to return to, nor any other" in refused("rollback", "qwen")
    assert cluster.changes == []


def test_a_canary_is_shown_with_what_was_compared(cluster):
    assert aim("canary", "qwen").stdout.splitlines() == [
        "qwen: canary x1 is Progressing, 10 % of the requests: Inconclusive: 12 of 50 requests within 5 minutes",
        "FIGURE    STABLE  CANARY  LIMIT        VERDICT",
        "requests  90      12      at least 50  TooFew",
    ]
    cluster.status = {"canary": {**CANARY, "phase": "Starting", "checks": []}}
    assert len(aim("canary", "qwen").stdout.splitlines()) == 1
    ended = {**CANARY, "phase": "RolledBack", "reason": "RolledBack", "message": "by hand", "checks": []}
    cluster.status = {"canary": ended}
    assert aim("canary", "qwen").stdout == "qwen: canary x1 is RolledBack: by hand\n"
    cluster.status = {"canary": {**CANARY, "weight": 0, "mirrorPercent": 20}}
    assert "x1 is Progressing, a copy of 20 % of the requests: " in aim("canary", "qwen").stdout


@pytest.mark.parametrize("action", ["promote", "abort"])
def test_a_canary_is_decided_by_its_id(cluster, action):
    assert f"{action} of canary x1 is requested" in aim("canary", "qwen", f"--{action}").stdout
    assert cluster.changes == [("qwen", {f"aim.engine.amd.com/{action}": "x1"})]
    cluster.status = {"canary": {**CANARY, "phase": "Promoted"}}
    assert "has ended: Promoted" in refused("canary", "qwen", f"--{action}")
    cluster.status = {}
    assert "no canary has run" in refused("canary", "qwen", f"--{action}")
