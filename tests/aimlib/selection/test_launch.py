"""What the arguments of one configuration say: degrees, lengths, memory, and what the operator sets itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.selection.launch import CACHE_BYTES, IGNORED_ENV, LEAST_CONTEXT, launch
from aimlib.selection.parallel import Parallel
from tests.aimlib.make import FACTS, configuration, recipe


def started(count=1, args=(), backend="vllm", env=(), **fields):
    spec = recipe(configuration(count, args=args, env=env), backend=backend, **fields)
    return launch(spec, spec.configurations[0])


@pytest.mark.parametrize("backend", ["vllm", "sglang"])
@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_all_gpus_work_on_one_tensor_unless_told(backend, count):
    found = started(count, backend=backend)
    assert (found.parallel, found.problems) == (Parallel(count), ())
    flag = {"vllm": "--tensor-parallel-size", "sglang": "--tp-size"}[backend]
    assert found.args == ((flag, str(count)) if count > 1 else ())


@pytest.mark.parametrize(
    ("backend", "count", "args", "parallel"),
    [
        ("vllm", 8, ["--pipeline-parallel-size=2"], Parallel(4, 2)),
        ("vllm", 8, ["--data-parallel-size", "8"], Parallel(1, 1, 8)),
        ("vllm", 8, ["-tp", "2", "-pp", "2", "--data-parallel-size", "2"], Parallel(2, 2, 2)),
        ("vllm", 4, ["--tensor-parallel-size", "4"], Parallel(4)),
        ("sglang", 8, ["--tp-size", "4", "--pp-size", "2"], Parallel(4, 2)),
        ("sglang", 8, ["--tensor-parallel-size=8"], Parallel(8)),
        ("vllm", 0, [], Parallel(1)),
    ],
)
def test_degrees_are_read_by_any_name_and_the_rest_goes_to_tensor_parallel(backend, count, args, parallel):
    found = started(count, args, backend)
    assert (found.parallel, found.problems) == (parallel, ())


@pytest.mark.parametrize(
    ("count", "args", "problem"),
    [
        (1, ["-tp", "2"], "tensor 2 x pipeline 1 x data 1 make 2 ranks for 1 GPU"),
        (4, ["-tp", "2"], "tensor 2 x pipeline 1 x data 1 make 2 ranks for 4 GPUs"),
        (2, ["-pp", "3"], "tensor 1 x pipeline 3 x data 1 make 3 ranks for 2 GPUs"),
        (0, ["-tp", "2"], "tensor 2 x pipeline 1 x data 1 make 2 ranks for 0 GPUs"),
        (4, ["-tp", "-4"], "tensor 1 x pipeline 1 x data 1 make 1 ranks for 4 GPUs"),
        (1, ["--gpu-memory-utilization=9"], "--gpu-memory-utilization 9 is not a fraction of a device's memory"),
        (1, ["--gpu-memory-utilization=0"], "--gpu-memory-utilization 0 is not a fraction of a device's memory"),
        (1, [f"--max-num-batched-tokens={'9' * 12}"], "--max-num-batched-tokens is above 2147483647"),
        (1, [f"--max-num-batched-tokens={'9' * 310}"], "--max-num-batched-tokens got '9999"),
        (1, ["--max-model-len=2147483648"], "--max-model-len is above 2147483647"),
        (1, ["--dtype", "float8_e4m3"], "--dtype got 'float8_e4m3'"),
        (1, ["--max-context-len=8192"], "--max-context-len is not a flag of vLLM"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_the_arguments_is_a_sentence(count, args, problem):
    (found, *_) = started(count, args).problems
    assert found.startswith(problem)


def test_sglang_does_not_take_the_flags_of_vllm():
    args = ["--gpu-memory-utilization=0.9", "--max-num-batched-tokens=4096", "--max-model-len=32768"]
    problems = started(args=args, backend="sglang").problems
    assert len(problems) == 3
    assert "--mem-fraction-static" in problems[0]
    assert "--context-length" in problems[2]


@pytest.mark.parametrize(
    ("backend", "args"),
    [
        ("vllm", ["--model", "x", "--served-model-name", "a", "b", "--host=::", "--port", "1", "--revision=main"]),
        ("sglang", ["--model-path", "x", "--served-model-name", "a", "--host=::", "--port", "1", "--revision=main"]),
    ],
)
def test_what_the_operator_sets_itself_is_left_out(backend, args):
    assert started(args=args, backend=backend).args == ()


def test_other_arguments_are_kept_in_their_canonical_form_with_their_values_whole():
    args = ["--max_num_batched_tokens=8192", "--trust-remote-code", "true", "--override-generation-config", '{"a": 1}']
    assert started(args=args).args == (
        "--max-num-batched-tokens",
        "8192",
        "--trust-remote-code",
        "--override-generation-config",
        '{"a": 1}',
    )


@pytest.mark.parametrize(
    ("args", "length"),
    [
        ([], FACTS["maxContext"]),
        (["--max-model-len", "8192"], 8192),
        (["--max-model-len=32k"], 32000),
        (["--max-model-len=32K"], 32768),
        (["--max-model-len=-1"], LEAST_CONTEXT),
        (["--max-model-len=auto"], LEAST_CONTEXT),
    ],
)
def test_the_longest_sequence(args, length):
    assert started(args=args).max_length == length


@pytest.mark.parametrize(("backend", "flag"), [("vllm", "--max-model-len"), ("sglang", "--context-length")])
def test_a_length_above_the_models_context_is_a_problem(backend, flag):
    assert started(args=[flag, "40961"], backend=backend).problems == (
        f"{flag} 40961 is longer than the model's context of 40960 tokens",
    )


@pytest.mark.parametrize(
    ("backend", "args", "variable"),
    [
        ("vllm", ["--max-model-len=81920", '--hf-overrides={"rope_parameters": {"factor": 2.0}}'], "A"),
        ("vllm", ["--max-model-len=81920"], "VLLM_ALLOW_LONG_MAX_MODEL_LEN"),
        ("sglang", ["--context-length=81920", "--json-model-override-args={}"], "A"),
        ("sglang", ["--context-length=81920"], "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN"),
    ],
)
def test_unless_the_context_is_stretched(backend, args, variable):
    assert started(args=args, backend=backend, env=[{"name": variable, "value": "1"}]).problems == ()


@pytest.mark.parametrize(
    ("args", "drafted"),
    [
        (['--speculative-config={"method": "mtp", "num_speculative_tokens": 3}'], 3),
        (["--speculative-config.method=mtp", "--speculative-config.num_speculative_tokens", "2"], 2),
        (['--speculative-config={"method": "mtp", "num_speculative_tokens": 4000}'], 32),
        (['--speculative-config={"method": "mtp", "num_speculative_tokens": -1}'], 0),
        (['--speculative-config={"method": "mtp"}'], 0),
        (['--speculative-config={"method": "mtp", "model": "a/b", "num_speculative_tokens": 3}'], 0),
        (['--speculative-config={"method": "eagle3", "num_speculative_tokens": 3}'], 0),
        (["--speculative-config=null"], 0),
        ([], 0),
    ],
)
def test_tokens_are_drafted_by_layers_of_the_checkpoint_itself(args, drafted):
    found = started(args=args)
    assert found.drafted == found.layout.drafted == drafted
    more, plain = found.required(80).cache, started().required(80).cache
    assert (more > plain) is (drafted > 0)


def test_without_facts_the_longest_sequence_is_only_known_where_it_is_stated():
    assert started(facts=None).max_length == 0
    assert started(args=["--max-model-len", "8192"], facts=None).max_length == 8192


def test_an_engine_that_chooses_the_length_chooses_none_beyond_the_models():
    assert started(args=["--max-model-len=auto"], facts={**FACTS, "maxContext": 512}).max_length == 512


@pytest.mark.parametrize(
    ("dtype", "width"), [(None, 2), ("auto", 2), ("bfloat16", 2), ("fp8", 1), ("fp8_e5m2", 1), ("nvfp4", 0.5)]
)
def test_bytes_per_value_of_the_cache(dtype, width):
    found = started(args=[f"--kv-cache-dtype={dtype}"] if dtype else [])
    assert (found.cache_bytes, found.problems) == (width, ())


@pytest.mark.parametrize("dtype", CACHE_BYTES)
def test_every_cache_format_that_is_listed_is_one_that_an_engine_takes(dtype):
    assert not all(started(args=[f"--kv-cache-dtype={dtype}"], backend=name).problems for name in ("vllm", "sglang"))


@pytest.mark.parametrize(
    ("backend", "args", "memory", "usable"),
    [
        ("vllm", [], 192, 176.64),
        ("vllm", ["--gpu-memory-utilization=0.5"], 192, 96),
        ("vllm", ["--gpu-memory-utilization=1"], 192, 192),
        ("sglang", ["--mem-fraction-static=0.8"], 80, 64),
        ("sglang", [], 0, 0),
        ("vllm", [], 0, 0),
    ],
)
def test_the_engine_plans_with_a_part_of_the_device(backend, args, memory, usable):
    assert started(args=args, backend=backend).usable(memory) == pytest.approx(usable)


@given(st.floats(0, 2000), st.sampled_from(["vllm", "sglang"]), st.sampled_from([1, 2, 4, 8]))
def test_it_never_plans_with_more_than_there_is(memory, backend, count):
    assert 0 <= started(count, backend=backend).usable(memory) <= memory


def test_variables_that_the_device_plugin_sets_are_left_out_and_reported():
    env = [{"name": name, "value": "0,1,2,3"} for name in IGNORED_ENV] + [{"name": "VLLM_ROCM_USE_AITER", "value": "1"}]
    found = started(env=env)
    assert [variable.name for variable in found.env] == ["VLLM_ROCM_USE_AITER"]
    assert [note.partition(" ")[0] for note in found.notes] == [*IGNORED_ENV]
    assert all("the device plugin assigns" in note for note in found.notes)


FLAGS = ("--tensor-parallel-size", "-tp", "--max-model-len", "--gpu-memory-utilization", "--kv-cache-dtype", "--nope")
VALUES = (
    "0",
    "-1",
    "2",
    "auto",
    "fp8",
    "nan",
    "inf",
    "1e400",
    "x",
    "",
    "--",
    "-",
    "=",
    "true",
    "--tp-size=2",
    "9" * 30,
)


@given(st.lists(st.sampled_from([*FLAGS, *VALUES]), max_size=6), st.sampled_from(["vllm", "sglang"]), st.integers(0, 8))
def test_nothing_is_raised_whatever_the_arguments_are(args, backend, count):
    found = started(count, args, backend)
    assert found.parallel.devices >= 1
    assert found.max_length >= 0
    assert found.problems or found.parallel.devices == max(count, 1)
