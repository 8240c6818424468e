"""Bad input is refused by the API server itself, in words, and by this project's own parser in the same words."""

import json
import re

import pytest
from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.cache import CACHE_TRANSITIONS
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.kinds import API_KINDS
from tests.cluster.plane import KubectlError
from tests.e2e.rule_cases import CASES, MODEL, rules
from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

MODELS = {kind.name: kind.model for kind in API_KINDS}


def made(kind, spec):
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "refused"}, "spec": spec}


def refusal(plane, raw):
    """What the API server answers to an object, without storing it."""
    with pytest.raises(KubectlError) as refused:
        plane.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(raw))
    return str(refused.value)


def parse_errors(raw):
    with pytest.raises(ValidationError) as refused:
        MODELS[raw["kind"]].model_validate(raw)
    return validation_messages(refused.value)


def test_every_rule_has_a_case():
    assert rules() == CASES.keys()


@pytest.mark.parametrize(("kind", "message"), CASES, ids=[f"{kind}: {message[:60]}" for kind, message in CASES])
def test_a_broken_rule_is_refused_with_its_own_words_by_server_and_parser(cluster, kind, message):
    raw = made(kind, CASES[kind, message])
    said = refusal(cluster, raw)
    assert said.endswith(f": {message}"), said
    assert f'{kind} "refused" is invalid' in said or f"{kind}.aim.engine.amd.com" in said, said
    [sentence] = parse_errors(raw)
    assert sentence.endswith(f": {message}"), sentence


BOUNDS = {
    "unknown engine": (
        {"backend": "triton"},
        'Unsupported value: "triton": supported values: "auto", "vllm", "sglang"',
    ),
    "unknown precision": ({"precision": "bf17"}, 'Unsupported value: "bf17"'),
    "unknown goal": ({"recipe": {"goal": "speed"}}, 'Unsupported value: "speed"'),
    "unknown service": ({"service": {"type": "ExternalName"}}, 'Unsupported value: "ExternalName"'),
    "negative GPUs": ({"gpuCount": -1}, "spec.gpuCount in body should be greater than or equal to 0"),
    "too many GPUs": ({"gpuCount": 65}, "spec.gpuCount in body should be less than or equal to 64"),
    "negative replicas": ({"replicas": -1}, "spec.replicas in body should be greater than or equal to 0"),
    "no quantity": ({"resources": {"memory": "64 gigs"}}, "spec.resources.memory in body should match"),
    "negative quantity": ({"cache": {"size": "-1Gi"}}, "spec.cache.size in body should match"),
    "text for a number": ({"gpuCount": "one"}, 'must be of type integer: "string"'),
    "quantity beyond 64 bits": ({"resources": {"cpu": "1e30"}}, "spec.resources.cpu in body should match"),
    "revision like a flag": ({"model": {"revision": "--x"}}, "spec.model.revision in body should match"),
    "no port": ({"service": {"port": 0}}, "spec.service.port in body should be greater than or equal to 1"),
    "relative path": ({"cache": {"mountPath": "models"}}, "spec.cache.mountPath in body should match"),
    "no model id": ({"modelId": "not a model"}, "spec.modelId in body should match"),
}


@pytest.mark.parametrize("case", BOUNDS)
def test_a_value_out_of_bounds_is_refused_by_server_and_parser(cluster, case):
    fields, words = BOUNDS[case]
    raw = made("AIMEndpoint", MODEL | fields)
    assert words in refusal(cluster, raw)
    assert parse_errors(raw)


def test_a_field_that_does_not_exist_is_refused(cluster):
    said = refusal(cluster, made("AIMEndpoint", MODEL | {"gpus": 1}))
    assert re.search(r'unknown field "spec\.gpus"', said)


def test_both_spellings_with_one_value_are_accepted(space):
    space.apply(endpoint("agreed", **MODEL, model={"id": MODEL["modelId"]}, gpuCount=1, resources={"gpuCount": 1}))
    space.ready("agreed")


def test_an_invalid_change_leaves_the_endpoint_as_it_was(space):
    space.apply(endpoint("unharmed", **MODEL))
    space.ready("unharmed")
    with pytest.raises(KubectlError, match="minReplicas must not exceed maxReplicas"):
        space.patch("aimendpoint/unharmed", {"spec": {"scaling": {"minReplicas": 5, "maxReplicas": 2}}})
    assert space.get("aimendpoint", "unharmed")["metadata"]["generation"] == 1
    assert space.condition("unharmed")["status"] == "True"


def test_an_existing_claim_cannot_take_the_place_of_one_with_models(space):
    """The cache hook would have to let the claim go, and with it all models."""
    made_once = {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "keeps"}, "spec": {"size": "1Gi"}}
    space.apply(made_once)
    [rule] = [one for one in CACHE_TRANSITIONS if not one.on_creation]
    with pytest.raises(KubectlError, match=re.escape(rule.message)):
        space.patch("aimcache/keeps", {"spec": {"size": None, "storage": {"existingClaim": "mine"}}})
    space.patch("aimcache/keeps", {"spec": {"size": "2Gi"}})


def test_the_patterns_of_a_cache_have_a_bound_and_one_from_before_it_may_be_changed(space):
    """Endpoints are sent all caches of their namespace, and a request has a bound, too."""

    def models(count):
        return [{"id": f"a/m{number}", "include": ["x" * 255] * 25 + ["y" * 25]} for number in range(count)]

    def given(name, count):
        spec = {"size": "1Gi", "hub": {"offline": True}, "models": models(count)}
        return {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": name}, "spec": spec}

    [bound] = [one for one in CACHE_TRANSITIONS if one.on_creation]
    with pytest.raises(KubectlError, match=re.escape(bound.message)):
        space.apply(given("new", 11))
    space.apply(given("new", 10))
    with pytest.raises(KubectlError, match=re.escape(bound.message)):
        space.patch("aimcache/new", {"spec": {"models": models(11)}})
    definition = json.loads(space.kubectl("get", "crd", "aimcaches.aim.engine.amd.com", "--output=json"))
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations"
    whole = spec["x-kubernetes-validations"]
    fewer = [one for one in whole if one["message"] != bound.message]
    assert len(fewer) == len(whole) - 1

    def with_rules(value):
        change = json.dumps([{"op": "replace", "path": place, "value": value}])
        space.kubectl("patch", "crd", "aimcaches.aim.engine.amd.com", "--type=json", f"--patch={change}")

    def accepted():
        try:
            space.apply(given("old", 12))
        except KubectlError:
            return False
        return True

    def refused():
        try:
            space.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(given("later", 12)))
        except KubectlError:
            return True
        return False

    with_rules(fewer)
    try:
        space.wait("the release before", accepted)
    finally:
        with_rules(whole)
    space.wait("this release", refused)
    space.patch("aimcache/old", {"spec": {"models": models(11), "cleanup": {"enabled": True}}})
    with pytest.raises(KubectlError, match=re.escape(bound.message)):
        space.patch("aimcache/old", {"spec": {"models": models(12)}})


def test_a_bad_recipe_is_invalid_with_its_reason_and_touches_no_endpoint(space):
    name = f"{space.namespace}-bad"
    space.apply(endpoint("healthy", **MODEL))
    space.ready("healthy")
    configurations = [{"gpuCount": 1, "args": ["--max-model-len=many", "--no-such-flag"]}]
    spec = {"modelId": MODEL["modelId"], "hardware": "MI300X", "precision": "bf16", "backend": "vllm"}
    raw = made("AIMRecipe", spec | {"configurations": configurations}) | {"metadata": {"name": name}}
    space.apply(raw)
    space.wait("the recipe to be examined", lambda: space.get("aimrecipe", name)["status"]["phase"] != "Pending")
    status = space.get("aimrecipe", name)["status"]
    assert status["phase"] == "Invalid"
    assert "--max-model-len" in status["message"]
    assert "--no-such-flag" in status["message"]
    assert space.condition("healthy")["status"] == "True"
    space.kubectl("delete", "aimrecipe", name)
