"""What endpoints may set of an engine: each flag exists, and none runs code, reads files or sends data elsewhere."""

import pytest

from aimlib.api.pod import EngineSettings
from aimlib.engines.arguments import parse_args
from aimlib.engines.endpoint_settings import allowed_flags, is_allowed, literal_args, literal_variable, refusals
from aimlib.engines.flags import flag_table
from hooks.objects.authorities import CA_VARIABLES

BACKENDS = ("vllm", "sglang")
FOR_RECIPES = {
    "vllm": """
        --trust-remote-code --worker-cls --worker-extension-cls --middleware --logits-processors
        --scheduler-cls --config --tool-parser-plugin --reasoning-parser-plugin --io-processor-plugin
        --load-format --tokenizer --hf-config-path --hf-overrides --lora-modules --speculative-config
        --spec-model --kv-transfer-config --compilation-config --additional-config --download-dir
        --allowed-local-media-path --api-key --hf-token --revision --model --host --port --served-model-name
        --uds --ssl-keyfile --distributed-executor-backend --structured-outputs-config --otlp-traces-endpoint
        --model-class-overrides --code-revision --trust-request-chat-template --profiler-config
        --log-config-file --model-impl --tool-server --headless --root-path --chat-template
    """,
    "sglang": """
        --trust-remote-code --model-path --tokenizer-path --load-format --custom-weight-loader --lora-paths
        --config --sidecar --speculative-draft-model-path --json-model-override-args --forward-hooks
        --trace-modules --api-key --admin-api-key --host --port --enable-custom-logit-processor
        --crash-dump-folder --file-storage-path --download-dir --otlp-traces-endpoint --warmups --model-impl
        --tool-server --chat-template --enable-trace --export-metrics-to-file-dir
        --remote-instance-weight-loader-backend
    """,
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_flag_is_one_of_the_engine(backend):
    assert allowed_flags(backend) - flag_table(backend).flags.keys() == set()


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_for_recipes_is_a_flag_and_not_among_them(backend):
    named = set(FOR_RECIPES[backend].split())
    assert named - flag_table(backend).flags.keys() == set()
    assert named & allowed_flags(backend) == set()


@pytest.mark.parametrize("short", ["-tp=2", "--tensor_parallel_size=2", "--trust_remote_code", "--trust-remote", "-O3"])
def test_a_flag_counts_by_whatever_name_the_engine_takes(short):
    parsed = parse_args("vllm", [short])
    assert bool([*refusals(parsed, EngineSettings(), {})]) is ("trust" in short)


ALLOWED = """
    NCCL_DEBUG VLLM_API_KEY VLLM_ROCM_USE_AITER SGLANG_USE_AITER HF_TOKEN HF_ENDPOINT HF_HUB_DOWNLOAD_TIMEOUT
    TZ OMP_NUM_THREADS PYTORCH_HIP_ALLOC_CONF TOKENIZERS_PARALLELISM OTEL_SERVICE_NAME
"""
REFUSED = """
    LD_PRELOAD LD_LIBRARY_PATH PATH PYTHONPATH PYTHONSTARTUP BASH_ENV HOME USER HF_HOME HF_HUB_CACHE HF_HUB_OFFLINE
    VLLM_PLUGINS VLLM_ALLOW_INSECURE_SERIALIZATION VLLM_USE_MODELSCOPE VLLM_MODEL_REDIRECT_PATH VLLM_SERVER_DEV_MODE
    VLLM_ALLOW_RUNTIME_LORA_UPDATING VLLM_LORA_RESOLVER_CACHE_DIR VLLM_LOGGING_CONFIG_PATH VLLM_PORT VLLM_HOST_IP
    VLLM_CACHE_ROOT VLLM_CONFIG_ROOT VLLM_ASSETS_CACHE VLLM_USAGE_STATS_SERVER VLLM_CONFIGURE_LOGGING
    SGLANG_EXTERNAL_MODEL_PACKAGE NCCL_NET_PLUGIN NCCL_TUNER_PLUGIN NCCL_CONF_FILE NCCL_COMM_ID HSA_TOOLS_LIB
    CUDA_INJECTION64_PATH ROCR_VISIBLE_DEVICES HIP_VISIBLE_DEVICES CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES
    CUDA_HOME ROCM_HOME CUDA_NVCC_FLAGS CUDA_COREDUMP_PIPE CUDA_MPS_PIPE_DIRECTORY HIPBLASLT_TENSILE_LIBPATH
    TRITON_CACHE_DIR TRITON_CACHE_MANAGER TRITON_REMOTE_CACHE_BACKEND TRITON_HOME TRITON_KERNEL_OVERRIDE
    TRITON_DEFAULT_BACKEND TORCH_HOME TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD TORCHINDUCTOR_CACHE_DIR
    SSL_CERT_FILE OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_HEADERS OTEL_PYTHON_CONFIGURATOR OTEL_PROPAGATORS
    PYTORCH_TUNABLEOP_FILENAME HTTPS_PROXY nccl_debug NCCL_DEBUG_FILE
"""


@pytest.mark.parametrize("name", ALLOWED.split())
def test_variables_that_tune_are_allowed(name):
    assert is_allowed(name)


@pytest.mark.parametrize("name", REFUSED.split())
def test_variables_that_load_or_redirect_are_not(name):
    assert not is_allowed(name)


@pytest.mark.parametrize("name", [*CA_VARIABLES, "LD_PRELOAD"])
def test_a_variable_that_a_field_sets_is_refused_with_that_field(name):
    stated = EngineSettings.model_validate({"env": [{"name": name, "value": "/etc/ca/ca.crt"}]})
    why = (
        "caBundle of the endpoint decides" if name in CA_VARIABLES else "it is for recipes, which administrators write"
    )
    assert [*refusals(parse_args("vllm", []), stated, {})] == [
        f"engine.env: {name} cannot be set by an endpoint: {why}"
    ]


def test_nothing_in_a_text_of_an_endpoint_is_expanded():
    parsed = literal_args(parse_args("vllm", ["--chat-template", "$(HF_TOKEN)", "--hf-overrides.$(A)", "x"]))
    assert parsed.render() == ("--chat-template", "$$(HF_TOKEN)", "--hf-overrides.$$(A)", "x")
    settings = EngineSettings.model_validate({"env": [{"name": "TZ", "value": "$(HF_TOKEN)"}, {"name": "LANG"}]})
    assert [literal_variable(one).value for one in settings.env] == ["$$(HF_TOKEN)", None]
