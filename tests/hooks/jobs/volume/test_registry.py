"""Downloads from an OCI registry: what arrives, by which digest, and who is shown which credentials."""

import base64
import json
import os
from contextlib import closing

import pytest

from aimlib.api.source import ModelSource, parse_source
from hooks.jobs.volume import registry as reading
from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.registry import LOGIN_VARIABLE, RegistryReader
from hooks.jobs.volume.registry_login import authorization
from tests.aimlib.diagnosis.test_hostile_texts import is_linear
from tests.hooks.jobs.volume.artifacts import ACCOUNT, BASIC, Registry
from tests.hooks.jobs.volume.test_sources import Place, refused

FILES = {"config.json": b"{}", "model.safetensors": os.urandom(300_000), "deep/tokenizer.json": b"{} "}


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.delenv(LOGIN_VARIABLE, raising=False)
    made = Registry()
    yield made
    made.stop()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "volume")


@pytest.fixture
def login(registry, monkeypatch):
    """A Secret for image pulls with the account of this registry."""
    entries = {"other.example.com": {"auth": "b3RoZXI6"}, f"https://{registry.host}/v1/": {"auth": BASIC}}
    monkeypatch.setenv(LOGIN_VARIABLE, json.dumps({"auths": entries}))


def pull(place, registry, tag=":v1", **changes):
    source = f"oci://{registry.host}/models/chat{tag}"
    return place.download(**{"source": source, "endpoint": registry.url, **changes})


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("oci://registry.example.com:5000/a/b:v1", "registry.example.com:5000/a/b", "v1"),
        ("oci://registry.example.com/a", "registry.example.com/a", None),
        (f"oci://r/a:v1@sha256:{'0' * 64}", "r/a", f"sha256:{'0' * 64}"),
    ],
)
def test_a_reference_in_its_parts(text, name, revision):
    assert parse_source(text) == ModelSource("oci", name, revision=revision)


@pytest.mark.parametrize("name", ["org.cncf.model.filepath", "org.opencontainers.image.title"])
def test_an_artifact_arrives_and_its_tag_is_resolved_once(place, registry, name):
    digest = registry.push("v1", FILES, name, config={})
    registry.cuts = [100_000]
    found = pull(place, registry)
    assert place.files == FILES
    assert (found.resolved, found.verified, found.commit) == (digest, "SourceHashes", digest[7:47])
    assert found.report().resolved == digest
    registry.push("v1", {**FILES, "model.safetensors": b"another"})
    assert pull(place, registry) == found
    assert pull(place, registry, f"@{digest}").resolved == digest
    assert place.files == FILES


def test_a_tag_that_moves_amid_the_download_is_never_mixed(place, registry):
    registry.push("latest", FILES)
    registry.cuts = [100_000]
    moved = []
    blob = registry.blobs

    class Moving(dict):
        def __getitem__(self, digest):
            if not moved:
                moved.append(registry.push("latest", {"model.safetensors": b"another"}))
            return blob[digest]

    registry.blobs = Moving()
    registry.blobs.update(blob)
    registry.blobs.__class__.__setitem__ = lambda _, digest, content: blob.__setitem__(digest, content)
    pull(place, registry, "")
    assert (len(moved), place.files) == (1, FILES)


WRONG = {
    "not json": (b"no", "its manifest is not JSON"),
    "no layers": (b"{}", "its manifest has no list of layers"),
    "an index": (b'{"manifests": []}', "it is an index of several manifests"),
    "an image": (b'{"layers": [{"digest": "x"}, 1, {"annotations": 1}]}', "none of its layers has a file name"),
    "an archive": (
        b'{"layers": [{"mediaType": "weight.v1.tar+gzip", "annotations": {"org.cncf.model.filepath": "a"}}]}',
        "its layer a is an archive",
    ),
    "another digest": (
        b'{"layers": [{"digest": "md5:0", "annotations": {"org.cncf.model.filepath": "a"}}]}',
        "its layer a has no digest of SHA-256",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_artifact_that_cannot_be_read_is_refused_in_words(place, registry, case):
    text, words = WRONG[case]
    registry.push_text("v1", text)
    error = refused(pull, place, registry)
    assert (error.reason, words in error.message) == ("NoFiles", True)


def test_paths_that_lead_out_and_digests_that_do_not_fit(place, registry):
    registry.push("v1", {"../evil.safetensors": b"x"})
    assert refused(pull, place, registry).reason == "Corrupt"
    registry.push("v1", FILES)
    registry.stated = f"sha256:{'0' * 64}"
    assert "instead of 0000" in refused(pull, place, registry).message
    registry.stated = ""
    registry.blobs = {key: b"x" * len(content) for key, content in registry.blobs.items()}
    assert refused(pull, place, registry).reason == "Corrupt"


@pytest.mark.parametrize("kind", ["basic", "bearer"])
@pytest.mark.usefixtures("login")
def test_the_account_of_a_secret_is_for_the_registry_that_it_names(place, registry, kind):
    registry.push("v1", FILES)
    realm = f'Bearer realm="{registry.url}/token",service="here",scope="any"'
    registry.challenge = 'Basic realm="x"' if kind == "basic" else realm
    assert pull(place, registry).verified == "SourceHashes"
    asked = [path for path, _ in registry.requests if path.startswith("/token")]
    assert all("scope=repository%3Amodels%2Fchat%3Apull" in path for path in asked)
    assert (kind == "bearer") == bool(asked)
    other = Registry()
    try:
        other.push("v1", {"model.safetensors": b"x"})
        other.challenge = registry.challenge
        count = len(registry.requests)
        error = refused(pull, place, registry, endpoint=other.url, model="acme/other")
        assert error.reason == "TokenMissing"
        shown = [headers for _, headers in (*other.requests, *registry.requests[count:])]
        assert not any(BASIC in str(headers) or ACCOUNT[1] in str(headers) for headers in shown)
    finally:
        other.stop()


@pytest.mark.usefixtures("login")
def test_a_blob_elsewhere_is_requested_without_the_token(place, registry):
    store = Registry()
    try:
        registry.push("v1", FILES)
        store.blobs = registry.blobs
        registry.challenge, registry.elsewhere = 'Basic realm="x"', store.url
        assert pull(place, registry).verified == "SourceHashes"
        assert store.requests
        assert not any("Authorization" in headers for _, headers in store.requests)
        store.faults = [(403, "")] * 9
        assert refused(pull, place, registry, model="acme/other").reason == "Network"
    finally:
        store.stop()


def test_a_registry_that_gives_tokens_to_anybody(place, registry):
    registry.push("v1", FILES)
    registry.open, registry.token = True, {"access_token": "a-token"}
    registry.challenge = f'Bearer realm="{registry.url}/token"'
    assert pull(place, registry).verified == "SourceHashes"


@pytest.mark.parametrize("challenge", ['Basic realm="x", {bearer}', '{bearer}, Basic realm="x"', "{bearer}, Basic"])
def test_a_registry_with_several_challenges(place, registry, challenge):
    registry.push("v1", FILES)
    registry.open = True
    bearer = f'Bearer realm="{registry.url}/token",service="here",scope="repository:a:pull,push"'
    registry.challenge = challenge.replace("{bearer}", bearer)
    assert pull(place, registry).verified == "SourceHashes"


@pytest.mark.parametrize("piece", ["a", "-", " ", "a ", "a=", 'a="'])
def test_a_challenge_of_any_form_takes_linear_time(piece):
    assert is_linear(lambda header: authorization(header, None, "a"), piece)


def test_a_token_that_expires_amid_the_download_is_requested_again(registry):
    registry.push("v1", {"model.safetensors": b"x"})
    registry.open, registry.challenge = True, f'Bearer realm="{registry.url}/token"'
    registry.challenge_again = 'Basic realm="harbor"'
    with closing(RegistryReader(parse_source(f"oci://{registry.host}/models/chat:v1"), registry.url)) as reader:
        commit, files = reader.listing()
        registry.token, registry.accepted = {"token": "another"}, ("Bearer another",)
        reader.transfer(commit, files[0], 0, 1).body.close()
    assert registry.requests[-1][1]["Authorization"] == "Bearer another"


@pytest.mark.parametrize(
    "challenge", ['Bearer realm="no url"', "Bearer", "Digest x", 'Bearer realm="{url}/token"', 'Basic realm="x"']
)
@pytest.mark.parametrize("token", [{"token": 1}, [], {"token": "two words"}])
def test_a_challenge_that_nobody_can_meet(place, registry, challenge, token):
    registry.push("v1", FILES)
    registry.open, registry.token = True, token
    registry.challenge = challenge.replace("{url}", registry.url)
    assert refused(pull, place, registry).reason == "TokenMissing"


@pytest.mark.parametrize("text", ["no", "[]", '{"auths": {"HOST": {}}}', '{"auths": {"HOST": {"auth": "a b"}}}'])
def test_credentials_that_are_none(place, registry, text, monkeypatch):
    monkeypatch.setenv(LOGIN_VARIABLE, text.replace("HOST", registry.host))
    assert refused(pull, place, registry).reason == "TokenInvalid"


def test_credentials_in_two_fields_and_of_nobody(place, registry, monkeypatch):
    registry.push("v1", FILES)
    registry.challenge = 'Basic realm="x"'
    for auths, reason in (({}, "TokenMissing"), ({registry.host: {"username": "a", "password": "b"}}, "TokenInvalid")):
        monkeypatch.setenv(LOGIN_VARIABLE, json.dumps({"auths": auths}))
        error = refused(pull, place, registry)
        assert (error.reason, error.message == "b") == (reason, False)
    [wrong] = {headers["Authorization"] for _, headers in registry.requests if "Authorization" in headers}
    assert base64.b64decode(wrong.removeprefix("Basic ")) == b"a:b"


ERRORS = {
    "no repository": (404, "NAME_UNKNOWN", "NotFound"),
    "no tag": (404, "MANIFEST_UNKNOWN", "RevisionNotFound"),
    "no error": (403, "", "TokenMissing"),
    "something else": (418, "", "Network"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_a_registry_refuses_has_a_reason(place, registry, case):
    status, code, reason = ERRORS[case]
    registry.faults = [(status, code)]
    assert refused(pull, place, registry).reason == reason


def test_a_registry_that_is_busy_and_a_blob_that_is_refused(place, registry):
    registry.push("v1", {"model.safetensors": b"x"})
    registry.faults = [(503, ""), (429, "TOOMANYREQUESTS")]
    assert pull(place, registry).verified == "SourceHashes"
    source = parse_source(f"oci://{registry.host}/models/chat:v1")
    with closing(RegistryReader(source, registry.url)) as reader:
        commit, files = reader.listing()
        for fault, kind in (((403, "DENIED"), DownloadError), ((404, "BLOB_UNKNOWN"), TransientError)):
            registry.faults = [fault]
            with pytest.raises(kind):
                reader.transfer(commit, files[0], 0, 1)


def test_a_service_for_tokens_that_is_not_there(place, registry):
    registry.challenge = 'Bearer realm="http://127.0.0.1:1/token"'
    assert refused(pull, place, registry).reason == "Network"


def test_addresses_of_registries(place, registry, monkeypatch):
    assert refused(pull, place, registry, endpoint="http://user@host").reason == "Network"
    for host, url in (("docker.io", "https://registry-1.docker.io"), ("r.example.com", "https://r.example.com")):
        assert RegistryReader(parse_source(f"oci://{host}/a"), None).place == url
    monkeypatch.setattr(reading, "MAX_MANIFEST", 10)
    registry.push("v1", FILES)
    assert "that is too long" in refused(pull, place, registry).message

    def broken(*_):
        raise reading.HTTPError("gone")

    monkeypatch.setattr(reading, "read_body", broken)
    assert "cannot be reached: gone" in refused(pull, place, registry).message
