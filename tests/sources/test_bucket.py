"""Downloads from moto, another maker's S3 service: as Jobs run them, killed, and with objects replaced meanwhile."""

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sources.programs import free_port, running
from tests.sources.volume import KILLS, MIB, MODEL, SEED, Volume, files, small_model

pytestmark = pytest.mark.sources

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
CLIENT = """
import json, sys, boto3
url, step = sys.argv[1:3]
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
given = json.loads(sys.stdin.read())
if step == "put":
    for key, path in given["objects"].items():
        more = {"ChecksumAlgorithm": "SHA256"} if given["checksum"] else {}
        s3.put_object(Bucket="models", Key=key, Body=open(path, "rb").read(), **more)
elif step == "parts":
    upload = s3.create_multipart_upload(Bucket="models", Key=given["key"])["UploadId"]
    parts = []
    for number, path in enumerate(given["paths"], 1):
        tag = s3.upload_part(Bucket="models", Key=given["key"], UploadId=upload, PartNumber=number,
                             Body=open(path, "rb").read())["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    print(s3.complete_multipart_upload(Bucket="models", Key=given["key"], UploadId=upload,
                                       MultipartUpload={"Parts": parts})["ETag"])
else:
    s3.create_bucket(Bucket="models")
"""
"""What uploads, by Amazon's own library."""


class Server(NamedTuple):
    """A server with a bucket, and folders."""

    url: str
    python: str
    folder: Path

    def act(self, step: str, **given: object) -> str:
        done = subprocess.run(
            [self.python, "-c", CLIENT, self.url, step],
            input=json.dumps(given),
            env={**os.environ, **KEYS},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def put(self, *, checksum: bool = False, **files: bytes) -> None:
        """Stores files below chat/."""
        objects = {}
        for number, (path, content) in enumerate(files.items()):
            (self.folder / f"upload-{number}").write_bytes(content)
            objects[f"chat/{path}"] = str(self.folder / f"upload-{number}")
        self.act("put", objects=objects, checksum=checksum)

    @property
    def volume(self) -> Volume:
        """Where it is downloaded to."""
        return Volume(self.folder, ("--source=s3://models/chat", f"--endpoint={self.url}"), KEYS)


@pytest.fixture
def server(tmp_path):
    programs = Path(os.environ["AIM_SOURCES"])
    port = free_port()
    made = Server(f"http://127.0.0.1:{port}", str(programs / "python"), tmp_path)
    command = (programs / "python", "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
    with running(command, made.url, tmp_path / "log"):
        made.act("create")
        yield made


def test_killed_at_random_moments_it_goes_on_and_every_byte_is_right(server):
    made = files(24 * MIB)
    server.put(**made)
    server.volume.killed_often(KILLS)
    code, output = server.volume.download()
    assert code == 0, f"seed {SEED}: {output}"
    assert server.volume.files == made, f"seed {SEED}"
    assert server.volume.entry.verified == "FirstRead"


def test_checksums_of_the_service_are_verified_against(server):
    made = files(100_000)
    server.put(checksum=True, **made)
    assert server.volume.download()[0] == 0
    assert server.volume.entry.verified == "SourceHashes"
    assert {one.hash for one in server.volume.entry.files} == {
        hashlib.sha256(text).hexdigest() for text in made.values()
    }


def test_an_object_that_came_in_parts_has_an_etag_that_is_no_hash_and_arrives(server):
    parts = [os.urandom(5 * MIB), os.urandom(1000)]
    for number, part in enumerate(parts):
        (server.folder / f"part-{number}").write_bytes(part)
    paths = [str(server.folder / f"part-{number}") for number in range(2)]
    assert server.act("parts", key="chat/model.safetensors", paths=paths).endswith('-2"')
    assert server.volume.download()[0] == 0
    assert server.volume.files == {"model.safetensors": b"".join(parts)}


def test_an_object_that_is_replaced_after_a_kill_is_not_continued(server):
    server.put(**files(24 * MIB))
    server.volume.killed(4 * MIB)
    made = files(24 * MIB)
    server.put(**made)
    assert server.volume.download()[0] == 0
    assert server.volume.files == made


def test_its_facts_are_read_where_it_is(server):
    server.put(**small_model())
    found = server.volume.described
    assert (found.loaded, found.server, found.access.endpoint) == (MODEL, "s3://models/chat", server.url)
    assert found.facts.architecture == "Qwen3ForCausalLM"


def test_what_is_not_there_has_a_message(server):
    code, output = server.volume.download()
    assert (code, "has no objects below s3://models/chat: correct the source" in output) == (40, True)
    assert "Traceback" not in output
