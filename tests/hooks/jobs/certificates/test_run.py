"""One run of the program: what it hands out, to whom, what it says, and what it makes of what is wrong."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hooks.jobs.certificates.clients import webhook_path
from hooks.jobs.certificates.issuing import issue_ca, issue_server, parse_certificates
from hooks.jobs.certificates.run import ATTEMPTS, Options
from hooks.jobs.certificates.secrets import CA_SECRET, SERVER_SECRET, TOKEN_SECRET
from hooks.kube_client import ApiServerError
from tests.hooks.jobs.certificates.world import CONFIGURATIONS, CONTROLLERS, NAMES, START, World, trusted

ELSEWHERE = Options(NAMES, issued_elsewhere=True)


def put(world, secret, **texts):
    data = world.secrets[secret].setdefault("data", {})
    data |= {key.replace("_", "."): base64.b64encode(text.encode()).decode() for key, text in texts.items()}


def test_the_first_run_makes_everything_and_hands_it_out():
    world = World()
    wrote = world.run()
    assert wrote == [f"Secret {name}" for name in (TOKEN_SECRET, CA_SECRET, SERVER_SECRET)] + [
        one.name for one in world.objects
    ]
    assert world.missing == []
    [served] = parse_certificates(world.text(SERVER_SECRET, "tls.crt"))
    assert served.names == NAMES
    assert {trusted(target, one) for target, one in world.objects.items()} == {
        parse_certificates(world.text(CA_SECRET, "ca.crt"))
    }
    assert world.refused(world.server(), START) == []


def test_webhooks_get_the_path_of_their_name_with_the_token_and_keep_the_rest():
    world = World()
    world.run()
    token = world.text(TOKEN_SECRET, "admission")
    by_service, by_url = (one["clientConfig"] for one in world.objects[CONFIGURATIONS[0]]["webhooks"])
    assert by_service["service"] == {
        "name": "aim-hooks",
        "namespace": "aim-system",
        "port": 9443,
        "path": f"/admission/endpoints/validate/mode-0/{token}",
    }
    assert by_url["url"] == f"https://h:1/admission/endpoints/validate/mode-1/{token}"
    assert webhook_path("warn.mutate.endpoints.admission.aim.engine.amd.com", "t") == (
        "/admission/endpoints/mutate/warn/t"
    )


def test_webhooks_of_other_names_are_left_alone():
    world = World()
    foreign = {"name": "a.b.example.com", "clientConfig": {"url": "https://example.com"}}
    world.objects[CONFIGURATIONS[0]]["webhooks"].append(dict(foreign))
    world.run()
    assert world.objects[CONFIGURATIONS[0]]["webhooks"][-1] == foreign
    assert world.run() == []


def test_hooks_that_are_added_later_get_it_as_well():
    world = World()
    world.run()
    hooks = world.objects[CONTROLLERS[0]]["spec"]["hooks"]
    hooks["finalize"] = {"version": "v2"}
    assert world.run() == [CONTROLLERS[0].name]
    assert hooks["finalize"]["webhook"] == {"caBundle": hooks["sync"]["webhook"]["caBundle"]}


def test_a_token_that_changes_alone_changes_the_spec_so_that_metacontroller_reads_it():
    world = World()
    world.run()
    before = next(CONTROLLERS[0].bundles(world.objects[CONTROLLERS[0]]))
    world.secrets[TOKEN_SECRET]["data"].clear()
    assert world.run() == [f"Secret {TOKEN_SECRET}", *(target.name for target in (*CONTROLLERS, *CONFIGURATIONS))]
    after = next(CONTROLLERS[0].bundles(world.objects[CONTROLLERS[0]]))
    assert before != after
    assert parse_certificates(before) == parse_certificates(after)
    assert world.text(TOKEN_SECRET, "hooks") not in after


def test_neither_keys_nor_tokens_are_logged():
    world = World()
    world.run()
    said = str(world.said)
    assert "signs_until" in said
    for secret, key in (
        (CA_SECRET, "ca.key"),
        (SERVER_SECRET, "tls.key"),
        (TOKEN_SECRET, "hooks"),
        (TOKEN_SECRET, "admission"),
    ):
        assert world.text(secret, key).strip().splitlines()[-1] not in said
        assert world.text(secret, key).strip().splitlines()[0] not in said or "BEGIN" in world.text(secret, key)


def test_missing_clients_are_returned_and_the_others_are_configured():
    world = World()
    gone = (CONTROLLERS[1], CONFIGURATIONS[1])
    for target in gone:
        del world.objects[target]
    world.run()
    assert world.missing == list(gone)
    assert world.refused(world.server(), START) == []


def test_while_a_controller_is_missing_no_new_authority_counts_as_distributed():
    world = World()
    world.run(START)
    del world.objects[CONTROLLERS[0]]
    for days in (250, 251, 252):
        world.run(START + timedelta(days=days))
    assert world.text(CA_SECRET, "next.crt")
    assert not world.text(CA_SECRET, "next.everywhere")


def test_a_conflicting_write_makes_it_read_everything_again():
    world = World()
    world.conflicts = ATTEMPTS - 1
    world.run()
    assert [what for what, _ in world.said].count("conflicting write; reading everything again") == ATTEMPTS - 1
    assert world.refused(world.server(), START) == []


def test_conflicting_writes_without_end_stop_it():
    world = World()
    world.conflicts = ATTEMPTS
    with pytest.raises(ApiServerError, match="5 times in a row"):
        world.run()


def rsa_key():
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


OTHER = issue_ca(START)
BROKEN = {
    "no certificate": (CA_SECRET, {"ca_crt": "x", "ca_key": OTHER.key}),
    "no key": (CA_SECRET, {"ca_crt": OTHER.certificate.text, "ca_key": "x"}),
    "a key of another": (CA_SECRET, {"ca_crt": OTHER.certificate.text}),
    "a key of another kind": (SERVER_SECRET, {"tls_key": rsa_key()}),
    "a key alone": (SERVER_SECRET, {"tls_crt": ""}),
    "former ones that are none": (CA_SECRET, {"former_crt": "-----BEGIN CERTIFICATE-----\nAAAA\n"}),
}


@pytest.mark.parametrize("what", BROKEN)
def test_unreadable_data_is_logged_and_renewed(what):
    world = World()
    world.run()
    secret, texts = BROKEN[what]
    put(world, secret, **texts)
    assert f"Secret {secret}" in world.run()
    [facts] = [facts for what, facts in world.said if "unreadable" in what]
    assert f"of Secret {secret}: " in facts["error"]
    assert world.refused(world.server(), START) == []
    assert world.run() == []


def test_an_invalid_time_counts_as_missing():
    world = World()
    world.run()
    world.run(START + timedelta(days=250))
    put(world, CA_SECRET, next_everywhere="soon")
    world.run(START + timedelta(days=251))
    assert world.text(CA_SECRET, "next.everywhere") == (START + timedelta(days=251)).isoformat()


@pytest.fixture
def issued():
    """A world in which another program has issued certificates."""
    world = World()
    ca = issue_ca(START)
    served = issue_server(ca, NAMES, START)
    put(world, SERVER_SECRET, tls_crt=served.certificate.text, tls_key=served.key, ca_crt=ca.certificate.text)
    put(world, CA_SECRET, tls_crt=ca.certificate.text, tls_key=ca.key)
    return world


def test_what_another_program_issued_is_handed_out_and_not_written(issued):
    wrote = issued.run(options=ELSEWHERE)
    assert wrote == [f"Secret {TOKEN_SECRET}", *(target.name for target in issued.objects)]
    assert issued.refused(issued.server(), START) == []
    assert issued.run(START + timedelta(days=200), ELSEWHERE) == []


def test_the_next_authority_of_another_program_is_trusted_before_it_signs(issued):
    issued.run(options=ELSEWHERE)
    following = issue_ca(START + timedelta(days=1))
    put(issued, CA_SECRET, tls_crt=following.certificate.text)
    issued.run(START + timedelta(days=2), ELSEWHERE)
    served = issue_server(following, NAMES, START + timedelta(days=3))
    put(issued, SERVER_SECRET, tls_crt=served.certificate.text, ca_crt=following.certificate.text)
    assert issued.refused(issued.server(), START + timedelta(days=3)) == []


@pytest.mark.parametrize("text", ["", "x"])
def test_before_another_program_has_issued_anything_nothing_is_handed_out(text):
    world = World()
    put(world, SERVER_SECRET, ca_crt=text)
    with pytest.raises(ApiServerError, match=r"Secret aim-system/aim-hooks-tls has no valid certificate in ca\.crt"):
        world.run(options=ELSEWHERE)
    assert world.writes == []


def test_the_bundle_of_a_controller_does_not_reveal_the_token():
    world = World()
    world.run()
    bundle = next(CONTROLLERS[0].bundles(world.objects[CONTROLLERS[0]]))
    assert bundle.startswith("# caller ")
    assert world.text(TOKEN_SECRET, "hooks")[:8] not in bundle
