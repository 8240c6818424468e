"""AIMEndpoint: what may be asked for, what is refused with which words, and that every earlier field is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aimlib.api.endpoint import ENDPOINT_RULES, EndpointSpec

MODEL = {"modelId": "Qwen/Qwen3-32B"}

EARLIER = {
    "model": {"id": "Qwen/Qwen3-32B", "revision": "main", "version": "1.2"},
    "recipe": {
        "autoSelect": True,
        "backend": "vllm",
        "gpuCount": 1,
        "precision": "bfloat16",
        "customRecipe": {"name": "mine", "namespace": "models"},
    },
    "resources": {"gpuCount": 1, "cpu": "4", "cpuLimit": "8", "memory": "64Gi", "memoryLimit": "128Gi"},
    "scaling": {
        "minReplicas": 1,
        "maxReplicas": 3,
        "scaleDownDelay": 300,
        "scaleUpDelay": 60,
        "targetCPUUtilization": 70,
        "targetGPUUtilization": 80,
        "targetMemoryUtilization": 90,
    },
    "service": {
        "type": "LoadBalancer",
        "port": 80,
        "targetPort": 8000,
        "loadBalancerIP": "10.0.0.1",
        "annotations": {"a": "b"},
    },
    "monitoring": {
        "enabled": True,
        "prometheus": {"enabled": True, "interval": "30s", "path": "/metrics"},
        "grafana": {"enabled": True, "dashboard": "Models"},
    },
    "cache": {"enabled": True, "size": "100Gi", "storageClass": "fast", "accessMode": "ReadWriteOnce"},
    "security": {
        "podSecurityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
        "serviceAccount": {"create": True, "name": "models"},
    },
    "deployment": {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
        "canary": {"enabled": False, "trafficSplit": 10, "duration": 60},
    },
    "image": {"repository": "example.com/vllm", "tag": "1", "pullPolicy": "Always", "pullSecrets": ["s"]},
}
"""Every field of the earlier API."""


def parse(**fields):
    return EndpointSpec.model_validate({**MODEL, **fields})


def missing(raw, parsed, path=""):
    """Paths of `raw` that the parsed spec does not have."""
    if not isinstance(raw, dict):
        return [] if raw == parsed else [path]
    return [
        found
        for key, value in raw.items()
        for found in (missing(value, parsed[key], f"{path}.{key}") if key in parsed else [f"{path}.{key}"])
    ]


def test_every_field_of_the_earlier_api_arrives():
    lost = missing(EARLIER, EndpointSpec.model_validate(EARLIER).wire())
    assert lost == [".recipe.precision", ".resources.gpuCount"]
    assert EndpointSpec.model_validate(EARLIER).recipe.precision == "bf16"
    assert EndpointSpec.model_validate(EARLIER).recipe.gpu_count == 1


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        (
            {"modelId": "Qwen/Qwen3-32B", "gpuCount": 1, "precision": "bfloat16", "autoSelect": True},
            {"model": {"id": "Qwen/Qwen3-32B"}, "recipe": {"gpuCount": 1, "precision": "bf16", "autoSelect": True}},
        ),
        (
            {"model": {"id": "Qwen/Qwen3-32B"}, "recipe": {"autoSelect": True}, "resources": {"gpuCount": 1}},
            {"modelId": "Qwen/Qwen3-32B", "gpuCount": 1},
        ),
    ],
    ids=["the short example", "the long example"],
)
def test_the_published_examples_mean_the_same_in_both_spellings(spec, same):
    assert EndpointSpec.model_validate(spec) == EndpointSpec.model_validate(same)


def test_what_is_left_out_is_free():
    choice = parse().recipe
    assert (choice.backend, choice.precision, choice.gpu_count, choice.custom_recipe, choice.goal) == (None,) * 5
    assert (choice.auto_select, choice.fallback, choice.update_policy) == (True, (), "Pinned")
    assert parse().replicas == 1


def test_no_gpus_are_something_else_than_nothing_said():
    assert parse(gpuCount=0).recipe.gpu_count == 0
    assert parse().recipe.gpu_count is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modelId": None}, "state which model to serve: modelId or model.id"),
        ({"modelId": None, "model": {"revision": "main"}}, "state which model to serve"),
        ({"autoSelect": False}, "autoSelect: false selects nothing by itself: state gpuCount and precision"),
        ({"autoSelect": False, "gpuCount": 1}, "autoSelect: false selects nothing by itself"),
        ({"recipe": {"autoSelect": False, "precision": "fp8"}}, "autoSelect: false selects nothing by itself"),
        (
            {"deployment": {"canary": {"steps": [{"weight": 5}], "trafficSplit": 10}}},
            "deployment.canary: state either steps, or trafficSplit and duration",
        ),
        ({"gpuCount": 1, "recipe": {"gpuCount": 2}}, "gpuCount and recipe.gpuCount are the same setting"),
        ({"gpuCount": 1, "resources": {"gpuCount": 2}}, "gpuCount and resources.gpuCount are the same setting"),
        ({"resources": {"cpu": "8", "cpuLimit": "4"}}, "cpu must not exceed cpuLimit"),
        ({"resources": {"cpu": "1001m", "cpuLimit": "1"}}, "cpu must not exceed cpuLimit"),
        ({"resources": {"memory": "65Gi", "memoryLimit": "64Gi"}}, "memory must not exceed memoryLimit"),
        ({"scaling": {"minReplicas": 3, "maxReplicas": 2}}, "minReplicas must not exceed maxReplicas"),
        ({"recipe": {"fallback": [{}]}}, "a fallback states what to request instead"),
        (
            {"deployment": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}},
            "maxSurge and maxUnavailable cannot both be 0",
        ),
        ({"precision": "fp12"}, "precision 'fp12' is unknown"),
        ({"backend": "tgi"}, "Input should be 'auto', 'vllm' or 'sglang'"),
        ({"gpuCount": 65}, "less than or equal to 64"),
        ({"gpuCount": -1}, "greater than or equal to 0"),
        ({"replicas": -1}, "greater than or equal to 0"),
        ({"cache": {"size": "much"}}, "match pattern"),
        ({"cache": {"mountPath": "data"}}, "match pattern"),
        ({"resources": {"memory": "64 GB"}}, "match pattern"),
        ({"resources": {"cpu": "lots", "cpuLimit": "1"}}, "match pattern"),
        ({"image": {"repository": "docker.io/vllm/vllm-openai:v1"}}, "match pattern"),
        ({"image": {"tag": "v1 beta"}}, "match pattern"),
        ({"image": {"pullSecrets": ["Mirror"]}}, "match pattern"),
        ({"security": {"serviceAccount": {"name": "chat_bot"}}}, "match pattern"),
        ({"model": {"id": "Qwen/Qwen3-32B", "tokenSecret": {"name": "My token"}}}, "match pattern"),
        ({"recipe": {"customRecipe": {"name": "Mine!"}}}, "match pattern"),
        ({"service": {"type": "ExternalName"}}, "Input should be 'ClusterIP'"),
        ({"service": {"port": 0}}, "greater than or equal to 1"),
        ({"recipe": {"fallback": [{"gpuCount": 1}] * 9}}, "at most 8"),
        ({"monitoring": {"prometheus": {"interval": "often"}}}, "match pattern"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as error:
        parse(**fields)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"autoSelect": False, "gpuCount": 1, "precision": "bf16"},
        {"recipe": {"autoSelect": False}, "resources": {"gpuCount": 0}, "precision": "bf16"},
        {"autoSelect": False, "recipe": {"customRecipe": {"name": "mine"}}},
        {"autoSelect": True},
        {"deployment": {"canary": {"enabled": False, "trafficSplit": 10}}},
        {"deployment": {"canary": {}}},
        {"deployment": {"canary": {"enabled": True, "trafficSplit": 10, "duration": 60}}},
        {"deployment": {"canary": {"enabled": True, "steps": [{"weight": 5}, {"weight": 50, "seconds": 60}]}}},
        {"resources": {"cpu": "1000m", "cpuLimit": "1"}},
        {"resources": {"memory": "1Gi", "memoryLimit": "1024Mi"}},
        {"resources": {"cpu": "8"}},
        {"scaling": {"minReplicas": 5}},
        {"scaling": {"minReplicas": 2, "maxReplicas": 2}},
        {"scaling": {"minReplicas": None, "maxReplicas": 2}},
        {"replicas": 0},
        {"recipe": {"fallback": [{"precision": "auto"}, {"gpuCount": 0, "backend": "sglang"}]}},
        {"deployment": {"strategy": {"rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}}}},
        {"deployment": {"strategy": {"rollingUpdate": {"maxUnavailable": 0}}}},
        {"cache": {"size": "1.5Gi"}},
        {"modelId": "0/" + "x" * 254},
        {"image": {"repository": "registry.example.com:5000/team/vllm_rocm", "tag": "v1.0_rc-2"}},
        {"image": {"repository": "vllm"}},
    ],
    ids=str,
)
def test_it_is_accepted(fields):
    assert parse(**fields).requested_model.id


def test_the_model_is_there_whichever_way_it_was_spelled():
    assert (
        parse().requested_model.id
        == EndpointSpec.model_validate({"model": {"id": "Qwen/Qwen3-32B"}}).requested_model.id
    )
    with pytest.raises(ValueError, match="an EndpointSpec is made by parsing, which refuses that"):
        _ = EndpointSpec.model_construct(model=None).requested_model


def test_the_revision_stays_beside_a_model_that_was_spelled_short():
    spec = parse(model={"revision": "v2", "tokenSecret": {"name": "mine"}})
    assert (spec.requested_model.id, spec.requested_model.revision) == ("Qwen/Qwen3-32B", "v2")
    assert (spec.requested_model.token_secret.name, spec.requested_model.token_secret.key) == ("mine", "token")


def test_parsing_what_was_parsed_changes_nothing():
    spec = EndpointSpec.model_validate(EARLIER)
    assert EndpointSpec.model_validate(spec.wire()) == spec


choices = st.fixed_dictionaries(
    {},
    optional={
        "autoSelect": st.booleans(),
        "gpuCount": st.integers(0, 1),
        "precision": st.just("fp8"),
        "resources": st.fixed_dictionaries({}, optional={"gpuCount": st.integers(0, 1)}),
        "recipe": st.fixed_dictionaries(
            {},
            optional={
                "autoSelect": st.booleans(),
                "gpuCount": st.integers(0, 1),
                "precision": st.just("fp8"),
                "customRecipe": st.just({"name": "mine"}),
            },
        ),
    },
)


@given(choices)
def test_with_nothing_left_to_choose_everything_is_stated(raw):
    recipe, resources = raw.get("recipe", {}), raw.get("resources", {})
    chooses = all(place.get("autoSelect", True) for place in (raw, recipe))
    counted = any("gpuCount" in place for place in (raw, recipe, resources))
    formatted = any("precision" in place for place in (raw, recipe))
    assert ENDPOINT_RULES[1].holds(raw) == (chooses or "customRecipe" in recipe or (counted and formatted))


words = st.sampled_from(
    [
        "",
        "x",
        "1",
        "64Gi",
        "a/b",
        "auto",
        "bf16",
        "vllm",
        None,
        True,
        False,
        0,
        1,
        -1,
        65,
        2.5,
        [],
        [None],
        {},
        {"x": 1},
    ]
)
FIELDS = sorted({*EARLIER, "gpuCount", "precision", "backend", "autoSelect", "replicas", "modelId"})
INNER = sorted({key for part in EARLIER.values() for key in part})
junk = st.dictionaries(
    st.sampled_from(FIELDS), words | st.dictionaries(st.sampled_from(INNER), words, max_size=4), max_size=5
)


@given(junk)
def test_whatever_it_is_it_parses_or_is_refused_in_words(raw):
    try:
        spec = EndpointSpec.model_validate({**MODEL, **raw})
    except ValidationError as error:
        assert error.error_count()  # noqa: PT017 - either outcome is right, a crash is not
    else:
        assert spec.requested_model.id
        assert EndpointSpec.model_validate(spec.wire()) == spec
