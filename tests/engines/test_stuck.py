"""A real engine that fails, in each way of failures.yaml: the status has the cause."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from tests.cluster.operator import own_account
from tests.cluster.plane import ROOT, KubectlError
from tests.e2e.conftest import space_for
from tests.e2e.hookserver import within
from tests.e2e.space import Space, endpoint, recipe
from tests.engines import tiny_model
from tests.hub import Hub

pytestmark = pytest.mark.engines

FAILURES = yaml.safe_load((Path(__file__).parent / "failures.yaml").read_text())
ARGS = ("--enforce-eager", "--dtype=bfloat16")
RIGHTS = ROOT / "manifests" / "components" / "pod-logs" / "rbac.yaml"
LENGTH = "--max-model-len=2048"
RESOURCES = {"requests": {"cpu": "2", "memory": "4Gi"}}
FAIL_SECONDS = 300
"""From a pod to the end of its engine, on two cores that are in use."""


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with a tiny model for each way to fail, from which the engine downloads by itself."""
    with Hub() as made:
        for name, failure in FAILURES.items():
            change = failure.get("model", {})
            if change != "absent":
                files = tiny_model.files(**({} if change == "weightless" else change))
                made.add(model_of(name), {path: data for path, data in files.items() if keeps(path, change)})
        yield made


@pytest.fixture(scope="module")
def failing(live_plane, live_operator) -> Iterator[Space]:
    """A namespace for endpoints that fail, where the hook server may read their logs."""
    live_plane.kubectl("apply", f"--filename={RIGHTS}")
    account = str(own_account(live_plane, "aim-hooks", "aim-system"))
    environment = {"KUBECONFIG": account, "AIM_OBSERVE": "pods", "AIM_OBSERVE_LOGS": "true"}
    with within(live_plane, live_operator, **environment), space_for(live_plane, "failing") as space:
        yield space
    live_plane.kubectl("delete", f"--filename={RIGHTS}")


def keeps(path, change):
    return not (change == "weightless" and path.endswith(".safetensors"))


def model_of(name):
    return f"tiny/{name}"


def failing_recipe(name, failure, hub):
    """The recipe that causes it."""
    args, gpus = [*failure.get("args", ())], failure.get("gpus", 0)
    stated = {word.partition("=")[0] for word in args}
    args += [word for word in (*ARGS, LENGTH) if word.partition("=")[0] not in stated]
    args += [f"--tensor-parallel-size={gpus}"] if gpus else []
    here = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "", "VLLM_NO_USAGE_STATS": "1"}
    if "--kv-cache-memory-bytes" not in stated:  # over which this variable would win, without a word
        here["VLLM_CPU_KVCACHE_SPACE"] = "1"
    env = [{"name": key, "value": value} for key, value in here.items()]
    configuration = {"gpuCount": gpus, "args": args, "env": [*env, *failure.get("env", ())], "resources": RESOURCES}
    hardware = "MI300X" if gpus else "CPU"
    return recipe(f"failing-{name}", modelId=model_of(name), hardware=hardware, configurations=[configuration])


@pytest.mark.parametrize("name", FAILURES)
def test_the_status_has_the_cause(failing, hub, name):
    failure = FAILURES[name]
    image = {"image": {"tag": failure["tag"]}} if "tag" in failure else {}
    failing.apply(
        failing_recipe(name, failure, hub),
        endpoint(name, modelId=model_of(name), gpuCount=failure.get("gpus", 0), **image),
    )
    if failure.get("asked"):
        failing.ready(name, seconds=FAIL_SECONDS)
        failing.wait("an answer, whichever", lambda: ask(failing, name))
    found = {}

    def failed():
        found.clear()
        found.update(failing.condition(name))
        return found.get("reason") == failure["reason"] and re.search(failure["words"], found["message"])

    try:
        if "log" in failure:
            failing.wait(f"{failure['log']} in the log", lambda: re.search(failure["log"], log(failing)), FAIL_SECONDS)
        failing.wait(f"{failure['reason']}: {failure['words']}", failed, FAIL_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{found.get('reason')}: {found.get('message')}\n{error}") from None
    finally:
        print(f"{name}: {found.get('reason')}: {found.get('message')}")
        failing.kubectl("delete", f"aimendpoint/{name}", f"aimrecipe/failing-{name}")
        failing.wait("its pods to be gone", lambda: not failing.names("pods"), 120)


def log(space):
    """What the container of the one pod that ended last has written; empty while none has."""
    with suppress(KubectlError):
        pods = space.names("pods")
        return space.kubectl("logs", pods[0], "--previous") if pods else ""
    return ""


def ask(space, name):
    """One question; whether it was answered, as when the Service leads to the pod."""
    url = urlsplit(space.get("aimendpoint", name)["status"]["endpoints"]["internal"])
    question = {"model": model_of(name), "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=120)
    with suppress(OSError, http.client.HTTPException), closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(question), {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            return answer.status > 0
    return False
