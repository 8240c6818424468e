"""How far the files of a model are read: what is kept, what is made anew, and what another object's name stops."""

import json

from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.cache import HubSpec
from aimlib.config import Config
from aimlib.derive.inspection_reports import inspection_key
from aimlib.protocol.observed import kind_key
from hooks.inspection.state import TrackedInspection, is_made_here, progress_text, track_inspection
from hooks.inspection.subject import Subject
from tests.aimlib.make import SMALL_FACTS as FACTS

FOUND = {"state": "Found", "commit": "3f1c", "foundAt": "2026-11-23T11:58:00Z", "facts": FACTS}
SUBJECT = Subject("chat", "team-a", "acme/mine", None, HubSpec(), Config())


def report(**state):
    return {inspection_key("acme/mine", "main"): json.dumps({"id": "acme/mine", "revision": "main", **state})}


def observed(children, data=None, conditions=()):
    found = {}
    for child in children:
        status = {"conditions": [{"status": "True", **one} for one in conditions]} if child["kind"] == "Job" else {}
        stored = {**child, "data": data or {}, "status": status}
        found.setdefault(kind_key(child), {})[child["metadata"]["name"]] = stored
    return found


def kinds(tracked):
    return [child["kind"] for child in tracked.children]


def settled(subject=SUBJECT):
    """Once all children are there."""
    tracked = track_inspection(subject, {}, None)
    for _ in range(3):
        tracked = track_inspection(subject, observed(tracked.children), None)
    return tracked


def test_the_job_comes_once_what_it_uses_is_there():
    first = track_inspection(SUBJECT, {}, None)
    assert kinds(first) == ["ServiceAccount", "ConfigMap"]
    assert first.status.state == "Waiting"
    assert "another owner" in first.status.message
    second = track_inspection(SUBJECT, observed(first.children), None)
    assert kinds(second) == ["ServiceAccount", "ConfigMap", "Role"]
    assert kinds(settled()) == ["ServiceAccount", "ConfigMap", "Role", "RoleBinding", "Job"]


def test_what_was_found_needs_no_job_and_keeps_one_that_is_there():
    children = settled().children
    assert kinds(track_inspection(SUBJECT, observed(children, report(**FOUND)), None))[-1] == "Job"
    without = [child for child in children if child["kind"] != "Job"]
    found = track_inspection(SUBJECT, observed(without, report(**FOUND)), None)
    assert kinds(found)[-1] == "RoleBinding"
    assert (found.status.state, found.status.commit) == ("Found", "3f1c")


def test_what_the_status_has_counts_before_what_the_reports_have():
    before = track_inspection(SUBJECT, observed(settled().children, report(**FOUND)), None).status.wire()
    later = report(**{**FOUND, "commit": "ffff", "facts": {**FACTS, "layers": 48}})
    for data in (later, {}, report(state="Failed", reason="NotFound", message="gone")):
        again = track_inspection(SUBJECT, observed(settled().children, data), before)
        assert again.status.wire() == before


def test_another_revision_is_read_anew():
    before = track_inspection(SUBJECT, observed(settled().children, report(**FOUND)), None).status.wire()
    other = SUBJECT._replace(stated_revision="v2")
    assert other.job != SUBJECT.job
    assert track_inspection(other, observed(settled().children, report(**FOUND)), before).status.state == "Waiting"


def test_a_job_that_completed_and_whose_report_is_lost_is_made_anew():
    children = settled().children
    gone = track_inspection(SUBJECT, observed(children, conditions=[{"type": "Complete"}]), None)
    assert "Job" not in kinds(gone)
    assert "Job" in kinds(track_inspection(SUBJECT, observed(gone.children), None))


def test_a_job_that_failed_in_a_way_of_its_own_says_what_its_controller_did():
    failed = [{"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached the backoff limit"}]
    tracked = track_inspection(SUBJECT, observed(settled().children, conditions=failed), None)
    assert (tracked.status.state, tracked.status.reason) == ("Failed", "JobFailed")
    assert tracked.status.message.startswith("Job has reached the backoff limit; it is tried again within an hour")
    assert "Job" in kinds(tracked)


def test_progress_is_part_of_the_words():
    reading = report(state="Reading", done=3, total=12)
    status = track_inspection(SUBJECT, observed(settled().children, reading), None).status
    assert progress_text(status).endswith("at https://huggingface.co: 3 of 12 files")


def test_a_hub_that_gets_no_token_has_no_job():
    hub = HubSpec.model_validate({"endpoint": "https://elsewhere.example.com", "tokenSecret": {"name": "hf-token"}})
    tracked = track_inspection(SUBJECT._replace(hub=hub), observed(settled().children), None)
    assert "Job" not in kinds(tracked)
    assert (tracked.status.reason, tracked.status.job) == ("TokenNotAllowed", None)


def test_what_is_made_here_is_told_from_an_endpoints_other_children():
    assert all(is_made_here(child, "chat") for child in settled().children)
    dashboard = {"kind": "ConfigMap", "metadata": {"name": "chat-dashboard"}}
    assert not is_made_here(dashboard, "chat")
    assert not is_made_here({"kind": "Deployment", "metadata": {"name": "chat-inspection"}}, "chat")


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)


@given(garbage, st.dictionaries(st.sampled_from([*report(), "x"]), st.text(max_size=40) | garbage), st.booleans())
def test_whatever_stands_in_status_and_reports_it_is_bounded_and_answers_the_same_again(before, data, spoiled):
    data = {**data, **({} if spoiled else report(**FOUND))}
    world = observed(settled().children, data)
    tracked = track_inspection(SUBJECT, world, before)
    assert isinstance(tracked, TrackedInspection)
    assert len(json.dumps(tracked.status.wire())) < 10_000
    assert track_inspection(SUBJECT, world, tracked.status.wire()) == tracked


def test_a_job_that_completed_and_whose_report_cannot_be_used_is_not_made_anew_at_once():
    done = [{"type": "Complete"}]
    for data in (report(state="Found"), {inspection_key("acme/mine", "main"): "no JSON"}):
        tracked = track_inspection(SUBJECT, observed(settled().children, data, done), None)
        assert "Job" in kinds(tracked)
        assert (tracked.status.state, tracked.status.reason) == ("Failed", "JobFailed")
        assert "cannot be used; it is tried again within an hour" in tracked.status.message
