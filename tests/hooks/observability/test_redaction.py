"""What is hidden in a log, and what is not."""

import json

import pytest

from aimlib.diagnosis.secret_patterns import HIDDEN, is_secret
from hooks.observability.redaction import changed_hidden_variables, is_safe, redact_secrets, redacted, secret_values
from tests.cases import read
from tests.kustomize import ROOT

RECIPES = sorted((ROOT / "recipes").glob("*-*.yaml"))


def variables(**values):
    return [{"name": name, "value": value} for name, value in values.items()]


@pytest.mark.parametrize(
    "name", ["VLLM_ROCM_USE_AITER", "NCCL_MIN_NCHANNELS", "HSA_NO_SCRATCH_RECLAIM", "OMP_NUM_THREADS"]
)
def test_what_sets_the_behaviour_of_an_engine_is_shown(name):
    assert is_safe(name)


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "VLLM_API_KEY", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "PASSWORD", "x", "", "VLLM_", "OMP_X y"],
)
def test_whatever_else_is_a_variable_is_hidden(name):
    assert not is_safe(name)


@pytest.mark.parametrize(
    "name", ["--api-key", "--admin-api-key", "--hf-token", "--ssl-keyfile-password", "awsSecretAccessKey", "Auth"]
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["--max-num-batched-tokens", "--tokenizer", "--kv-cache-dtype", "--ssl-keyfile", "monkey"]
)
def test_names_that_only_look_like_it(name):
    assert not is_secret(name)


def test_no_recipe_that_ships_has_anything_to_hide():
    for path in RECIPES:
        for one in read(path)["spec"]["configurations"]:
            assert list(secret_values(one)) == [], path
            assert redacted(one) == one


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--api-key=opensesame", "--max-model-len=8"], ["--api-key=" + HIDDEN, "--max-model-len=8"]),
        (["--api-key", "opensesame", "opensesame2", "--port", "8"], ["--api-key", HIDDEN, HIDDEN, "--port", "8"]),
        (["--hf-token", "1", "--tp", "1"], ["--hf-token", HIDDEN, "--tp", HIDDEN]),
        (["--x", '{"a": [{"apiKey": "opensesame"}], "b": 1}'], ["--x", HIDDEN]),
        (['--x={"a": 1}'], ['--x={"a": 1}']),
        (["--x", "{not json"], ["--x", HIDDEN]),
        (["{}", "plain"], ["{}", "plain"]),
        (["[" * 3], ["[" * 3]),
    ],
)
def test_arguments_keep_their_flags(args, shown):
    assert redacted({"args": args}) == {"args": shown}


def test_an_object_that_is_too_deep_to_read_is_hidden():
    text = '{"a":' * 100_000
    assert redacted({"args": ["--x", text]}) == {"args": ["--x", HIDDEN]}


def test_variables_keep_their_names_and_their_sources():
    source = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "huggingface-token", "key": "token"}}}
    env = [*variables(FOO="opensesame", VLLM_USE_V1="1"), source]
    assert redacted({"env": env, "recipe": "r"}) == {
        "env": [*variables(FOO=HIDDEN, VLLM_USE_V1="1"), source],
        "recipe": "r",
    }


@pytest.mark.parametrize("odd", [None, 3, "text", [], ["x"]])
def test_what_is_no_choice_hides_nothing_and_breaks_nothing(odd):
    assert redacted(odd) == odd
    assert list(secret_values(odd)) == []
    assert redacted({"env": odd, "args": 7}) == {"env": [], "args": 7}
    assert changed_hidden_variables(odd, {"env": odd}) == []


def test_a_change_out_of_sight_is_named_without_the_value():
    before = {"env": variables(FOO="old-secret", BAR="same", VLLM_USE_V1="0", GONE="x")}
    after = {"env": variables(FOO="new-secret", BAR="same", VLLM_USE_V1="1", NEW="x")}
    assert changed_hidden_variables(before, after) == ["FOO"]


def test_a_hidden_value_is_hidden_wherever_it_stands():
    data = {"why": "asked opensesame!", "list": ["opensesame", 1, None], "open": "sesame"}
    assert redact_secrets(data, ["opensesame", "1", "open"]) == {
        "why": f"asked {HIDDEN}!",
        "list": [HIDDEN, 1, None],
        "open": "sesame",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("with hf_" + "a" * 34, f"with {HIDDEN}"),
        ("sk-" + "b" * 40, HIDDEN),
        ("https://me:pass@hub.example.com/x", f"https://{HIDDEN}@hub.example.com/x"),
        ("amd/hf_model and risk-free", "amd/hf_model and risk-free"),
    ],
)
def test_what_has_the_form_of_a_token_is_hidden(text, shown):
    assert json.loads(json.dumps(redact_secrets([text], []))) == [shown]
