"""The table of reasons has a row for every reason that the code can give, and no other."""

import re
from typing import get_args

import pytest

from aimlib.api.canary import CanaryStatus
from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.data import load_data
from aimlib.diagnosis.preparation import EVENT_REASONS
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.reasons import RESTING, phase
from hooks.endpoint.children.owner import SUSPENDED_REST
from hooks.endpoint.route import PENDING, REQUIRED
from tests.docs.reason_literals import CONSTRUCTORS, KINDS, Literal, literals, returned
from tests.kustomize import ROOT

PLACES = load_data("reasons")["places"]
ROWS = {
    Literal(place["kind"], place.get("condition") or place["field"], row["reason"]): row
    for place in PLACES
    for row in place["reasons"]
}
AVAILABLE = ("AIMEndpoint", "Available")
MODELS = ("AIMCache", "status.cachedModels.reason")
ELSEWHERE = {
    "aimlib/diagnosis/container_ends.py: reason": {
        Literal(*AVAILABLE, one["reason"]) for one in load_data("engine_errors")["errors"]
    },
    "aimlib/diagnosis/preparation.py: EVENT_REASONS[told.reason]": {
        Literal(*AVAILABLE, reason) for reason in EVENT_REASONS.values()
    },
    "hooks/endpoint/conditions.py: rollout.problem": {
        Literal(*AVAILABLE, reason) for reason in returned(ROOT / "aimlib" / "protocol" / "observed.py", "_problem")
    },
    "hooks/endpoint/conditions.py: *rest": {Literal(*AVAILABLE, reason) for reason in RESTING},
    "hooks/endpoint/status.py: *SUSPENDED_REST": {Literal(*AVAILABLE, SUSPENDED_REST[0])},
    "hooks/gateway/status.py: *found.problem": {
        Literal("AIMGateway", "Ready", reason)
        for reason in returned(ROOT / "aimlib" / "protocol" / "observed.py", "_problem")
    },
    "hooks/endpoint/versions_report.py: state.reason": {
        Literal("AIMEndpoint", "CanaryHealthy", reason)
        for reason in get_args(CanaryStatus.model_fields["reason"].annotation)
    },
    "hooks/cache/models.py: report.reason": {Literal(*MODELS, reason) for reason in DOWNLOAD_OUTCOMES},
    "hooks/cache/models.py: reason_of_job(job.failed or '')": {
        Literal(*MODELS, reason) for reason in DOWNLOAD_OUTCOMES
    },
}
"""Expressions whose values are made elsewhere, and these."""


TABLED = {Literal("AIMEndpoint", "RouteReady", reason) for reason in (PENDING, *REQUIRED.values())}
"""Reasons that the code takes from a table of its own."""
WITHOUT_EFFECT = {"ComponentMissing"}
"""Reasons for a field that has no effect, which keeps nothing from being Ready."""


def test_every_reason_of_the_code_has_a_row_and_every_row_is_given():
    found, elsewhere = literals()
    assert elsewhere == set(ELSEWHERE)
    assert found.union(TABLED, *ELSEWHERE.values()) == set(ROWS)


def test_reasons_are_given_nowhere_else():
    call = re.compile(rf"\b(?<!class )(?:{'|'.join(CONSTRUCTORS)})\(")
    certificates = ROOT / "hooks" / "jobs" / "certificates"  # whose State is that of Secrets, and has no reason
    paths = [path for package in ("aimlib", "hooks") for path in (ROOT / package).rglob("*.py")]
    paths = [path for path in paths if certificates not in path.parents]
    giving = {str(path.relative_to(ROOT)) for path in paths if call.search(path.read_text())}
    assert {path for path in giving if not path.startswith(tuple(KINDS))} == {"aimlib/protocol/conditions.py"}


def test_a_reason_has_one_row_for_each_place_and_one_phase_for_each_kind():
    assert len(ROWS) == sum(len(place["reasons"]) for place in PLACES)
    phases = {(key.kind, key.reason, row["phase"]) for key, row in ROWS.items() if "phase" in row}
    assert len(phases) == len({one[:2] for one in phases})


@pytest.mark.parametrize(("key", "row"), ROWS.items(), ids="-".join)
def test_a_row_has_a_phase_where_the_condition_counts_for_ready(key, row):
    places = {
        "RecipeSelected",
        "CacheReady",
        "Available",
        "RouteReady",
        "AddressReady",
        "StorageReady",
        "ModelsReady",
        "RoutesReady",
        "ModelsUnique",
        "Ready",
    }
    counts = key.place in places and row["reason"] not in WITHOUT_EFFECT
    assert ("phase" in row) == (counts and row.get("status") != "True")
    assert "remedy" in row or row.get("phase", "") not in {"Failed", "Pending"} or row["reason"] == "Progressing"
    if "phase" in row:
        assert phase(key.kind, Verdict("Ready", False, key.reason, "")) == row["phase"]


def test_a_reason_without_a_phase_is_a_failure():
    assert phase("AIMEndpoint", Verdict("Ready", False, "Unheard", "")) == "Failed"
    assert phase("AIMEndpoint", Verdict("Ready", True, "AllReplicasReady", "")) == "Ready"
