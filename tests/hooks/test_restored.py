"""Endpoints that a backup brings back: with their status they are what they were, without it they begin anew.

As Velero restores them: with a new identity, without owners, and with their status only where that is asked for. None
of what was made of them is there, as docs/operate/backup.md has it.
"""

import json
from typing import Any

import pytest

from tests.controllers import groups
from tests.playing import call, complete, first, observed
from tests.world import NOON

MODEL = "Qwen/Qwen3-32B"
FORMER, BETTER = "qwen3-32b-mi300x-fp8", "qwen3-32b-mi300x-bf16"
SPEC = {"modelId": MODEL, "cache": {"enabled": True}}
THEN = {"endpoint": {"spec": SPEC}, "recipes": [FORMER], "inventory": "mi300x"}
NOW = {**THEN, "recipes": [FORMER, BETTER]}
SYNC = "/endpoint/sync"
GROUPS = groups("endpoint")


def status_then() -> dict[str, Any]:
    """What was in the status when the backup was made."""
    played = complete("endpoint", SYNC, first("endpoint", SYNC, THEN), THEN)
    return {"observedGeneration": 1, **played.answer.said["status"]}


def restored(children: dict[str, Any] = GROUPS, **parent: Any) -> dict[str, Any]:
    """The answer to the endpoint in a cluster with a better recipe."""
    request = first("endpoint", SYNC, NOW).request
    metadata = {**request["parent"]["metadata"], "uid": "another"}
    body = {**request, "parent": {**request["parent"], "metadata": metadata, **parent}, "children": children}
    code, said = call("endpoint", SYNC, body, NOON)
    assert code == 200
    return said


def test_with_its_status_it_serves_what_it_served():
    found = restored(status=status_then())["status"]
    assert found["resolved"] == status_then()["resolved"]
    assert found["resolved"]["recipe"] == FORMER


def test_without_it_what_is_best_now_is_selected():
    found = restored()["status"]
    assert found["resolved"]["recipe"] == BETTER
    assert found["phase"] != "Failed"


def test_a_status_without_what_was_selected_is_none():
    left = {key: value for key, value in status_then().items() if key != "resolved"}
    assert restored(status=left)["status"]["resolved"]["recipe"] == BETTER


def test_what_runs_without_its_status_becomes_what_is_best_now():
    played = complete("endpoint", SYNC, first("endpoint", SYNC, THEN), THEN)
    found = restored({**GROUPS, **observed(played.answer.said["children"], "ready")})
    assert found["status"]["resolved"]["recipe"] == BETTER
    made, there = (
        {(one["kind"], one["metadata"]["name"]) for one in said["children"]} for said in (found, played.answer.said)
    )
    assert there <= made


@pytest.mark.parametrize("lost", [{}, {"resolved": None}])
def test_a_deployment_that_runs_stays_as_it_is_where_its_status_alone_is_lost(lost):
    played = complete("endpoint", SYNC, first("endpoint", SYNC, THEN), THEN)
    there = {**GROUPS, **observed(played.answer.said["children"], "ready")}
    body = {**played.request, "children": there, "related": {**played.request["related"]}}
    body["parent"] = {**body["parent"], "status": {"observedGeneration": 1, **lost}}
    code, said = call("endpoint", SYNC, body, NOON)
    templates = [one["spec"]["template"] for one in said["children"] if one["kind"] == "Deployment"]
    before = [one["spec"]["template"] for one in played.answer.said["children"] if one["kind"] == "Deployment"]
    assert (code, json.dumps(templates, sort_keys=True)) == (200, json.dumps(before, sort_keys=True))
