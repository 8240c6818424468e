"""Engine arguments are read as the engine's parser reads them, and what it would refuse becomes a sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.data import load_data
from aimlib.engines.catalogue import engine, parse_args
from aimlib.engines.flags import flag_table

BACKENDS = ("vllm", "sglang")

# What the documentation of both engines names; the data is made by a script, and this holds it to the facts.
VLLM_FLAGS = """
--tensor-parallel-size -tp --pipeline-parallel-size --data-parallel-size --data-parallel-size-local --nnodes
--node-rank --master-addr --master-port --headless --enable-expert-parallel --all2all-backend --max-model-len
--gpu-memory-utilization --device-memory-utilization --kv-cache-memory-bytes --dtype --quantization --kv-cache-dtype
--max-num-seqs --block-size --max-num-batched-tokens --max-num-queued-reqs --max-num-queued-tokens
--enable-prefix-caching --no-enable-prefix-caching --attention-backend --served-model-name --host --port --api-key
--trust-remote-code --revision --download-dir --load-format --safetensors-load-strategy --enforce-eager
--async-scheduling --speculative-config --kv-transfer-config --reasoning-parser --tool-call-parser
--enable-auto-tool-choice --shutdown-timeout --performance-mode --optimization-level --model --disable-log-requests
--enable-log-requests --log-config-file --mamba-cache-mode --disable-cascade-attn --ir-op-priority
--structured-outputs-config --compilation-config -cc --spec-model --hf-overrides --mm-encoder-tp-mode --tokenizer-mode
--config-format
""".split()  # noqa: SIM905 - a list to read, not to parse
SGLANG_FLAGS = """
--model-path --model --tp-size --tensor-parallel-size --tp --dp-size --ep-size --pp-size --mem-fraction-static
--context-length --dtype --quantization --kv-cache-dtype --max-running-requests --max-queued-requests
--max-total-tokens --chunked-prefill-size --max-prefill-tokens --attention-backend --moe-runner-backend
--enable-metrics --trust-remote-code --served-model-name --nnodes --node-rank --dist-init-addr --host --port
--revision
""".split()  # noqa: SIM905 - a list to read, not to parse
DTYPES = {"auto", "half", "float16", "bfloat16", "float", "float32"}


@pytest.mark.parametrize(
    ("backend", "flag"), [("vllm", flag) for flag in VLLM_FLAGS] + [("sglang", flag) for flag in SGLANG_FLAGS]
)
def test_the_data_knows_the_flags_that_the_documentation_names(backend, flag):
    assert flag_table(backend).find(flag)


@pytest.mark.parametrize("backend", BACKENDS)
class TestData:
    def test_both_take_exactly_six_dtypes(self, backend):
        assert set(flag_table(backend).flags["--dtype"].choices) == DTYPES

    def test_it_names_the_package_that_it_was_read_from(self, backend):
        facts = load_data(f"engines/{backend}-{engine(backend).version}")
        assert (facts["package"], facts["version"]) == (backend, engine(backend).version)
        assert facts["wheel"].startswith(f"{backend}-{facts['version']}-")
        assert re.fullmatch("[0-9a-f]{64}", facts["sha256"])

    def test_every_role_is_a_flag_by_its_own_name(self, backend):
        found = engine(backend).flags
        group = found.group.model_dump(exclude={"port", "balanced_outside", "executors"})
        flags = found.model_dump(exclude={"adapters", "group"}) | group
        several = {*found.group.balanced_outside, *found.group.executors}
        assert {*filter(None, flags.values()), *several} <= set(flag_table(backend).flags)

    def test_no_removed_flag_is_known_to_the_parser(self, backend):
        table = flag_table(backend)
        assert not set(table.removed) & set(table.names)

    def test_every_flag_that_replaces_a_removed_one_exists(self, backend):
        table = flag_table(backend)
        named = {flag for advice in table.removed.values() for flag in re.findall(r"--[a-z0-9-]+", advice)}
        assert named
        assert not [flag for flag in named if flag not in table.names]

    def test_the_name_that_turns_one_flag_off_is_no_other_flag(self, backend):
        table = flag_table(backend)
        spellings = [spelling for flag in table.flags for spelling, _ in table.spellings(flag)]
        assert len(spellings) == len(set(spellings))

    def test_choices_have_choices_bools_a_style_and_defaults_are_legal(self, backend):
        table = flag_table(backend)
        for name, flag in table.flags.items():
            assert bool(flag.choices) == (flag.type == "choice"), name
            assert bool(flag.style) == (flag.type == "bool"), name
            if flag.default is not None and flag.type != "bool":
                assert parse_args(backend, [f"{name}={flag.default}"]).errors == (), name


CANONICAL = [
    ("vllm", "-tp 8", "--tensor-parallel-size 8"),
    ("vllm", "-tp=8", "--tensor-parallel-size 8"),
    ("vllm", "--tensor_parallel_size 8", "--tensor-parallel-size 8"),
    ("vllm", "--device-memory-utilization=0.9", "--gpu-memory-utilization 0.9"),
    ("vllm", "--trust-remote-code true", "--trust-remote-code"),
    ("vllm", "--trust-remote-code=True", "--trust-remote-code"),
    ("vllm", "--trust-remote-code false", "--no-trust-remote-code"),
    ("vllm", "--no-enable-prefix-caching", "--no-enable-prefix-caching"),
    ("vllm", "--disable-prefix-caching", "--no-enable-prefix-caching"),
    ("vllm", "--disable-log-requests", "--no-enable-log-requests"),
    ("vllm", "--no-enable-prefix-caching false", "--enable-prefix-caching"),
    ("vllm", "--headless false --enforce-eager", "--enforce-eager"),
    ("vllm", "--max-model-len -1", "--max-model-len=-1"),
    ("vllm", "--max-model-len auto", "--max-model-len auto"),
    ("vllm", "-O3", "--optimization-level 3"),
    ("vllm", "-O=3", "--optimization-level 3"),
    ("vllm", "-O 3", "--optimization-level 3"),
    ("vllm", "-cc.pass_config.fuse_rope_kvcache=True", "--compilation-config.pass_config.fuse_rope_kvcache True"),
    ("vllm", "--compilation_config.mode 3", "--compilation-config.mode 3"),
    ("vllm", "--served-model-name a b --seed 1", "--served-model-name a b --seed 1"),
    ("vllm", "--hf-token --seed 1", "--hf-token --seed 1"),
    ("vllm", "--hf-token secret", "--hf-token secret"),
    ("vllm", "--moe-backend Deep-GEMM", "--moe-backend Deep-GEMM"),
    ("vllm", "--middleware a --middleware b", "--middleware a --middleware b"),
    ("vllm", "--max-logprobs 5 --max-logprobs=5", "--max-logprobs 5"),
    ("vllm", "--max-model-len 32k --max_model_len 32000", "--max-model-len 32k"),
    ("vllm", "--api-key.x", None),
    ("sglang", "--tp 4", "--tp-size 4"),
    ("sglang", "--tensor-parallel-size 4 --ep 2", "--tp-size 4 --ep-size 2"),
    ("sglang", "--trust-remote-code true --enable-metrics false", "--trust-remote-code"),
    ("sglang", "--offload-group-size -1", "--offload-group-size=-1"),
    ("sglang", "--lora-paths", "--lora-paths"),
    ("sglang", "--no-enable-metrics", None),
    ("sglang", "--json-model-override-args.x 1", None),
]


@pytest.mark.parametrize(("backend", "given_as", "canonical"), CANONICAL)
def test_every_spelling_has_one_canonical_form(backend, given_as, canonical):
    parsed = parse_args(backend, given_as.split())
    if canonical is None:
        assert parsed.errors
        assert parsed.render() == ()
    else:
        assert parsed.errors == ()
        assert parsed.render() == tuple(canonical.split())


@pytest.mark.parametrize(
    ("backend", "args", "flag", "kind", "value"),
    [
        ("vllm", ["--max-model-len", "32k"], "--max-model-len", int, 32000),
        ("vllm", ["--max-model-len", "32K"], "--max_model_len", int, 32768),
        ("vllm", ["--max-num-batched-tokens", "25.6k"], "--max-num-batched-tokens", int, 25600),
        ("vllm", ["--max-model-len", "auto"], "--max-model-len", int, -1),
        ("vllm", ["-tp", "8"], "--tensor-parallel-size", int, 8),
        ("vllm", ["--tensor-parallel-size", "8"], "-tp", int, 8),
        ("vllm", ["--gpu-memory-utilization", "0.9"], "--gpu-memory-utilization", float, 0.9),
        ("vllm", ["--trust-remote-code", "false"], "--trust-remote-code", bool, False),
        ("vllm", ["--served-model-name", "a", "b"], "--served-model-name", list, ["a", "b"]),
        ("vllm", ["--max-lora-rank", "64"], "--max-lora-rank", int, 64),
        ("vllm", ["--moe-backend", "Deep-GEMM"], "--moe-backend", str, "deep_gemm"),
        (
            "vllm",
            ["--kv-transfer-config", '{"cpu": 2k, "n": "2k"}'],
            "--kv-transfer-config",
            dict,
            {"cpu": 2000, "n": "2k"},
        ),
        ("vllm", ["--hf-overrides", '{"a": 1}'], "--hf-overrides", dict, {"a": 1}),
        ("vllm", ["--hf-overrides", "path.to.function"], "--hf-overrides", str, "path.to.function"),
        ("vllm", ["--hf-token"], "--hf-token", bool, True),
        ("vllm", ["--max-cpu-loras", "None"], "--max-cpu-loras", int, None),
        ("vllm", ["--dtype", "auto"], "--dtype", int, None),
        ("vllm", ["--dtype", "auto"], "--max-model-len", int, None),
        ("vllm", [], "--no-such-flag", str, None),
        ("sglang", ["--context-length", "32k"], "--context-length", int, 32000),
        ("sglang", ["--context-length", "32Ki"], "--context-length", int, 32768),
        ("sglang", ["--preferred-sampling-params", '{"top_k": 5}'], "--preferred-sampling-params", dict, {"top_k": 5}),
    ],
)
def test_a_value_is_what_the_engine_reads(backend, args, flag, kind, value):
    parsed = parse_args(backend, args)
    assert parsed.errors == ()
    assert parsed.value(flag, kind) == value


@pytest.mark.parametrize(
    ("backend", "args", "sentence"),
    [
        (
            "vllm",
            "--swap-space 16",
            "--swap-space is not a flag of vLLM 0.33.0: KV cache is no longer swapped to CPU memory",
        ),
        ("vllm", "--swap_space=16", "--swap-space is not a flag of vLLM 0.33.0"),
        ("vllm", "--guided-decoding-backend x", "use --structured-outputs-config.backend"),
        ("vllm", "--num-scheduler-steps 8", "multi-step scheduling was removed"),
        ("vllm", "--device cpu", "the image decides the device"),
        ("vllm", "--task embed", "use --runner"),
        ("vllm", "--mem-fraction-static 0.8", "use --gpu-memory-utilization"),
        ("sglang", "--gpu-memory-utilization 0.9", "that is vLLM's name; use --mem-fraction-static"),
        ("sglang", "--max-model-len 8192", "that is vLLM's name; use --context-length"),
        ("sglang", "--max-num-batched-tokens 1", "use --chunked-prefill-size"),
        ("vllm", "--gpu-memory-utilisation 0.9", "did you mean --gpu-memory-utilization?"),
        ("vllm", "--qqqqqqqqqqqqqqqq", "--qqqqqqqqqqqqqqqq is not a flag of vLLM 0.33.0"),
        ("vllm", "--max-num 4", "--max-num is not a flag of vLLM 0.33.0"),
        ("vllm", "-- x", "-- is not a flag"),
        ("vllm", "--dtype float8_e4m3", "--dtype got 'float8_e4m3', expected one of auto, bfloat16,"),
        ("sglang", "--dtype float8_e5m2", "--dtype got 'float8_e5m2', expected one of auto, half,"),
        ("vllm", "--tensor-parallel-size two", "--tensor-parallel-size got 'two', expected a whole number"),
        ("vllm", "--tensor-parallel-size 2.5", "expected a whole number"),
        ("vllm", "--cpu-offload-gb nan", "--cpu-offload-gb got 'nan', expected a number that is finite"),
        ("vllm", "--cpu-offload-gb inf", "--cpu-offload-gb got 'inf', expected a number that is finite"),
        ("vllm", "--gpu-memory-utilization high", "--gpu-memory-utilization got 'high', expected a number"),
        ("vllm", "--max-model-len 1.5K", "expected a whole number, also with a suffix such as 32k, or auto"),
        ("vllm", "--max-num-seqs 32k", "expected a whole number"),
        ("vllm", f"--pipeline-parallel-size {'9' * 400}", "expected a whole number of at most 20 digits"),
        ("vllm", f"--max-num-seqs -{'9' * 400}", "expected a whole number of at most 20 digits"),
        ("sglang", f"--context-length {'9' * 400}k", "expected a whole number, also with a suffix such as 32k of at"),
        ("sglang", "--context-length 32K", "expected a whole number, also with a suffix such as 32k"),
        ("vllm", "--compilation-config 3", "--compilation-config got '3', expected a JSON object"),
        ("vllm", "--compilation-config {", "expected a JSON object"),
        ("vllm", "--hf-overrides {x}", "expected a text or a JSON object"),
        ("vllm", '--hf-overrides {"max_position_embeddings":32k}', "expected a text or a JSON object"),
        ("vllm", '--limit-mm-per-prompt {"image":1k}', "expected JSON"),
        ("vllm", "--default-chat-template-kwargs None", "expected JSON"),
        ("vllm", "--enable-auto-tool-choice", "--enable-auto-tool-choice needs --tool-call-parser"),
        ("vllm", "--enable-auto-tool-choice --tool-call-parser None", "needs --tool-call-parser"),
        ("vllm", "--enable-log-outputs", "--enable-log-outputs needs --enable-log-requests"),
        ("sglang", "--preferred-sampling-params {", "expected JSON"),
        ("vllm", "--cudagraph-capture-sizes 1 2 x", "--cudagraph-capture-sizes got '1 2 x', expected a whole number"),
        ("vllm", "--tensor-parallel-size", "--tensor-parallel-size needs a value: expected a whole number"),
        ("vllm", "--served-model-name --seed 1", "--served-model-name needs a value: expected a text"),
        ("vllm", "--compilation-config.mode", "--compilation-config.mode needs a value"),
        ("vllm", "--enforce-eager=maybe", "--enforce-eager got 'maybe', expected no value"),
        ("vllm", "--enforce-eager maybe", "'maybe' belongs to no flag"),
        ("vllm", "Qwen/Qwen3-32B --seed 1", "'Qwen/Qwen3-32B' belongs to no flag"),
        ("vllm", "--seed 1 --seed 2", "--seed is given twice, as 1 and as 2"),
        ("vllm", "--enforce-eager --no-enforce-eager", "--enforce-eager is given twice, as true and as false"),
        ("vllm", "-cc.mode=1 --compilation-config.mode 2", "--compilation-config.mode is given twice, as 1 and as 2"),
        (
            "vllm",
            "-cc.mode=1 -cc {}",
            "--compilation-config is given both as a whole and by key; use one of the two",
        ),
    ],
)
def test_what_the_parser_would_refuse_becomes_one_sentence(backend, args, sentence):
    (error,) = parse_args(backend, args.split()).errors
    assert sentence in error


@pytest.mark.parametrize(
    "args",
    [
        "--enable-auto-tool-choice --tool-call-parser hermes",
        "--no-enable-auto-tool-choice",
        "--enable-auto-tool-choice --config /etc/vllm.yaml",
    ],
)
def test_a_flag_is_accepted_with_what_it_needs(args):
    assert parse_args("vllm", args.split()).errors == ()


def test_a_key_that_ends_with_plus_adds_to_a_list():
    parsed = parse_args("vllm", ["-cc.custom_ops+", "a", "-cc.custom_ops+=b"])
    assert parsed.errors == ()
    assert parsed.render() == ("--compilation-config.custom_ops+", "a", "--compilation-config.custom_ops+", "b")


def test_a_text_that_starts_with_a_dash_stays_a_value():
    parsed = parse_args("vllm", ["--chat-template", "- {{ x }}", "--reasoning-parser=-odd", "--watermark", "-0.5"])
    assert parsed.render() == ("--chat-template=- {{ x }}", "--reasoning-parser=-odd", "--watermark=-0.5")


def test_json_too_deep_to_read_is_a_sentence_too():
    (error,) = parse_args("vllm", ["--compilation-config", "[" * 100_000]).errors
    assert "expected a JSON object" in error


def test_the_words_after_an_unknown_flag_are_not_reported_again():
    parsed = parse_args("vllm", ["--swap-space", "16", "extra", "--seed", "1"])
    assert len(parsed.errors) == 1
    assert parsed.render() == ("--seed", "1")


def test_arguments_that_the_operator_sets_can_be_taken_out():
    parsed = parse_args("vllm", ["--host", "::", "-cc.mode=3", "--seed", "1"])
    assert parsed.without("--host", "--compilation-config").render() == ("--seed", "1")


WORDS = st.one_of(
    st.sampled_from(["true", "false", "0.9", "-1", "32k", "auto", "{}", '{"a": 1}', "a b", "", "-", "None"]),
    st.integers().map(str),
    st.text(max_size=8),
)


@st.composite
def command_lines(draw):
    """A backend, and names that its parser takes with words that may or may not be legal values."""
    backend = draw(st.sampled_from(BACKENDS))
    names = st.sampled_from([*flag_table(backend).names, "-O3", "-cc.a.b", "--unknown", "stray"])
    pairs = draw(st.lists(st.tuples(names, st.lists(WORDS, max_size=2), st.booleans()), max_size=6))
    words: list[str] = []
    for name, values, tied in pairs:
        words += [f"{name}={values[0]}", *values[1:]] if tied and values else [name, *values]
    return backend, words


@given(command_lines())
def test_reading_what_was_written_changes_nothing(line):
    backend, words = line
    parsed = parse_args(backend, words)
    clashes = [error for error in parsed.errors if error.endswith("in one way")]
    again = parse_args(backend, parsed.render())
    assert list(again.errors) == clashes
    assert again.arguments == parsed.arguments
    assert again.render() == parsed.render()


@given(st.sampled_from(BACKENDS), st.lists(st.text(max_size=20), max_size=5))
def test_no_words_at_all_raise(backend, words):
    assert all(parse_args(backend, words).errors)


def test_an_unknown_engine_is_a_key_error():
    with pytest.raises(KeyError):
        engine("tgi")
    with pytest.raises(KeyError):
        parse_args("tgi", [])


def test_the_nearest_name_is_searched_for_the_first_unknown_flags_alone():
    errors = parse_args("vllm", [f"--gpu-memory-utilisation{number}" for number in range(100)]).errors
    assert len(errors) == 100
    assert [error.endswith("did you mean --gpu-memory-utilization?") for error in errors] == [True] * 32 + [False] * 68
