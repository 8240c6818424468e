"""TLS and tokens on the real control plane: who is refused, certificates that go wrong, and how they are renewed."""

import json
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from hooks.jobs.certificates import run
from hooks.jobs.certificates.clients import CLIENTS, TOKEN_ANNOTATION
from hooks.jobs.certificates.cluster import CertificateCluster
from hooks.jobs.certificates.issuing import issue_ca, issue_server, parse_certificates
from hooks.jobs.certificates.rotation import CA_LIFETIME, PROPAGATION, SERVER_LIFETIME
from hooks.jobs.certificates.secrets import CA_SECRET, SERVER_SECRET, TOKEN_SECRET
from tests.cluster import audit, mounts, operator
from tests.e2e.certificates import (
    WISH,
    calls,
    events,
    forget,
    killed_after,
    put,
    reconnect,
    renew,
    run_at,
    signing,
    stored,
)
from tests.e2e.many import CHANGES, changing, deletions, many_endpoints
from tests.e2e.space import UNSEEN, endpoint
from tests.kustomize import build

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
ENDPOINTS = 8
"""That change while certificates do."""
CONTROLLERS = "compositecontrollers,decoratorcontrollers"
WEBHOOKS = "validatingwebhookconfigurations,mutatingwebhookconfigurations"


@pytest.fixture
def restored(cluster):
    """Whatever a test does to certificates and tokens is made good afterwards."""
    yield cluster
    run_at(cluster, datetime.now(UTC))


def targets(plane):
    """Every object that the program hands something to, without what changes by itself."""
    found = [
        *plane.get(CONTROLLERS)["items"],
        *plane.get(WEBHOOKS, "--selector=app.kubernetes.io/part-of=aim-engine")["items"],
    ]
    return {
        one["metadata"]["name"] + one["kind"]: (one["metadata"].get("annotations"), one.get("spec") or one["webhooks"])
        for one in found
    }


def post(installation, path, body):
    """The status and the words of an answer."""
    context = ssl.create_default_context(cafile=str(installation.authorities))
    asked = urllib.request.Request(f"{installation.hooks_url}{path}", json.dumps(body).encode())  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(asked, timeout=10, context=context) as reply:  # noqa: S310 - loopback
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_caller_without_the_token_is_refused_and_nothing_is_observed_or_recorded(space, installation):
    since, log = audit.position(space.plane), installation.hooks.log
    before = space.plane.processes["hooks"].log.stat().st_size
    parent = {**endpoint("stranger", modelId=MODEL), "status": {"replicas": 1, "readyReplicas": 0}}
    parent["metadata"] |= {"namespace": space.namespace, "uid": "1", "generation": 1}
    body = {"parent": parent, "children": {}, "related": {"AIMInventory.aim.engine.amd.com/v1alpha1": {}}}
    for controller in ({}, {"metadata": {"annotations": {TOKEN_ANNOTATION: "guessed"}}}):
        code, said = post(installation, "/endpoint/sync", {**body, "controller": controller})
        assert (code, "must have the token of Metacontroller; it has " in said["error"]) == (401, True)
    assert "stranger" not in log.read_bytes()[before:].decode()
    assert "stranger" not in space.plane.audit_log.read_bytes()[since:].decode()
    [token] = {one["metadata"]["annotations"][TOKEN_ANNOTATION] for one in space.plane.get(CONTROLLERS)["items"]}
    body["controller"] = {"metadata": {"annotations": {TOKEN_ANNOTATION: token}}}
    assert post(installation, "/endpoint/sync", body)[0] != 401


def test_what_is_spoken_is_tls(installation):
    with pytest.raises((urllib.error.URLError, OSError)):
        urllib.request.urlopen(installation.hooks_url.replace("https", "http") + "/healthz", timeout=5)  # noqa: S310 - loopback


def test_a_server_with_the_certificate_of_another_authority_changes_nothing_and_it_heals(space, installation, restored):
    right = {
        name: (mounts.folder(restored, mounts.TLS) / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt")
    }
    now = datetime.now(UTC)
    false = issue_ca(now)
    made = issue_server(false, WISH.names, now)
    wrong = {"tls.crt": made.certificate.text.encode(), "tls.key": made.key.encode(), "ca.crt": right["ca.crt"]}
    space.apply(endpoint("settled", modelId=MODEL))
    space.ready("settled")
    children = space.children()
    mounts.write(mounts.folder(restored, mounts.TLS), wrong)
    reconnect(restored)
    space.apply(endpoint("newcomer", modelId=MODEL))
    space.wait("an event to say why", lambda: "certificate" in events(space.get("events")["items"]))
    assert space.get("aimendpoint", "newcomer")["status"] == UNSEEN
    assert space.children() == children
    mounts.write(mounts.folder(restored, mounts.TLS), right)
    space.ready("newcomer")
    assert installation.read("/readyz") == "ok\n"


def test_an_expired_certificate_is_rotated_under_load(cluster, restored):
    now = datetime.now(UTC)
    made = issue_server(signing(restored), WISH.names, now - SERVER_LIFETIME - timedelta(days=1))
    with many_endpoints(cluster, ENDPOINTS) as many, deletions(many) as gone:
        put(
            restored,
            SERVER_SECRET,
            {**stored(restored, SERVER_SECRET), "tls.crt": made.certificate.text, "tls.key": made.key},
        )
        reconnect(restored)
        with changing(many):
            said = many.space.get
            many.space.wait("an event to say why", lambda: "certificate has expired" in events(said("events")["items"]))
            renew(restored)
        many.become(CHANGES)
    assert gone == []


def test_an_authority_is_replaced_under_load_without_a_failed_call(cluster, installation, restored):
    now = datetime.now(UTC)
    forget(restored)
    run_at(restored, now - CA_LIFETIME * 2 / 3 - timedelta(days=1))
    run_at(restored, now - 2 * PROPAGATION)
    [before] = parse_certificates(stored(restored, CA_SECRET)["ca.crt"])
    [coming] = parse_certificates(stored(restored, CA_SECRET)["next.crt"])
    tokens = stored(restored, TOKEN_SECRET)["hooks"].split()
    with many_endpoints(cluster, ENDPOINTS) as many, deletions(many) as gone:
        failed = {code: count for code, count in calls(installation).items() if code != "200"}
        with changing(many):
            run_at(restored, now - PROPAGATION)
            bundles = {
                bundle for target in CLIENTS if target.required for bundle in target.bundles(found(restored, target))
            }
            assert {parse_certificates(bundle) for bundle in bundles} == {(coming, before)}
            assert parse_certificates(stored(restored, SERVER_SECRET)["tls.crt"])[0].issuer_key_id == before.key_id
            run_at(restored, now)
            assert parse_certificates(stored(restored, SERVER_SECRET)["tls.crt"])[0].issuer_key_id == coming.key_id
            # Another spec brings new connections, to a server of the new authority; and back, as it is shipped.
            for seconds in (299, 300):
                change = json.dumps({"spec": {"resyncPeriodSeconds": seconds}})
                restored.kubectl("patch", "compositecontroller/aimendpoint", "--type=merge", f"--patch={change}")
        many.become(CHANGES)
        assert {code: count for code, count in calls(installation).items() if code != "200"} == failed
    assert gone == []
    assert stored(restored, TOKEN_SECRET)["hooks"].split() == tokens
    shown = {one["metadata"]["annotations"][TOKEN_ANNOTATION] for one in restored.get(CONTROLLERS)["items"]}
    assert shown == {tokens[0]}


def found(plane, target):
    return plane.get(target.path.plural, target.path.name)


def test_a_run_that_is_killed_is_ended_by_the_next_one(space, restored):
    killed = []
    for writes in (1, 4, 6):
        forget(restored)
        killed.append(killed_after(restored, writes))
    assert any(killed), "each came to its end before it was killed"
    renew(restored)
    settled = targets(restored)
    since = audit.position(restored)
    renew(restored)
    account = "system:serviceaccount:aim-system:aim-certificates"
    assert audit.writes(restored, since=since, user=account) == []
    assert targets(restored) == settled
    space.apply(endpoint("afterwards", modelId=MODEL))
    space.ready("afterwards")


HOW = {"by the server": ("--server-side",), "by the client": ("--validate=true",)}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def given(plane, resources):
    """What objects have, but for what kubectl notes of itself."""
    notes = {one["metadata"]["name"]: one["metadata"].get("annotations", {}) for one in plane.get(*resources)["items"]}
    rest = {name: {key: value for key, value in one.items() if key != LAST_APPLIED} for name, one in notes.items()}
    return rest, [one.get("spec") or one.get("data") or one["webhooks"] for one in plane.get(*resources)["items"]]


@pytest.mark.parametrize("how", HOW)
def test_what_was_handed_out_stays_when_the_manifests_are_applied_again(restored, installation, how, tmp_path):
    kinds = {"CompositeController", "DecoratorController", "Secret"}
    shipped = [one for one in build(operator.OVERLAY) if one["kind"] in kinds]
    (tmp_path / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": shipped}))
    (tmp_path / "kustomization.yaml").write_text("resources: [objects.json]\n")
    operator.apply(restored, tmp_path, installation.urls, *HOW[how])  # another test may have left another release
    run_at(restored, datetime.now(UTC))
    both = [(CONTROLLERS,), ("secrets", "--namespace=aim-system")]
    before = [given(restored, resources) for resources in both]
    for _ in range(2):
        operator.apply(restored, tmp_path, installation.urls, *HOW[how])
    assert [given(restored, resources) for resources in both] == before


@pytest.mark.parametrize("how", HOW)
def test_the_path_and_the_bundle_of_a_webhook_stay_as_well(restored, how, monkeypatch):
    """As it is shipped, with `service`, under another name and for nobody, since no Service is reached from here."""
    shipped = next(one for one in build(operator.OVERLAY) if one["kind"] == "ValidatingWebhookConfiguration")
    shipped["metadata"]["name"] = "applied-again"
    for webhook in shipped["webhooks"]:
        webhook["objectSelector"] = {"matchLabels": {"nobody": "has-this"}}
    [target] = [one for one in CLIENTS if shipped["kind"] in one.name]
    monkeypatch.setattr(run, "CLIENTS", (target._replace(path=target.path._replace(name="applied-again")),))
    again = (("apply", *HOW[how], "--filename=-"), json.dumps(shipped))
    restored.kubectl(*again[0], input=again[1])
    try:
        with monkeypatch.context() as patched:
            patched.setenv("KUBECONFIG", str(restored.kubeconfig))
            run.reconcile(CertificateCluster("aim-system"), WISH, datetime.now(UTC), lambda *_, **__: None)
        made = restored.get("validatingwebhookconfiguration", "applied-again")["webhooks"]
        token = stored(restored, TOKEN_SECRET)["admission"]
        assert all(one["clientConfig"]["service"]["path"].endswith(f"/{token}") for one in made)
        assert all(one["clientConfig"]["caBundle"] for one in made)
        for _ in range(2):
            restored.kubectl(*again[0], input=again[1])
        assert restored.get("validatingwebhookconfiguration", "applied-again")["webhooks"] == made
    finally:
        restored.kubectl("delete", "validatingwebhookconfiguration", "applied-again")
