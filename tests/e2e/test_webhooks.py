"""What the API server says to an endpoint by the words of the hook server, and that it goes on without it."""

import json
import re
import subprocess
from collections import Counter
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from aimlib.naming import MODEL_LABEL, model_label
from tests.cluster.plane import ROOT
from tests.e2e.faulty import FAULTS
from tests.e2e.gate import ENFORCE
from tests.e2e.hookserver import stopped
from tests.e2e.space import endpoint, recipe

pytestmark = pytest.mark.e2e

MODEL = {"modelId": "Qwen/Qwen3-32B"}
NAME = "aim-endpoints"
"""Of both configurations."""
TOO_MANY = {**MODEL, "gpuCount": 3}
"""What nodes have and no recipe uses, so that no policy speaks of it."""


class Told(NamedTuple):
    """What kubectl prints and what it says besides."""

    code: int
    printed: str
    warnings: list[str]
    error: str


def told(space, *arguments, raw=None):
    """What a user is told by a command."""
    command = [str(space.plane.programs["kubectl"]), f"--namespace={space.namespace}", *arguments]
    done = subprocess.run(
        command,
        input=None if raw is None else json.dumps(raw),
        env=space.plane.environment,
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    warnings = re.findall(r"^Warning: (.*)$", done.stderr, re.MULTILINE)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Warning: ")]
    return Told(done.returncode, done.stdout, warnings, "\n".join(errors))


def tried(space, name="tried", **spec):
    """What a user would be told."""
    return told(space, "create", "--dry-run=server", "--output=json", "--filename=-", raw=endpoint(name, **spec))


def stored(space, name, **spec):
    return told(space, "apply", "--filename=-", raw=endpoint(name, **spec))


@pytest.fixture
def strict(space):
    """The namespace enforces."""
    space.kubectl("label", "namespace", space.namespace, *(f"{key}={value}" for key, value in ENFORCE.items()))
    space.wait("the label to be seen", lambda: tried(space, **TOO_MANY).code != 0)
    return space


def asked(installation):
    """How often the webhooks were asked."""
    counted = re.findall(r"^aim_admission_requests_total{.*} (\S+)$", installation.read("/metrics"), re.MULTILINE)
    return sum(map(float, counted))


def test_a_warning_has_the_words_that_the_status_then_has(space):
    said = stored(space, "much", **TOO_MANY)
    assert (said.code, said.printed) == (0, "aimendpoint.aim.engine.amd.com/much created\n")
    space.becomes("much", "NothingFits")
    status = space.get("aimendpoint", "much")["status"]
    assert said.warnings == [status["selection"]["message"]]
    assert said.warnings == [space.condition("much", "RecipeSelected")["message"]]
    assert said.warnings == tried(space, "much-2", **TOO_MANY).warnings, "a dry run says the same"


def test_what_has_no_effect_is_said_as_the_status_says_it(space):
    spec = {**MODEL, "service": {"loadBalancerIP": "10.0.0.1"}, "cache": {"size": "10Gi"}}
    said = stored(space, "odd", **spec)
    space.ready("odd")
    assert said.warnings == space.get("aimendpoint", "odd")["status"]["warnings"]
    assert len(said.warnings) == 2


def test_where_it_is_enforced_it_is_a_refusal_with_the_same_words_and_nothing_is_stored(strict):
    said = stored(strict, "much", **TOO_MANY)
    strict.kubectl("label", "namespace", strict.namespace, *(f"{key}-" for key in ENFORCE))
    assert said.code == 1
    assert strict.names("aimendpoints") == []
    strict.wait("the label to be gone", lambda: tried(strict, **TOO_MANY).code == 0)
    [words] = tried(strict, **TOO_MANY).warnings
    webhook = "enforce.validate.endpoints.admission.aim.engine.amd.com"
    assert said.error == (
        f'Error from server (Forbidden): error when creating "STDIN": admission webhook "{webhook}" '
        f"denied the request: {words}"
    )


def test_what_runs_cannot_be_changed_into_what_nothing_serves_but_all_else_can(strict, installation):
    assert stored(strict, "runs", **MODEL).code == 0
    strict.ready("runs")
    said = stored(strict, "runs", **TOO_MANY)
    assert said.code == 1
    [chosen] = [strict.get("aimendpoint", "runs")["status"]["selectedRecipe"]["name"]]
    assert said.error.endswith(f"; {chosen} keeps running")
    assert told(strict, "patch", "aimendpoint/runs", "--type=merge", '--patch={"spec": {"replicas": 2}}').code == 0
    before = asked(installation)
    for change in (
        ("label", "aimendpoint/runs", "team=a"),
        ("annotate", "aimendpoint/runs", "note=b"),
        ("scale", "aimendpoint/runs", "--replicas=1"),
        ("delete", "aimendpoint/runs"),
    ):
        done = told(strict, *change)
        assert (done.code, done.warnings) == (0, []), done
    assert asked(installation) == before, "nobody is asked about what is no change of the spec"


def test_an_update_that_does_not_concern_selection_is_silent(space):
    assert stored(space, "much", **TOO_MANY).warnings
    for spec in ({"service": {"port": 9000}}, {"replicas": 2}, {"recipe": {"gpuCount": 3}}):
        patched = told(space, "patch", "aimendpoint/much", "--type=merge", f"--patch={json.dumps({'spec': spec})}")
        assert (patched.code, patched.warnings) == (0, [])
    more = {"spec": {"gpuCount": 5, "recipe": {"gpuCount": 5}}}
    again = told(space, "patch", "aimendpoint/much", "--type=merge", f"--patch={json.dumps(more)}")
    assert ["requested 5 GPUs" in one for one in again.warnings] == [True]


def test_endpoints_are_found_by_the_label_of_their_model_as_recipes_are(space):
    stored(space, "labelled", **MODEL)
    stored(space, "other", modelId="Qwen/Qwen3-8B")
    label = f"--selector={MODEL_LABEL}={model_label(MODEL['modelId'])}"
    assert space.names("aimendpoints", label) == ["aimendpoint.aim.engine.amd.com/labelled"]
    assert "aimrecipe.aim.engine.amd.com/qwen3-32b-mi300x-bf16" in space.names("aimrecipes", label)
    dry = json.loads(tried(space, **MODEL).printed)
    assert dry["metadata"]["labels"] == {MODEL_LABEL: model_label(MODEL["modelId"])}
    space.kubectl("label", "aimendpoint/labelled", "team=a", f"{MODEL_LABEL}-")
    space.apply({**endpoint("labelled", modelId="Qwen/Qwen3-8B"), "metadata": {"name": "labelled"}})
    labels = space.get("aimendpoint", "labelled")["metadata"]["labels"]
    assert labels == {MODEL_LABEL: model_label("Qwen/Qwen3-8B"), "team": "a"}
    for how in ((), ("--server-side", "--field-manager=gitops")):  # again and again, without a conflict
        assert told(space, "apply", *how, "--filename=-", raw=endpoint("other", modelId="Qwen/Qwen3-8B")).code == 0
        assert space.get("aimendpoint", "other")["metadata"]["labels"] == {MODEL_LABEL: model_label("Qwen/Qwen3-8B")}


def test_an_endpoint_may_come_before_its_recipe(space):
    model = f"acme/{space.namespace}"
    spec = {"modelId": model, "recipe": {"validatedOnly": True}}
    [warning] = stored(space, "early", **spec).warnings
    assert warning.partition("; did you mean ")[0] == f"no recipe for model {model}"
    space.becomes("early", "NoRecipe")
    name = space.namespace
    space.plane.kubectl("apply", "--filename=-", input=json.dumps(recipe(name, modelId=model)))
    try:
        space.ready("early")
        known = [f"memory was not checked: recipe {name} has no facts"]
        space.wait("admission to know the recipe", lambda: tried(space, "late", modelId=model).warnings == known)
    finally:
        space.plane.kubectl("delete", "aimrecipe", name)
    space.wait("admission to know that it is gone", lambda: tried(space, "late", modelId=model).warnings != known)


def durations(space):
    """Questions by the upper bound of their seconds, as the API server has measured its three webhooks together."""
    form = (
        r'^apiserver_admission_webhook_admission_duration_seconds_bucket{.*endpoints\.admission.*le="(\S+)".*} (\d+)$'
    )
    found = Counter()
    for bound, count in re.findall(form, space.kubectl("get", "--raw", "/metrics"), re.MULTILINE):
        found[float(bound)] += int(count)
    return found


def test_the_api_server_has_its_answers_in_time_for_every_model_of_the_catalogue(space, installation):
    models = sorted({one["spec"]["modelId"] for one in space.plane.get("aimrecipes")["items"]})
    wished = [
        endpoint(f"e-{number}-{count}", modelId=model, gpuCount=count)
        for number, model in enumerate(models)
        for count in (1, 2, 4, 8)
    ]
    before, known = asked(installation), durations(space)
    every = {"apiVersion": "v1", "kind": "List", "items": wished}
    done = told(space, "create", "--dry-run=server", "--filename=-", raw=every)
    assert done.code == 0
    took = durations(space) - known
    counted = asked(installation) - before
    print(f"{counted:.0f} questions, up to so many seconds: {sorted(took.items())}")
    assert counted == took[float("inf")] == 2 * len(wished) > 200


def works_without(space):
    """Pods, Deployments and endpoints are made, without a word; tests/manifests bound how long the API server waits."""
    image = {"containers": [{"name": "one", "image": "registry.example.com/one:1"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": image}
    template = {"metadata": {"labels": {"app": "one"}}, "spec": image}
    spec = {"selector": {"matchLabels": {"app": "one"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"}, "spec": spec}
    for raw in (pod, deployment, endpoint("without", **TOO_MANY)):
        done = told(space, "create", "--filename=-", raw=raw)
        assert (done.code, done.warnings) == (0, []), done
    patched = told(space, "patch", "aimendpoint/without", "--type=merge", '--patch={"spec": {"gpuCount": 5}}')
    assert (patched.code, patched.warnings) == (0, []), patched


def test_with_the_hook_server_down_everything_can_be_made(space, installation):
    with stopped(space.plane, installation):
        works_without(space)
    space.becomes("without", "NothingFits")
    space.wait("the webhooks to be asked again", lambda: tried(space, **TOO_MANY).warnings)


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_answers_in_its_place_everything_can_be_made(space, installation, tmp_path, fault):  # noqa: ARG001 - must be there
    with FAULTS[fault](space.plane, tmp_path) as port, elsewhere(space.plane, port):
        space.wait("the fault to be seen", lambda: not tried(space, **TOO_MANY).warnings)
        works_without(space)
    space.wait("the webhooks to be asked again", lambda: tried(space, **TOO_MANY).warnings)


@contextmanager
def elsewhere(plane, port):
    """Let the webhooks be asked on another port of this machine."""
    kinds = ("validatingwebhookconfiguration", "mutatingwebhookconfiguration")
    before = {kind: [one["clientConfig"]["url"] for one in plane.get(kind, NAME)["webhooks"]] for kind in kinds}

    def written(kind, urls):
        place = "/webhooks/{}/clientConfig/url"
        patch = [{"op": "replace", "path": place.format(at), "value": url} for at, url in enumerate(urls)]
        plane.kubectl("patch", kind, NAME, "--type=json", f"--patch={json.dumps(patch)}")

    for kind, urls in before.items():
        written(kind, [re.sub(r":\d+/", f":{port}/", url) for url in urls])
    try:
        yield
    finally:
        for kind, urls in before.items():
            written(kind, urls)
