"""Downloads from an OCI registry of another maker: killed, and with tags that move meanwhile."""

import hashlib
import json
import urllib.request

import pytest

from tests.cluster import binaries
from tests.sources.programs import free_port, running
from tests.sources.volume import KILLS, MIB, MODEL, SEED, Volume, files, small_model

pytestmark = pytest.mark.sources


def sent(url: str, method: str, body: bytes = b"", kind: str = "application/octet-stream") -> dict[str, str]:
    """The headers of a response to a request."""
    request = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return dict(response.headers)


class Registry:
    """A registry that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def push(self, tag: str, contents: dict[str, bytes]) -> str:
        """Pushes a ModelPack with raw layers, and returns its digest."""
        config = self._blob(b"{}") | {"mediaType": "application/vnd.cncf.model.config.v1+json"}
        kind = "application/vnd.cncf.model.weight.v1.raw"
        layers = [
            self._blob(content) | {"mediaType": kind, "annotations": {"org.cncf.model.filepath": path}}
            for path, content in contents.items()
        ]
        media = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": media, "config": config, "layers": layers}
        manifest["artifactType"] = "application/vnd.cncf.model.manifest.v1+json"
        text = json.dumps(manifest).encode()
        sent(f"{self.url}/v2/models/chat/manifests/{tag}", "PUT", text, media)
        return f"sha256:{hashlib.sha256(text).hexdigest()}"

    def _blob(self, content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        place = sent(f"{self.url}/v2/models/chat/blobs/uploads/", "POST")["Location"]
        where = place if place.startswith("http") else self.url + place
        sent(f"{where}?digest={digest}", "PUT", content)
        return {"digest": digest, "size": len(content)}


@pytest.fixture
def registry(tmp_path):
    program = binaries.ensure(binaries.registry())["registry"]
    port = free_port()
    with running((program, f"-port={port}"), f"http://127.0.0.1:{port}/v2/", tmp_path / "log"):
        yield Registry(f"http://localhost:{port}")


def volume(registry, tmp_path, reference):
    source = f"oci://{registry.url.removeprefix('http://')}/models/chat{reference}"
    return Volume(tmp_path, (f"--source={source}", f"--endpoint={registry.url}"))


def test_killed_at_random_moments_it_goes_on_and_every_byte_is_right(registry, tmp_path):
    made = files(24 * MIB)
    digest = registry.push("v1", made)
    place = volume(registry, tmp_path, ":v1")
    place.killed_often(KILLS)
    code, output = place.download()
    assert code == 0, f"seed {SEED}: {output}"
    assert place.files == made, f"seed {SEED}"
    assert (place.entry.verified, place.entry.resolved) == ("SourceHashes", digest)


def test_its_facts_are_read_where_it_is(registry, tmp_path):
    registry.push("v1", small_model())
    found = volume(registry, tmp_path, ":v1").described
    assert (found.loaded, found.server, found.access.endpoint) == (MODEL, found.source, registry.url)
    assert found.facts.architecture == "Qwen3ForCausalLM"


def test_a_tag_that_moves_after_a_kill_is_one_artifact_or_the_other(registry, tmp_path):
    first = files(24 * MIB)
    pinned = registry.push("v1", first)
    place = volume(registry, tmp_path, ":v1")
    place.killed(4 * MIB)
    second = files(24 * MIB)
    assert place.newest == pinned
    assert registry.push("v1", second) == place.newest
    assert place.download()[0] == 0
    assert place.files == second
    (tmp_path / "other").mkdir()
    other = volume(registry, tmp_path / "other", f"@{pinned}")
    assert other.download()[0] == 0
    assert other.files == first


def test_what_is_not_there_has_a_message(registry, tmp_path):
    registry.push("v1", {"model.safetensors": b"x"})
    code, output = volume(registry, tmp_path, ":v2").download()
    assert (code, "correct the tag or digest" in output, "Traceback" in output) == (41, True, False)
