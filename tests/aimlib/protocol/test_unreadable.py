"""The response for a spec that cannot be read carries along what hooks wrote, and nothing else."""

import pytest

from aimlib.protocol.conditions import Verdict
from aimlib.protocol.metacontroller import parse_request
from aimlib.protocol.unreadable import unreadable_spec

VERDICT = Verdict("RecipeSelected", False, "SpecInvalid", "spec cannot be read")


@pytest.mark.parametrize("kind", ["\u202e", "", None, "with blanks"])
def test_a_condition_of_a_type_that_no_hook_writes_is_not_carried_along(kind):
    conditions = [{"type": "Available", "status": "True"}, {"type": kind, "status": "True"}]
    parent = {"metadata": {"name": "x"}, "status": {"conditions": conditions}}
    status = unreadable_spec(parse_request({"parent": parent}), VERDICT)["status"]
    assert [one["type"] for one in status["conditions"]] == ["Ready", "RecipeSelected", "Available", "Stalled"]
