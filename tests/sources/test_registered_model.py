"""Downloads from a real MLflow: by alias and version, killed, and with aliases moved and files replaced meanwhile."""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.sources.programs import free_port, running
from tests.sources.volume import KILLS, MIB, MODEL, SEED, Volume, files, small_model

pytestmark = pytest.mark.sources

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}


class Mlflow(NamedTuple):
    """A server that runs."""

    url: str

    def sent(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """The response to a request."""
        request = urllib.request.Request(f"{self.url}/api/2.0/{path}", body, method=method)  # noqa: S310 - on loopback
        if method != "PUT":
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            found: dict[str, Any] = json.loads(response.read() or b"{}")
            return found

    def post(self, path: str, **fields: object) -> dict[str, Any]:
        return self.sent("POST", f"mlflow/{path}", json.dumps(fields).encode())

    def put(self, contents: dict[str, bytes], folder: str) -> None:
        """Uploads files."""
        for path, content in contents.items():
            self.sent("PUT", f"mlflow-artifacts/artifacts/{quote(f'{folder}/{path}')}", content)

    def run(self, contents: dict[str, bytes]) -> tuple[str, str]:
        """A run with files below chat: its id, and the folder of the files."""
        info = self.post("runs/create", experiment_id="0")["run"]["info"]
        folder = f"{info['artifact_uri'].removeprefix('mlflow-artifacts:/').lstrip('/')}/chat"
        self.put(contents, folder)
        return str(info["run_id"]), folder

    def register(self, name: str, contents: dict[str, bytes]) -> tuple[str, str]:
        """The next version of a model, which champion is now: its number, and the folder of its files."""
        run, folder = self.run(contents)
        source = f"runs:/{run}/chat"
        version = self.post("model-versions/create", name=name, source=source, run_id=run)["model_version"]["version"]
        self.point(name, version)
        return str(version), folder

    def point(self, name: str, version: str) -> None:
        self.post("registered-models/alias", name=name, alias="champion", version=version)


@pytest.fixture(scope="module", params=["folder", "bucket"])
def mlflow(request, tmp_path_factory):
    """A server that keeps files in a folder of its own, and one that keeps them in a bucket."""
    folder, programs = tmp_path_factory.mktemp(request.param), Path(os.environ["AIM_SOURCES"])
    python, url, bucket = programs / "python", *(f"http://127.0.0.1:{free_port()}" for _ in range(2))
    stored = f"file://{folder}/files" if request.param == "folder" else "s3://artifacts"
    server = (
        *(python, "-m", "mlflow", "server", "--workers=1", "--host=127.0.0.1", f"--port={url.rpartition(':')[2]}"),
        *(f"--backend-store-uri=sqlite:///{folder}/db", f"--artifacts-destination={stored}"),
    )
    more = {**KEYS, "MLFLOW_S3_ENDPOINT_URL": bucket, "MLFLOW_DISABLE_TELEMETRY": "true", "HOME": str(folder)}
    moto = (python, "-m", "moto.server", "-H", "127.0.0.1", "-p", bucket.rpartition(":")[2])
    with running(moto, bucket, folder / "moto.log"):
        made = urllib.request.Request(f"{bucket}/artifacts", method="PUT")  # noqa: S310 - on loopback
        urllib.request.urlopen(made, timeout=60).close()  # noqa: S310
        with running(server, f"{url}/health", folder / "log", more):
            yield Mlflow(url)


@pytest.fixture
def name(mlflow, request):
    """A registered model for this test."""
    made = request.node.name.partition("[")[0]
    mlflow.post("registered-models/create", name=made)
    return made


def volume(mlflow, tmp_path, source):
    return Volume(tmp_path, (f"--source=mlflow://{source}", f"--endpoint={mlflow.url}"))


def test_killed_at_random_moments_it_goes_on_and_every_byte_is_right(mlflow, name, tmp_path):
    made = files(24 * MIB)
    version, _ = mlflow.register(name, made)
    place = volume(mlflow, tmp_path, f"{name}@champion")
    place.killed_often(KILLS)
    code, output = place.download()
    assert code == 0, f"seed {SEED}: {output}"
    assert place.files == made, f"seed {SEED}"
    assert (place.entry.verified, place.entry.resolved) == ("FirstRead", version)


def test_its_facts_are_read_where_it_is(mlflow, name, tmp_path):
    mlflow.register(name, small_model())
    found = volume(mlflow, tmp_path, f"{name}@champion").described
    assert (found.loaded, found.server, found.access.endpoint) == (MODEL, f"mlflow://{name}@champion", mlflow.url)
    assert found.facts.architecture == "Qwen3ForCausalLM"


def test_an_alias_that_moves_after_a_kill_is_one_version_or_the_other(mlflow, name, tmp_path):
    first, second = files(24 * MIB), files(24 * MIB)
    before, _ = mlflow.register(name, first)
    place = volume(mlflow, tmp_path, f"{name}@champion")
    place.killed(4 * MIB)
    assert place.newest == before
    after, _ = mlflow.register(name, second)
    assert place.newest == after
    assert place.download()[0] == 0
    assert (place.files, place.entry.resolved) == (second, after)
    (tmp_path / "other").mkdir()
    pinned = volume(mlflow, tmp_path / "other", f"{name}/{before}")
    assert pinned.download()[0] == 0
    assert (pinned.files, pinned.entry.resolved) == (first, before)


def test_a_file_that_is_replaced_after_a_kill_is_never_mixed(mlflow, name, tmp_path):
    _, folder = mlflow.register(name, files(24 * MIB))
    place = volume(mlflow, tmp_path, f"{name}@champion")
    place.killed(4 * MIB)
    made = files(24 * MIB)
    mlflow.put(made, folder)
    for _ in range(len(made)):  # each file that had begun is an error, once
        code, output = place.download()
        if code != 79:
            break
    assert code == 0, output
    assert place.files == made


def test_what_is_not_there_has_a_message(mlflow, name, tmp_path):
    mlflow.register(name, files(1000))
    cases = {
        f"{name}@other": (51, "no such alias of"),
        f"{name}/7": (40, "correct the name or the version"),
        "nobody@champion": (40, "correct the name or the version"),
    }
    for source, (expected, part) in cases.items():
        code, output = volume(mlflow, tmp_path, source).download()
        assert (code, part in output, "Traceback" in output) == (expected, True, False), output
