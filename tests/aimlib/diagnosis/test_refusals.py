"""Which words of the API server are about a child, by the Events in which Metacontroller tells of several."""

import time

import pytest

from aimlib.diagnosis.refusals import child_errors, words_about

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "chat"}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "chat"}}
POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "chat"}}
ABOUT = "Sync error: can't reconcile children for AIMEndpoint team-a/chat: "
QUOTA = "exceeded quota: q, requested: services=1, used: services=0, limited: services=0"
NO_RIGHT = (
    'User "system:serviceaccount:metacontroller:metacontroller" cannot create resource "services" in API group ""'
)
KYVERNO = 'admission webhook "validate.kyverno.svc-fail" denied the request: resource {} was blocked due to: no owner'
GATEKEEPER = 'admission webhook "validation.gatekeeper.sh" denied the request: [owners] no owner'
NOT_CALLED = 'Internal error occurred: failed calling webhook "x.example.com": no endpoints available for service "x"'


@pytest.mark.parametrize(
    ("child", "error", "words"),
    [
        (SERVICE, f'services "chat" is forbidden: {QUOTA}', QUOTA),
        (SERVICE, f'services "chat-pods" is forbidden: {QUOTA}', ""),
        (SERVICE, f'services "xchat" is forbidden: {QUOTA}', ""),
        (SERVICE, f'services.example.com "chat" is forbidden: {QUOTA}', ""),
        (SERVICE, 'Service "chat" is invalid: spec.type: Invalid value: "x"', 'spec.type: Invalid value: "x"'),
        (SERVICE, 'Service "chat" is invalid: ', ""),
        (SERVICE, 'services "chat" not found', 'services "chat" not found'),
        (SERVICE, f"services is forbidden: {NO_RIGHT}", NO_RIGHT),
        (DEPLOYMENT, f"services is forbidden: {NO_RIGHT}", ""),
        (DEPLOYMENT, f'services "chat" is forbidden: {QUOTA}', ""),
        (DEPLOYMENT, 'deployments.apps "chat" is forbidden: no', "no"),
        (DEPLOYMENT, 'deployments "chat" is forbidden: no', ""),
        (DEPLOYMENT, 'Deployment.apps "chat" is invalid: spec.replicas: must be at least 0', None),
        (POLICY, 'networkpolicies.networking.k8s.io "chat" is forbidden: no', "no"),
        (SERVICE, KYVERNO.format("Service/team-a/chat"), KYVERNO.format("Service/team-a/chat")),
        (SERVICE, KYVERNO.format("Service/team-a/chat-pods"), ""),
        (SERVICE, KYVERNO.format("HeadlessService/team-a/chat"), ""),
        (SERVICE, GATEKEEPER, ""),
        (SERVICE, "can't delete Service team-a/chat: no", ""),
        (SERVICE, "", ""),
    ],
)
def test_an_error_is_about_the_child_that_it_names(child, error, words):
    expected = error.partition(": ")[2] if words is None else words
    assert words_about([child], [ABOUT + error]) == expected


@pytest.mark.parametrize("error", [GATEKEEPER, NOT_CALLED])
def test_an_error_without_a_name_is_about_the_only_child_that_is_to_be_written(error):
    assert words_about([SERVICE], [ABOUT + error], alone=True) == error
    assert words_about([SERVICE], [ABOUT + error]) == ""
    assert words_about([SERVICE], [f'{ABOUT}[{error}, deployments.apps "chat" is forbidden: no]'], alone=True) == ""
    assert words_about([SERVICE, DEPLOYMENT], [ABOUT + error], alone=True) == ""


@pytest.mark.parametrize(
    "error",
    [
        "can't delete Job team-a/x: no",
        'jobs.batch "x" is forbidden: no',
        "discovery: can't find kind X in apiVersion v1",
    ],
)
def test_the_only_child_has_no_error_that_is_about_something_else(error):
    assert words_about([SERVICE], [ABOUT + error], alone=True) == ""


def test_several_errors_are_told_apart_and_end_where_the_next_begins():
    other = 'deployments.apps "chat" is forbidden: no, really'
    for pair in ((f'services "chat" is forbidden: {QUOTA}', other), (other, f'services "chat" is forbidden: {QUOTA}')):
        message = f"{ABOUT}[{', '.join(pair)}]"
        assert child_errors(message) == [*pair]
        assert words_about([SERVICE], [message]) == QUOTA
        assert words_about([DEPLOYMENT], [message]) == "no, really"
        assert words_about([SERVICE, DEPLOYMENT], [message]) == f'services "chat" is forbidden: {QUOTA}'
        assert words_about([DEPLOYMENT, SERVICE], [message]) == other


def test_the_newest_event_that_names_the_child_counts():
    older, newer = (f'{ABOUT}services "chat" is forbidden: {why}' for why in ("older", "newer"))
    other = f'{ABOUT}deployments.apps "chat" is forbidden: no'
    assert words_about([SERVICE], [other, newer, older]) == "newer"


@pytest.mark.parametrize(
    "message",
    [
        'Sync error: sync hook failed for AIMEndpoint team-a/chat: services "chat" is forbidden: no',
        'services "chat" is forbidden: no',
        "",
        "Sync error: can't reconcile children for AIMEndpoint team-a/chat",
    ],
)
def test_an_event_about_something_else_has_no_errors_of_children(message):
    assert child_errors(message) == []


def test_what_is_quoted_is_short_on_one_line_and_without_secrets_and_control_characters():
    error = f'services "chat" is forbidden: token=hf_{"a" * 30}\n\x1b[31mred\u202e\x00 at 0xc000123 {"long " * 5000}'
    words = words_about([SERVICE], [ABOUT + error])
    assert words.startswith("token=(hidden) red at long long")
    assert len(words) == 300
    assert words.isprintable()


def test_a_long_text_of_beginnings_takes_no_more_than_its_length():
    beginnings = ', a "' * 100_000
    assert words_about([SERVICE], [f"{ABOUT}[{beginnings}"]) == ""


def test_of_so_many_errors_as_only_a_tenant_writes_the_first_are_read():
    about_service, others = 'services "chat" is forbidden: no', ", can't delete x" * 1000
    found = [words_about([SERVICE], [f"{ABOUT}[{text}]"]) for text in (about_service + others, others + about_service)]
    assert found == ["no", ""]
    events = [f"{ABOUT}[discovery: x{others}]"] * 100
    assert words_about([SERVICE], [*events, ABOUT + about_service]) == ""
    assert words_about([SERVICE], [*["about something else"] * 100, ABOUT + about_service]) == "no"
    began = time.process_time()
    assert words_about([SERVICE, DEPLOYMENT, POLICY] * 3, events) == ""
    assert time.process_time() - began < 1
