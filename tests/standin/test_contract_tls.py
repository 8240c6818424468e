"""Hooks over TLS: whom a controller trusts is read when it starts, with everything else that it says about itself."""

from datetime import UTC, datetime

import pytest

from hooks.jobs.certificates.issuing import issue_ca, issue_server
from tests.loopback import tls

from .hookserver import hook_server
from .stage import eventually

pytestmark = pytest.mark.e2e

NOW = datetime.now(UTC)
OURS, OTHER = issue_ca(NOW), issue_ca(NOW)


@pytest.fixture
def secure(tmp_path):
    """A hook server on TLS whose certificate is of our authority."""
    made = issue_server(OURS, frozenset({"127.0.0.1"}), NOW)
    (tmp_path / "both").write_text(made.certificate.text + made.key)
    with hook_server(tls(tmp_path / "both")) as hooks:
        hooks.answers["/sync"] = lambda _: {"status": {}, "children": []}
        yield hooks


def trusting(ca, token):
    """What a patch says of a controller: a bundle with a first line that is a comment, and an annotation."""
    bundle = {"inline": f"# a comment\n{ca.certificate.text}"}
    return {
        "metadata": {"annotations": {"token": token}},
        "spec": {"hooks": {"sync": {"webhook": {"caBundle": bundle}}}},
    }


def controller(stage, secure, **more):
    webhook = {"url": secure.url("/sync"), "timeout": "5s", **more}
    stage.composite(None, hooks={"sync": {"version": "v2", "webhook": webhook}})


def tokens(secure):
    """The annotation of the controller in each request."""
    return [body["controller"]["metadata"].get("annotations", {}).get("token") for body in secure.requests("/sync")]


def change(stage, patch):
    stage.change("compositecontrollers", stage.name, patch)


def test_without_a_bundle_a_server_is_not_trusted_and_with_the_right_one_it_is_called(stage, secure):
    controller(stage, secure)
    stage.widget()
    stage.warning("w", "SyncError", "certificate")
    change(stage, trusting(OURS, "first"))
    eventually(lambda: tokens(secure), "a call")
    assert set(tokens(secure)) == {"first"}


def test_a_server_of_another_authority_is_not_called_and_an_event_reports_it(stage, secure):
    controller(stage, secure, caBundle={"inline": OTHER.certificate.text})
    stage.widget()
    stage.warning("w", "SyncError", "certificate")
    assert tokens(secure) == []


def test_a_change_of_the_annotations_alone_is_seen_with_the_next_change_of_the_spec(stage, secure):
    controller(stage, secure, caBundle={"inline": OURS.certificate.text})
    change(stage, trusting(OURS, "first"))
    stage.widget()
    eventually(lambda: "first" in tokens(secure), "a call")
    change(stage, {"metadata": {"annotations": {"token": "second"}}})
    before = len(tokens(secure))
    stage.change("widgets", "w", {"spec": {"a": "b"}})
    eventually(lambda: len(tokens(secure)) > before, "another call")
    assert set(tokens(secure)[before:]) == {"first"}
    change(stage, {"spec": {"resyncPeriodSeconds": 3000}})
    eventually(lambda: tokens(secure)[-1] == "second", "a call with what it is annotated with now")
