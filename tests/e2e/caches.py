"""AIMCaches in a namespace: the hub behind them, their Jobs and pods, and what kubectl shows of them."""

import re
import shlex
from typing import Any

from aimlib.api import API_VERSION
from tests.cluster.plane import ROOT
from tests.cluster.processes import StartError
from tests.e2e.space import SECONDS, Raw, Space
from tests.hub import Hub

EXAMPLE = "manifests/examples/cache.yaml"
LARGE, SMALL = "Qwen/Qwen3-32B", "Qwen/Qwen3-8B"
FILES = {
    "config.json": b'{"model_type": "qwen3"}',
    "generation_config.json": b"{}",
    "model-00001-of-00002.safetensors": 1_200_000,
    "model-00002-of-00002.safetensors": 700_000,
    "original/consolidated.00.pth": 2_000_000,
    "tokenizer.json": 60_000,
}
"""What a test's model has at the hub; `original` holds the weights once more and is not downloaded."""
BYTES = sum(one if isinstance(one, int) else len(one) for path, one in FILES.items() if "original" not in path)


def hub_with(*models: str, port: int = 0) -> Hub:
    """A hub with such models, not started."""
    made = Hub(port=port)
    for model in models:
        made.add(model, FILES)
    return made


def cache(name: str, source: Hub, *models: str | Raw, **spec: Any) -> Raw:
    """An AIMCache of some models that come from a hub."""
    listed = [{"id": one} if isinstance(one, str) else one for one in models]
    spec = {"models": listed, **spec, "hub": {"endpoint": source.url, **spec.get("hub", {})}}
    return {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": name}, "spec": spec}


def status(space: Space, name: str) -> Raw:
    """The status of a cache; empty until it was computed from the present spec."""
    found = space.get("aimcache", name)
    said = found.get("status", {})
    ready = next((one for one in said.get("conditions", ()) if one["type"] == "Ready"), {})
    return said if ready.get("observedGeneration") == found["metadata"]["generation"] else {}


def models(space: Space, name: str) -> dict[str, Raw]:
    """The account of each model of a cache."""
    return {one["id"]: one for one in status(space, name).get("cachedModels", ())}


def cached(space: Space, name: str, *ids: str, seconds: float = SECONDS) -> None:
    """Wait until models of a cache are Ready."""

    def there() -> bool:
        return {models(space, name).get(one, {}).get("status") for one in ids} == {"Ready"}

    space.wait(f"{', '.join(ids)} in {name}", there, seconds)


def becomes(space: Space, name: str, phase: str, pattern: str = "", seconds: float = SECONDS) -> Raw:
    """Wait for a cache to have a phase and a message; its status."""
    found: Raw = {}

    def arrived() -> bool:
        found.clear()
        found.update(status(space, name))
        return found.get("phase") == phase and bool(re.search(pattern, found.get("message", "")))

    space.wait(f"{name} to be {phase}: {pattern}", arrived, seconds)
    return found


def jobs(space: Space) -> list[Raw]:
    """The Jobs there are."""
    return space.get("jobs")["items"]


def job_of(space: Space, model: str) -> str:
    """The name of the one Job that downloads a model."""
    [name] = [one["metadata"]["name"] for one in jobs(space) if f"--model={model}" in _arguments(one)]
    return name


def _arguments(job: Raw) -> list[str]:
    return job["spec"]["template"]["spec"]["containers"][0]["args"]


def downloads(space: Space, *more: str) -> list[Raw]:
    """The pods that work on volumes."""
    return space.get("pods", "--selector=app.kubernetes.io/name=aim-cache", *more)["items"]


def servers(space: Space, *names: str) -> list[Raw]:
    """The pods of endpoints."""
    found = space.get("pods", "--selector=app.kubernetes.io/name!=aim-cache")["items"]
    return [one for one in found if not names or one["metadata"]["labels"]["app.kubernetes.io/instance"] in names]


def nodes(pods: list[Raw]) -> set[str]:
    """Where they were scheduled to."""
    return {one["spec"]["nodeName"] for one in pods if one["spec"].get("nodeName")}


def sequence() -> list[tuple[str, str]]:
    """The commands of the page on caches, without their `kubectl`, and what each prints there."""
    section = (ROOT / "docs" / "use" / "caches.md").read_text().partition("## Keep models on a volume")[2]
    block = section.partition("```console\n")[2].partition("```")[0]
    commands = re.findall(r"^\$ kubectl (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    return [(command, printed.strip()) for command, printed in commands]


def says(space: Space, command: str, expected: str) -> None:
    """Wait until kubectl prints what is expected, but for amounts, ages and the width of columns."""
    said = ""

    def arrived() -> bool:
        nonlocal said
        said = space.kubectl(*shlex.split(command)).strip()
        return _steady(said) == _steady(expected)

    try:
        space.plane.wait_for(command, arrived, SECONDS)
    except StartError as error:
        raise AssertionError(f"{error}:\n{said}") from None


def _steady(text: str) -> str:
    text = re.sub(r"[\d.]+( \w+)? of [\d.]+ \w+ \([1-9]\d? %\)", "PART of WHOLE", text)
    text = re.sub(r"(\d+m)?\d+s$", "AGE", text, flags=re.MULTILINE)
    return re.sub(r" +", " ", text)


def shown(space: Space, *arguments: str) -> dict[str, dict[str, str]]:
    """What `kubectl get aimcache,aimendpoint` prints: for each name, the cells by the titles of their columns."""
    text = space.kubectl("get", "aimcache,aimendpoint", *arguments)
    rows = {}
    for table in text.strip().split("\n\n"):
        header, *lines = table.splitlines()
        # A cell may hold blanks, and is as wide as its column.
        starts = [found.start() for found in re.finditer(r"\S+", header)]
        columns = list(zip(starts, [*starts[1:], None], strict=True))
        for line in lines:
            cells = {header[start:end].strip(): line[start:end].strip() for start, end in columns}
            rows[cells["NAME"].rpartition("/")[2]] = cells
    return rows
