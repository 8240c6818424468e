"""What people have elsewhere, translated: each form of testdata/migration.yaml is what a person would write."""

import re
from collections import Counter
from contextlib import suppress
from copy import deepcopy

import pytest
import yaml

from aimlib.errors import InvalidInputError
from aimlib.migration.beside import with_neighbours
from aimlib.migration.docker import translate_compose, translate_docker
from aimlib.migration.draft import Answers
from aimlib.migration.fields import translate_object, translate_values
from aimlib.migration.forms import as_modelservice
from aimlib.migration.kinds import FOREIGN_KINDS
from aimlib.migration.listed import unlisted
from aimlib.migration.nim import with_caches
from aimlib.migration.stack import with_adapters
from aimlib.migration.values import merge_values, set_values
from aimlib.schema.validation import validate_object
from hooks.cli.foreign_objects import FoundObjects, translate_each
from tests.kustomize import ROOT

TO_LIST = "the cluster's list {} must allow {}"
HUB_TOKEN = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "x"}}}
CASES = yaml.safe_load((ROOT / "tests" / "testdata" / "migration.yaml").read_text())
SECRETS = re.compile(r"hf_abcdef|s3cr3t")


def translated(case):
    answers = Answers(**case.get("answers", {}))
    if "docker" in case:
        return translate_docker(case["docker"], answers)
    if "compose" in case:
        [found] = translate_compose(case["compose"], answers)
        return found
    if "helm" in case:
        [found] = translate_values(case["helm"], answers)
        return found
    [system] = FOREIGN_KINDS.keys() & case.keys()
    if not isinstance(case[system], list):
        return translate_object(system, case[system], answers)
    joined = {"deployment": with_neighbours, "nim": with_caches, "vllmruntime": with_adapters}[system]
    [found], rest = joined(case[system])
    assert rest == []
    return translate_object(system, found, answers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_form_becomes_what_a_person_would_write(case):
    found = translated(case)
    endpoint = found.objects[-1]
    assert endpoint["spec"] == case["spec"]
    if "caches" in case:
        assert [one["spec"] for one in found.objects[:-1]] == case["caches"]
    lost = [f"{part.outcome[0]} {part.text}" for part in found.parts if part.outcome in {"dropped", "needs you"}]
    assert sorted(lost) == sorted(case.get("lost", []))
    assert found.complete is not bool(lost)
    if "name" in case:
        assert endpoint["metadata"]["name"] == case["name"]
    assert not SECRETS.search(f"{found}")
    for one in found.objects:
        assert validate_object(one, one["kind"])[1] == ()


def test_files_in_a_bucket_are_listed_in_a_cache():
    case = next(case for case in CASES if "bucket" in case["case"])
    cache, endpoint = translated(case).objects
    assert cache["spec"] == {"models": [{"id": "Qwen/Qwen3-8B", "source": "s3://models/qwen"}]}
    assert cache["metadata"] == {"name": endpoint["spec"]["cache"]["name"], "namespace": "team"}


def test_names_of_a_model_are_kept_as_far_as_the_api_takes_them():
    command = "docker run --gpus 1 x vllm serve a/b --served-model-name a/b {}"
    several = translate_docker(command.format("one two"), Answers())
    assert several.objects[0]["spec"]["routing"] == {"names": ["one", "two"]}
    same = translate_docker(command.format(""), Answers())
    assert "routing" not in same.objects[0]["spec"]
    odd = translate_docker(command.format("'~odd'"), Answers())
    [lost] = [part for part in odd.parts if part.outcome == "needs you"]
    assert lost.text == "--served-model-name"
    assert "must be a model id" in lost.why


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ls", "this is no `docker run`"),
        ("docker run ", "without an image"),
        ("docker run 'x", "cannot be read"),
        ("docker run --nonsense x", "--nonsense is no option of docker run"),
        ("docker run --name", "--name needs a value"),
        ("docker run x rocm-smi", "rocm-smi serves no model"),
        ("docker run x python -c 1", "serves no model"),
        ("docker run x python3 -m pip install", "python -m pip serves no model"),
        ("docker run x aim-shell", "serves no model"),
        ("docker run x aim-engine cache stats", "aim-engine cache stats serves no model"),
        ("docker run x bash -c ' ; '", "an empty script serves no model"),
        ("docker run aim-vllm:latest", "no model is named: state the id"),
        ("docker run vllm/vllm-openai --model /models/mine", "/models/mine is a path"),
        ("docker run vllm/vllm-openai $MODEL", "$MODEL is a variable whose value is not stated here"),
        ("docker run vllm/vllm-openai a/b-GGUF:Q4_K_M", "a/b-GGUF:Q4_K_M is no id of a model on the hub"),
        ("docker run ollama/ollama", "no model is named (Ollama is another engine)"),
        ("docker run ghcr.io/ggml-org/llama.cpp:server -m /models/a.gguf", "no model is named (llama.cpp is another"),
        ("docker run rocm/vllm-dev bash", "bash is a shell: put the command that is started in it in its place"),
        ("docker run x bash -c 'echo \"a'", "the command cannot be read"),
        ("docker run x --model a/b --revision ' '", "AIMEndpoint: spec.model.revision"),
        (f"docker run vllm/vllm-openai --model a/b {'x' * 65_536}", "read up to 65536 characters"),
    ],
)
def test_what_serves_no_model_is_refused(text, message):
    with pytest.raises(InvalidInputError) as error:
        translate_docker(text, Answers())
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({}, "has services"),
        ({"services": []}, "has services"),
        ({"services": {"a": {"image": "nginx", "command": "nginx"}}}, "service a: nginx serves no model"),
        ({"services": {"a": {"image": "x", "command": "'"}}}, "service a: the command cannot be read"),
        ({"services": {"a": {"image": "postgres"}}}, "service a: it is no model server that is known here"),
    ],
)
def test_a_compose_file_that_serves_no_model_is_refused(found, message):
    with pytest.raises(InvalidInputError, match=message):
        translate_compose(found, Answers(model="Qwen/Qwen3-8B"))


def test_other_kinds_are_refused():
    with pytest.raises(InvalidInputError, match="kind Pod is not translated here"):
        translate_object("kubeai", {"kind": "Pod"}, Answers())
    with pytest.raises(InvalidInputError, match="does both prefill and decode"):
        translate_object("kaito", {"kind": "MultiRoleInference"}, Answers())
    with pytest.raises(InvalidInputError, match="`aim migrate kaito` translates it"):
        translate_object("kubeai", {"kind": "Workspace"}, Answers())
    with pytest.raises(InvalidInputError, match="tunes a model"):
        translate_object("kaito", {"kind": "Workspace", "tuning": {}}, Answers())
    with pytest.raises(InvalidInputError, match="lists no model"):
        translate_values({"servingEngineSpec": {"modelSpec": []}}, Answers())
    with pytest.raises(InvalidInputError, match="no model is named"):
        translate_values({}, Answers())


@pytest.mark.parametrize(
    "odd", [{"decode": [1]}, {"decode": {"containers": ["a"]}}, {"modelArtifacts": {"uri": "{{x}}"}}]
)
def test_values_of_llm_d_of_another_form_are_refused(odd):
    with pytest.raises(InvalidInputError, match="has another form than is known"):
        translate_values({"modelArtifacts": {"name": "a/b"}, **odd}, Answers())


def test_a_refusal_names_the_file_that_has_the_flags():
    with pytest.raises(InvalidInputError, match=r"no model is named \(flags in that file"):
        translate_docker("docker run vllm/vllm-openai --config /x.yaml", Answers())


def test_a_catalogue_that_enables_no_model_is_refused():
    with pytest.raises(InvalidInputError, match="catalog enables no model"):
        translate_values({"catalog": {"a": {"enabled": False}, "b": None}}, Answers())


MOST_TRIED = 2
"""Forms in which a field has another value."""
ODD = [7, "odd", ["odd"], {"odd": {}}, None, 0, True, -1.5]


def places(found, path=()):
    """The paths of everything within a form."""
    parts = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, one in parts:
        yield (*path, key)
        yield from places(one, (*path, key))


def with_odd(found, path, odd):
    """A form with another value at a path."""
    copied = deepcopy(found)
    above = copied
    for key in path[:-1]:
        above = above[key]
    above[path[-1]] = deepcopy(odd)
    return copied


def answer(system, form):
    """What the command prints of a form, which may be anything."""
    if system == "compose":
        return translate_compose(form, Answers(model="a/b"))
    if system == "helm":
        return translate_values(form, Answers(model="a/b"))
    return list(translate_each(system, FoundObjects(form if isinstance(form, list) else [form]), Answers()))


FORMS = [(system, case[system]) for case in CASES for system in (*FOREIGN_KINDS, "compose", "helm") if system in case]


@pytest.mark.parametrize("system", sorted({system for system, _ in FORMS}))
def test_a_part_of_any_form_is_refused_or_needs_somebody(system):
    tried: Counter[tuple[str, ...]] = Counter()
    for form in (form for of, form in FORMS if of == system):
        for path in places(form):
            field = tuple("*" if isinstance(key, int) else key for key in path)
            if field == ("*",) or tried[field] == MOST_TRIED:
                continue  # a file has objects; and many forms have the same field
            changed = with_odd(form, path, ODD[tried.total() % len(ODD)])
            tried[field] += 1
            with suppress(InvalidInputError):
                assert answer(system, changed)
    assert tried


def test_an_adapter_of_another_form_needs_somebody_and_the_others_stay():
    odd = [7, {"name": "sql", "url": "hf://a/sql"}, {"name": "x", "adapterSource": "y"}]
    [found] = answer(
        "kubeai",
        {"kind": "Model", "metadata": {"name": "m"}, "spec": {"url": "hf://a/b", "engine": "VLLM", "adapters": odd}},
    )
    assert [one["name"] for one in found.objects[-1]["spec"]["adapters"]] == ["m_sql"]
    needs = {part.text for part in found.parts if part.outcome == "needs you" and "another form" in part.why}
    assert needs == {"spec.adapters.0", "spec.adapters.2"}


def deployment(**container):
    containers = [{"name": "x", "image": "vllm/vllm-openai", "args": ["--model=a/b"], **container}]
    spec = {"selector": {}, "template": {"spec": {"containers": containers}}}
    return {"kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"kind": "Deployment"}, "it is no model server"),
        (deployment(image="nginx", args=7), "it is no model server"),
        (deployment(volumeMounts=[{}]), "another form"),
        ({**deployment(), "beside": [{"kind": "Pod", "metadata": {"name": "x"}}]}, "another form"),
        ({**deployment(), "spec": {"template": {"spec": {"containers": [7]}}}}, "it is no model server"),
    ],
)
def test_a_deployment_of_another_form_or_of_something_else_is_refused(found, message):
    with pytest.raises(InvalidInputError, match=message):
        translate_object("deployment", found, Answers())


def test_a_container_with_gpus_is_the_server_where_nothing_else_tells():
    found = deployment(image="mine", args=["a/b"], resources={"limits": {"nvidia.com/gpu": 1}})
    assert translate_object("deployment", found, Answers()).objects[0]["spec"] == {"modelId": "a/b", "gpuCount": 1}


def test_pods_of_a_stateful_set_are_the_nodes_of_replicas_where_the_engine_is_told():
    found = deployment(args=["--model=a/b", "--nnodes=2"], resources={"limits": {"nvidia.com/gpu": 8}})
    found |= {"kind": "StatefulSet", "spec": found["spec"] | {"replicas": 4}}
    spec = translate_object("deployment", found, Answers()).objects[0]["spec"]
    assert spec == {"modelId": "a/b", "gpuCount": 16, "replicas": 2}
    found["spec"]["replicas"] = 3
    odd = translate_object("deployment", found, Answers())
    assert [(one.text, one.outcome) for one in odd.parts if one.outcome == "needs you"] == [("--nnodes", "needs you")]


def test_one_service_and_one_autoscaler_are_beside_a_deployment():
    target = {"scaleTargetRef": {"name": "x"}}
    scalers = [
        {"kind": kind, "metadata": {"name": name}, "spec": target | bounds}
        for kind, name, bounds in (
            ("HorizontalPodAutoscaler", "b", {"maxReplicas": 4}),
            ("ScaledObject", "a", {"maxReplicaCount": 2, "minReplicaCount": 1, "triggers": [{"type": "kafka"}]}),
        )
    ]
    others = [
        {"kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}}},
        {"kind": "Service", "metadata": {"name": "s"}, "spec": {}},
        {"kind": "ScaledObject", "metadata": {"name": "s"}},
        {"kind": "ScaledObject", "metadata": {"name": "s", "namespace": "else"}, "spec": target},
        {"kind": "ScaledObject", "metadata": {"name": "s"}, "spec": {"scaleTargetRef": {"kind": "Job", "name": "x"}}},
    ]
    [found], rest = with_neighbours([deployment(), *scalers, *others])
    assert rest == others
    translation = translate_object("deployment", found, Answers(gpus=1, name="y"))
    assert translation.objects[0]["spec"]["scaling"] == {"minReplicas": 1, "maxReplicas": 2}
    assert [part[:2] for part in translation.parts if part.outcome == "needs you"] == [
        ("ScaledObject.spec.triggers.0 kafka", "needs you"),
        ("HorizontalPodAutoscaler b", "needs you"),
    ]


@pytest.mark.parametrize(
    ("query", "threshold", "expected"),
    [
        ("sum(vllm:num_requests_waiting{a='b'} + vllm:num_requests_running)", "4", {"targetRequests": 4}),
        ("sum(sglang:num_running_reqs) + sum(sglang:num_queue_reqs)", "4", {"targetRequests": 4}),
        ("sum(vllm:num_requests_running) + sum(vllm:num_requests_running)", "4", {}),
        ("sum(vllm:num_requests_running)", "0.5", {}),
        ("sum(vllm:num_requests_waiting)", "5", {}),
    ],
)
def test_a_query_is_a_target_only_where_both_mean_the_same(query, threshold, expected):
    trigger = {"type": "prometheus", "metadata": {"query": query, "threshold": threshold}}
    scaler = {"scaleTargetRef": {"name": "x"}, "minReplicaCount": 1, "maxReplicaCount": 2, "triggers": [trigger]}
    [found], _ = with_neighbours([deployment(), {"kind": "ScaledObject", "metadata": {"name": "x"}, "spec": scaler}])
    translation = translate_object("deployment", found, Answers(gpus=1, name="y"))
    assert translation.objects[0]["spec"]["scaling"] == {"minReplicas": 1, "maxReplicas": 2, **expected}
    assert translation.complete is bool(expected)


def test_a_number_that_is_none_needs_somebody():
    scaler = {"scaleTargetRef": {"name": "x"}, "minReplicas": float("inf"), "maxReplicas": 2}
    beside = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}, "spec": scaler}
    [found], _ = with_neighbours([deployment(), beside])
    translation = translate_object("deployment", found, Answers(gpus=1, name="y"))
    assert "HorizontalPodAutoscaler.spec.minReplicas" in {part.text for part in translation.parts}


@pytest.mark.parametrize(
    "words", ["-p {}:1 vllm/vllm-openai a/b", "--gpus {} vllm/vllm-openai a/b", "tgi --num-shard {} --model-id a/b"]
)
def test_a_number_of_thousands_of_digits_is_none(words):
    spec = translate_docker(f"docker run {words.format('9' * 5000)}", Answers(gpus=1)).objects[0]["spec"]
    assert spec["gpuCount"] == 1
    assert "service" not in spec


@pytest.mark.parametrize(
    ("device", "outcome"),
    [({"count": "x"}, "needs you"), ({"device_ids": 5}, "needs you"), ({}, "changed"), ({"count": "all"}, "changed")],
)
def test_devices_of_a_service_are_a_number_a_list_or_all(device, outcome):
    reserved = {"resources": {"reservations": {"devices": [{"driver": "nvidia", **device}]}}}
    service = {"image": "vllm/vllm-openai", "command": "--model a/b", "deploy": reserved}
    [found] = translate_compose({"services": {"a": service}}, Answers(gpus=1))
    assert {part.outcome for part in found.parts if part.text.startswith("deploy.resources")} == {outcome}


def test_arguments_that_are_no_list_need_somebody():
    found = translate_object(
        "kserve", {"kind": "InferenceService", "spec": {"predictor": {"containers": [{"args": 1}]}}}, Answers("a/b", 1)
    )
    assert [part.text for part in found.parts if part.outcome == "needs you"] == ["spec.predictor.containers.0.args"]


def test_a_refusal_says_what_the_origin_has_instead_of_a_model():
    with pytest.raises(InvalidInputError, match=r"named \(no model comes from ollama"):
        translate_object("kubeai", {"kind": "Model", "spec": {"url": "ollama://gemma2"}}, Answers())
    found = translate_object(
        "kserve",
        {"kind": "InferenceService", "spec": {"predictor": {"model": {"storageUri": [{}]}}}},
        Answers("a/b", 1),
    )
    assert "its value has another form than is known" in {part.why for part in found.parts}
    odd = translate_object("kaito", {"kind": "InferenceSet", "spec": {"template": 1}}, Answers("a/b", 1))
    assert odd.objects[0]["spec"] == {"modelId": "a/b", "gpuCount": 1}


def test_the_address_of_a_page_of_the_hub_is_that_of_its_model():
    for uri in ("https://huggingface.co/a/b", "https://hf.co/a/b/", "hf://a/b", "a/b"):
        found = translate_docker(f"docker run --gpus 1 vllm/vllm-openai --model {uri}", Answers())
        assert found.objects[0]["spec"]["modelId"] == "a/b"
    with pytest.raises(InvalidInputError, match="no model comes from https"):
        translate_docker("docker run --gpus 1 vllm/vllm-openai --model https://example.org/a/b", Answers())


def test_a_source_that_no_model_comes_from_needs_somebody():
    found = translate_object(
        "kubeai", {"kind": "Model", "spec": {"url": "ollama://gemma2"}}, Answers("google/gemma-2-2b-it", 1)
    )
    assert [part.why for part in found.parts if part.text == "spec.url"] == [
        "no model comes from ollama://; copy it to a claim, a bucket or a registry"
    ]


@pytest.mark.parametrize(
    ("system", "found"),
    [
        ("kserve", {"spec": {"predictor": {"model": {"env": [HUB_TOKEN], "args": ["--model_id=a/b"]}}}}),
        ("kaito", {"inference": {"preset": {"name": "a/b", "presetOptions": {"modelAccessSecret": "mine"}}}}),
        ("helm", {"servingEngineSpec": {"modelSpec": [{"modelURL": "a/b", "hf_token": {"name": "mine", "key": "x"}}]}}),
    ],
)
def test_a_secret_that_no_list_has_as_shipped_needs_somebody_in_the_same_words(system, found):
    kind = FOREIGN_KINDS.get(system, ("",))[0]
    if system == "helm":
        [translation] = translate_values(found, Answers(gpus=1))
    else:
        translation = translate_object(system, {"kind": kind, **found}, Answers(gpus=1))
    assert translation.objects[-1]["spec"]["model"]["tokenSecret"]["name"] == "mine"
    assert [part for part in translation.parts if part.outcome == "needs you"] == [
        ("model.tokenSecret.name", "needs you", TO_LIST.format("tokenSecrets", "mine, or name it huggingface-token"))
    ]


def test_what_else_no_list_has_as_shipped_is_named():
    tolerations = [{"key": "amd.com/gpu"}, {"key": "mine", "value": "x"}, {"operator": "Exists"}]
    spec = {
        "model": {"source": "pvc://files/a", "tokenSecret": {"name": "hf-token-a"}},
        "security": {"serviceAccount": {"name": "team"}},
        "tolerations": tolerations,
        "runtimeClassName": "nvidia",
        "schedulerName": "mine",
        "service": {
            "loadBalancerClass": "a.com/internal",
            "loadBalancerIP": "8.8.8.8",
            "annotations": {"a.com/b": "c"},
        },
    }
    assert [*unlisted(spec)] == [
        ("model.source", TO_LIST.format("existingClaims", "files, or name it models")),
        ("security.serviceAccount.name", TO_LIST.format("serviceAccounts", "team")),
        ("tolerations", TO_LIST.format("tolerations", "mine")),
        ("tolerations", TO_LIST.format("tolerations", "*")),
        ("schedulerName", TO_LIST.format("schedulers", "mine")),
        ("service.loadBalancerIP", TO_LIST.format("loadBalancerIPs", "8.8.8.8")),
        ("service.annotations", TO_LIST.format("serviceAnnotations", "a.com/b=c")),
    ]


def test_the_last_value_wins_as_for_helm():
    values = merge_values({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": 4})
    assert values == {"a": {"b": 3, "c": 2}, "d": 4}
    values = set_values(values, [r"a.b=true,a.x=null,l[1].k=-5,t=one\,two"])
    assert values["a"] == {"b": True, "c": 2, "x": None}
    assert values["l"] == [None, {"k": -5}]
    assert values["t"] == "one,two"
    assert set_values(values, ["l[0]=8", "l[1].k=5"], as_text=True)["l"] == ["8", {"k": "5"}]
    for wrong in ("a", "=1"):
        with pytest.raises(InvalidInputError, match="a setting is KEY=VALUE"):
            set_values({}, [wrong])


def test_the_uri_of_a_modelservice_stays_where_it_is_no_template():
    stated = {"modelArtifacts": {"uri": "pvc://models/b", "name": "a/b"}}
    assert as_modelservice(stated)["modelArtifacts"]["uri"] == "pvc://models/b"


def test_what_is_stated_otherwise_elsewhere_is_not_called_kept():
    values = {
        "aim_engine": {
            "overrides": {"gpu_count": 4, "vllm_args": {"max-model-len": 8192}},
            "vllm_args": {"max_model_len": 4096},
            "recipe": {"gpu_count": 2, "model_id": "a/b"},
        },
        "cache": {"size": "9Gi"},
    }
    [found] = translate_values(values, Answers())
    overrides = "aim_engine.overrides"
    otherwise = f"gpuCount is stated otherwise by {overrides}.gpu_count, which counts"
    said = [(part.text, part.outcome, part.why) for part in found.parts]
    assert said == [
        ("aim_engine.recipe.gpu_count", "changed", otherwise),
        ("aim_engine.recipe.model_id", "kept", "modelId"),
        ("cache.size", "changed", "without cache.enabled pods request as much room as the model needs"),
        ("aim_engine.overrides.gpu_count", "kept", "gpuCount"),
        ("--max-model-len", "changed", f"engine.args: {overrides}.vllm_args.max-model-len counts"),
        ("--max-model-len", "kept", "engine.args"),
    ]
    assert "cache" not in found.objects[0]["spec"]
