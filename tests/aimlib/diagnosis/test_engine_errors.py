"""What engines say last: what is known of it, and that it is the same at every attempt."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.data import load_data
from aimlib.diagnosis.engine_errors import Diagnosis, diagnose, examine, last_line
from aimlib.diagnosis.log_lines import read_lines

TABLE = load_data("engine_errors")["errors"]
OTHERS = ("details", "secondary", "ending", "progress", "requests")
NCCL = "torch.distributed.DistBackendError: NCCL error in: x.cpp:94, unhandled cuda error, NCCL 2.28"
GATED = "https://huggingface.co/org/model/resolve/main/config.json"


@pytest.mark.parametrize(
    ("text", "reason", "quoted"),
    [
        (
            (
                "torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to "
                "connect to (172.17.0.9, 46229)."
            ),
            "PeersUnreachable",
            "The client socket has timed out",
        ),
        (
            "RuntimeError: Gloo connectFullMesh failed with [../gloo/transport/tcp/pair.cc:144] no error",
            "PeersUnreachable",
            "Gloo connectFullMesh failed",
        ),
        (
            "torch.distributed.DistStoreError: Timed out after 601 seconds waiting for clients. 1/2 clients joined.",
            "PeersUnreachable",
            "each other: DistStoreError",
        ),
        (
            f"{NCCL}\nncclInternalError: Internal check failed.\nLast error:\nBootstrap : no socket interface found",
            "PeersUnreachable",
            "no socket interface found",
        ),
        (
            f"{NCCL}\nLast error:\nDuplicate GPU detected : rank 1 and rank 0 both on CUDA device 1b000",
            "GPUUnusable",
            "got the same GPU: Duplicate GPU detected",
        ),
        (
            "torch.AcceleratorError: CUDA error: an illegal instruction was encountered",
            "GPUUnusable",
            "a kernel of the engine failed on the GPU",
        ),
        (
            "RuntimeError: fail to call hipModuleLaunchKernel( kernel_func, gdx) ---> [HIP error](invalid argument)",
            "GPUUnusable",
            "fail to call hipModuleLaunchKernel",
        ),
        ("AssertionError: One of GPU archs of ['gfx1151'] is invalid or not supported", "GPUUnusable", "gfx1151"),
        (
            "RuntimeError: Unsupported kernel config for moe heuristic dispatch",
            "ArgumentRefused",
            "no kernel for the experts of this model",
        ),
        (
            "RuntimeError: device_gemm with the specified compilation parameters does not support this GEMM problem",
            "ArgumentRefused",
            "no kernel for the experts of this model",
        ),
        (
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  Value error, The "
                "checkpoint you are trying to load has model type `qwen3_5` but Transformers does not recognize this "
                "architecture. [type=value_error, input_value=ArgsKwargs((), {'model': 'm'})]"
            ),
            "ArgumentRefused",
            "does not know such a model: The checkpoint you are trying to load has model type `qwen3_5`",
        ),
        (
            "ValueError: Following weights were not initialized from checkpoint: {'model.norm.weight', 'x'}",
            "FilesMissing",
            "lack some of its weights: Following weights were not initialized from checkpoint",
        ),
        (
            "OSError: Consistency check failed: file should be of size 440449768 but has size 76954576",
            "FilesMissing",
            "a file of the model is incomplete",
        ),
        (
            "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1.08 GiB. GPU 0 has",
            "OutOfGPUMemory",
            "1.08 GiB",
        ),
        ("ValueError: LoRA rank 64 is greater than max_lora_rank 16.", "ArgumentRefused", "max_lora_rank 16"),
        ("ValueError: vLLM only supports modules_to_save being None.", "ArgumentRefused", "modules_to_save"),
        ("ValueError: vLLM does not yet support DoRA.", "ArgumentRefused", "DoRA"),
        ("ValueError: Adapter bias is not supported.", "ArgumentRefused", "adapter (LoRA): Adapter bias"),
        (
            "ValueError: base_model.model.lm_head.base_layer.weight is unsupported LoRA weight",
            "ArgumentRefused",
            "base_model.model.lm_head.base_layer.weight is unsupported",
        ),
        (
            "OSError: [Errno 28] No space left on device: '/dev/shm/psm_4a1f'",
            "SharedMemoryFull",
            "No space left on device",
        ),
        (
            "RuntimeError: /dev/shm/nccl-WU88OE failed, error: No space left on device (28)",
            "SharedMemoryFull",
            "/dev/shm",  # noqa: S108 - what is quoted
        ),
        (
            (
                "torch.distributed.DistBackendError: NCCL error in: x.cpp:94, unhandled system error, NCCL 2.28\n"
                "ncclSystemError: System call (e.g. socket, malloc) or external library call failed or device error.\n"
                "Last error:\nError while creating shared memory segment /dev/shm/nccl-bX2 (size 9637888)"
            ),
            "SharedMemoryFull",
            "creating shared memory segment",
        ),
        (
            "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 803: unsupported display driver",
            "GPUUnusable",
            "Error 803: unsupported display driver",
        ),
        ("ImportError: libcuda.so.1: cannot open shared object file: No such file", "GPUUnusable", "libcuda.so.1"),
        (
            "safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer",
            "FilesMissing",
            "MetadataIncompleteBuffer",
        ),
        ("torch.OutOfMemoryError: Allocation on device", "OutOfGPUMemory", "torch.OutOfMemoryError"),
        (
            "HW Exception by GPU node-1 (Agent handle: 0x3508fba0) reason :GPU Hang\nFatal Python error: Aborted",
            "GPUUnusable",
            "a GPU hung, was reset or fell off its bus: HW Exception by GPU",
        ),
        ("torch.AcceleratorError: CUDA error: GPU is lost", "GPUUnusable", "fell off its bus: CUDA error: GPU is lost"),
        (
            "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version",
            "GPUUnusable",
            "the driver of the node is older than the image needs: CUDA driver version is insufficient",
        ),
        (
            "torch.AcceleratorError: CUDA error: the provided PTX was compiled with an unsupported toolchain.",
            "GPUUnusable",
            "older than the image needs: the provided PTX",
        ),
        (
            "torch.AcceleratorError: CUDA error: CUDA-capable device(s) is/are busy or unavailable",
            "GPUUnusable",
            "is/are busy or unavailable",
        ),
        (
            "Unable to open /dev/kfd read-write: Permission denied",
            "GPUUnusable",
            "the container may not use the device files of the GPU: Unable to open /dev/kfd",
        ),
        (
            "Unable to open /dev/kfd read-write: Invalid argument",
            "GPUUnusable",
            "the engine cannot use the GPU: Unable",
        ),
        ("rocBLAS error: Could not initialize Tensile host: No devices found", "GPUUnusable", "No devices found"),
        (
            "rocBLAS error: Cannot read /opt/rocm/lib/TensileLibrary.dat: Illegal seek for GPU arch : gfx1151",
            "GPUUnusable",
            "for GPU arch : gfx1151",
        ),
        (
            "RuntimeError: CUDA error: HIPBLAS_STATUS_NOT_SUPPORTED when calling `hipblasLtMatmul( ltHandle )`",
            "GPUUnusable",
            "a kernel of the engine failed on the GPU: HIPBLAS_STATUS_NOT_SUPPORTED",
        ),
        (
            "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "OutOfGPUMemory",
            "CUBLAS_STATUS_ALLOC_FAILED",
        ),
        (
            "safetensors_rust.SafetensorError: Error while deserializing header: header too large",
            "FilesMissing",
            "no safetensors file, as a pointer of Git LFS is none: Error while deserializing header: header too large",
        ),
        (
            "FileNotFoundError: Weight files referenced in index but missing: {'/models/b', '/models/a'}",
            "FilesMissing",
            "the model's files lack some of its weights: Weight files referenced in index but missing",
        ),
        ("RuntimeError: can't start new thread", "ProcessLimit", "can't start new thread"),
        (
            (
                "OpenBLAS blas_thread_init: pthread_create failed for thread 35 of 48: Resource temporarily "
                "unavailable\n"
                "terminate called after throwing an instance of 'std::system_error'\n"
                "  what():  Resource temporarily unavailable"
            ),
            "ProcessLimit",
            "the container may start no more threads: blas_thread_init: pthread_create",
        ),
        (
            "BlockingIOError: [Errno 11] Resource temporarily unavailable",
            "ProcessLimit",
            "Resource temporarily unavailable",
        ),
        (
            "OSError: [Errno 116] Stale file handle: '/models/hub/models--a--b/model.safetensors'",
            "VolumeFailed",
            "Stale file handle: '/models/hub/models--a--b/model.safetensors'",
        ),
        ("OSError: [Errno 107] Transport endpoint is not connected: '/models'", "VolumeFailed", "is not connected"),
        ("OSError: [Errno 5] Input/output error", "VolumeFailed", "Input/output error"),
        (
            (
                "ValueError: Free memory on device cuda:0 (10.1/63.9 GiB) on startup is less than desired GPU memory "
                "utilization (0.92, 58.8 GiB)."
            ),
            "OutOfGPUMemory",
            "less than desired GPU memory utilization",
        ),
        (
            (
                "AssertionError: Error in memory profiling. Initial free memory 82.94 GiB, current free memory 90.17 "
                "GiB. This happens when other processes sharing the same container release GPU memory"
            ),
            "OutOfGPUMemory",
            "another program gave back memory of the GPU while the engine measured what it may use: Error in memory",
        ),
        (
            (
                "torch.distributed.DistBackendError: NCCL error in: x.cpp:94, unhandled system error, NCCL 2.28\n"
                "Last error:\nCall to ibv_reg_mr failed with error Cannot allocate memory"
            ),
            "LockedMemoryFull",
            "ibv_reg_mr failed with error Cannot allocate memory",
        ),
        (
            "RuntimeError: NCCL WARN Call to ibv_reg_mr_iova2 failed with error Cannot allocate memory",
            "LockedMemoryFull",
            "ibv_reg_mr_iova2 failed",
        ),
        ("ValueError: No available memory for the cache blocks. Try", "OutOfGPUMemory", "the cache blocks"),
        (
            "ValueError: To serve at least one request with the model's max seq len (40960), 10 GiB is needed",
            "OutOfGPUMemory",
            "max seq len (40960)",
        ),
        (
            "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
            "OutOfGPUMemory",
            "--mem-fraction-static",
        ),
        (
            "ValueError: max_num_seqs (1024) exceeds available Mamba cache blocks (614). Each sequence needs one",
            "OutOfGPUMemory",
            "max_num_seqs (1024) exceeds available Mamba cache blocks (614)",
        ),
        (f"Cannot access gated repo for url {GATED}.", "ModelRefused", GATED),
        ("httpx.HTTPStatusError: 403 Forbidden", "ModelRefused", "403 Forbidden"),
        (
            "OSError: org/none is not a local folder and is not a valid model identifier listed on 'https://huggingface.co'",
            "ModelNotFound",
            "org/none",
        ),
        (f"Repository Not Found for url: {GATED}.", "ModelNotFound", GATED),
        (
            "OSError: We couldn't connect to 'https://huggingface.co' to load the files, and couldn't find them",
            "FilesMissing",
            "'https://huggingface.co'",
        ),
        ("RuntimeError: Cannot find any model weights with `org/model`", "FilesMissing", "org/model"),
        (
            "launch_server.py: error: unrecognized arguments: --max-model-len 4096",
            "ArgumentRefused",
            "unrecognized arguments: --max-model-len 4096",
        ),
        ("vllm serve: error: argument --dtype: invalid choice: 'fp4'", "ArgumentRefused", "--dtype: invalid choice"),
        (
            "ValueError: The quantization method fp8 is not supported for the current GPU. Minimum capability: 90.",
            "PrecisionUnsupported",
            "fp8 is not supported",
        ),
        ("ValueError: mxfp4 quantization is currently not supported in rocm.", "PrecisionUnsupported", "mxfp4"),
        (
            (
                "(Worker_TP3_EP3 pid=891) [aiter] import [module_moe_sorting] under /x/module_moe_sorting.so\n"
                "Memory access fault by GPU node-3 (Agent handle: 0x13e8) on address 0x77d445e00000. Reason: Unknown.\n"
                "(EngineCore pid=600) ERROR 05-20 10:00:00 [x.py:2] Worker proc VllmWorker-3 died unexpectedly, and"
            ),
            "GPUUnusable",
            "Memory access fault by GPU",
        ),
        (
            "torch.AcceleratorError: CUDA error: an illegal memory access was encountered",
            "GPUUnusable",
            "CUDA error: an illegal memory access",
        ),
        (
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
                "  Value error, The repository org/model contains custom code which must be executed to load it.\n"
                "Please pass the argument `trust_remote_code=True`. [type=value_error, input_value=ArgsKwargs]"
            ),
            "ArgumentRefused",
            "needs code of its repository, which only a recipe allows: The repository org/model contains custom code",
        ),
        (
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
                "  Value error, something of several lines.\n\nThe rest. [type=value_error, input_value=ArgsKwargs]"
            ),
            "ArgumentRefused",
            "rejects its arguments: something of several lines.",
        ),
        (
            "OSError: Can't load tokenizer for 'org/model-GGUF'. If you were trying to load it from",
            "FilesMissing",
            "a file of the model is missing: Can't load tokenizer for 'org/model-GGUF'",
        ),
        ("RuntimeError: No HIP GPUs are available", "GPUUnusable", "No HIP GPUs"),
        (f"{NCCL}\nLast error:\nCuda failure 2 'out of memory'", "OutOfGPUMemory", "Cuda failure 2 'out of memory'"),
        (
            f"{NCCL}\nLast error:\nCuda failure 217 'peer access is not supported between these two devices'",
            "GPUUnusable",
            "cannot reach each other's memory: peer access is not supported between these two devices",
        ),
        (
            (
                "HSA_STATUS_ERROR_EXCEPTION: An HSAIL operation resulted in a hardware exception. code: 0x1016\n"
                "terminate called after throwing an instance of 'c10::AcceleratorError'\n"
                "  what():  CUDA error: unspecified launch failure\n"
                "(EngineCore pid=600) ERROR 07-30 10:00:00 [x.py:2] Worker proc VllmWorker-6 died unexpectedly, and"
            ),
            "GPUUnusable",
            "a kernel of the engine failed on the GPU: HSA_STATUS_ERROR_EXCEPTION",
        ),
        (
            "RuntimeError: Unknown GPU architecture: gfx1151. Supported architectures: ['native', 'gfx90a']",
            "GPUUnusable",
            "Unknown GPU architecture: gfx1151",
        ),
        (
            (
                "triton.runtime.errors.PTXASError: PTXAS error: Internal Triton PTX codegen error\n"
                "`ptxas` stderr:\nptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'"
            ),
            "GPUUnusable",
            "Value 'sm_121a' is not defined",
        ),
        (
            "RuntimeError: flash_attn at sgl-kernel is only supported on sm90 and above",
            "GPUUnusable",
            "only supported on sm90",
        ),
        (
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ParallelConfig\n"
                "  Value error, Tensor parallel size (2) cannot be larger than the number of available GPUs (1). [ty"
            ),
            "GPUUnusable",
            "fewer GPUs than it requested: Tensor parallel size (2) cannot be larger than the number of available",
        ),
        (
            "AssertionError: local_world_size (16) must be less than or equal to the number of visible devices (8).",
            "GPUUnusable",
            "local_world_size (16)",
        ),
        (
            (
                "ValueError: No valid attention backend found for cuda with AttentionSelectorConfig(head_size=64). "
                "Reasons: {FLASH_ATTN: [kv_cache_dtype not supported]}."
            ),
            "ArgumentRefused",
            "Reasons: {FLASH_ATTN: [kv_cache_dtype not supported]}",
        ),
        (
            (
                "ValueError: Selected backend AttentionBackendEnum.CUTLASS_MLA is not valid for this configuration. "
                "Reason: ['sparse not supported']"
            ),
            "ArgumentRefused",
            "no attention kernel for this model with these arguments: Selected backend",
        ),
        (
            (
                "AssertionError: triton or trtllm_mha or fa4 backend are the only supported backends on Blackwell GPUs "
                "for hybrid GDN models, use --attention-backend triton"
            ),
            "ArgumentRefused",
            "these arguments: triton or trtllm_mha or fa4 backend are the only supported backends on Blackwell GPUs",
        ),
        (
            (
                "ValueError: The output_size of gate's and up's weight = 192 is not divisible by weight quantization "
                "block_n = 128."
            ),
            "ArgumentRefused",
            "divided over so many GPUs: output_size of gate's and up's weight = 192 is not divisible by",
        ),
        (
            "ValueError: Weight input_size_per_partition = 1440 is not divisible by min_thread_k = 128. Consider",
            "ArgumentRefused",
            "divided over so many GPUs: input_size_per_partition = 1440 is not divisible by min_thread_k = 128",
        ),
        (
            "ValueError: Qwen3_5ForConditionalGeneration does not support LoRA yet.",
            "ArgumentRefused",
            "adapter (LoRA): Qwen3_5ForConditionalGeneration does not support LoRA yet",
        ),
        (
            "RuntimeError: The memory capacity is unbalanced. Some GPUs may be occupied by other processes. pre=10.2",
            "OutOfGPUMemory",
            "another program uses memory of one of the GPUs",
        ),
        (
            "RuntimeError: Rank 0 scheduler died during initialization (exit code: -9). If exit code is -9 (SIGKILL)",
            "OutOfMemory",
            "the kernel killed a process of the engine",
        ),
        ("RuntimeError: HIP error: invalid device function", "GPUUnusable", "invalid device function"),
        ("OSError: [Errno 28] No space left on device: '/workspace'", "VolumeFull", "No space left on device"),
    ],
)
def test_words_that_are_known(text, reason, quoted):
    found = diagnose(f"INFO 11-23 11:57:58 [api.py:1] starting\n{text}\nTraceback (most recent call last):")
    assert isinstance(found, Diagnosis)
    assert found.reason == reason
    assert quoted in found.message


NINJA = """\
RuntimeError: Ninja build failed. Ninja output:
ninja: Entering directory `/cache/flashinfer/0.6.4/89/cached_ops'
[1/11] /usr/local/cuda/bin/nvcc --generate-dependencies-with-compile
FAILED: [code=127] batch_prefill.cuda.o
/bin/sh: 1: /usr/local/cuda/bin/nvcc: not found
ninja: build stopped: subcommand failed."""


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (NINJA, "RuntimeError: Ninja build failed. Ninja output: /bin/sh: 1: /usr/local/cuda/bin/nvcc: not found"),
        (
            f"{NCCL}\nLast error:\nHip failure 'unknown error'",
            f"{NCCL}: Hip failure 'unknown error'",
        ),
        (
            f"{NCCL}\nncclSystemError: x\nLast error:\nconnect to 10.0.0.5<43211> returned Connection refused",
            f"{NCCL}: connect to 10.0.0.5 returned Connection refused",
        ),
        (
            f"RuntimeError: {'x' * 400}\nkernel.cu:3:5: fatal error: hip/hip_bf16.h: No such file or directory",
            f"RuntimeError: {'x' * 136}: kernel.cu:3:5: fatal error: hip/hip_bf16.h: No such file or directory",
        ),
        (
            "terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [Rank 1] timed out",
            "[Rank 1] timed out",
        ),
        ("RuntimeError: something\nelse", "RuntimeError: something"),
        (
            'Fatal Python error: Segmentation fault\n\nThread 0x7f (most recent call first):\n  File "/a.py", line 3',
            "Fatal Python error: Segmentation fault",
        ),
    ],
    ids=["compiler", "collective", "network", "long", "C++", "one line", "signal"],
)
def test_words_that_nobody_knows_are_quoted_with_the_cause(text, quoted):
    assert examine(f"INFO 11-23 11:57:58 [api.py:1] starting\n{text}\n").causes == (Diagnosis("", quoted),)


def test_words_that_nobody_knows():
    assert diagnose("RuntimeError: something else") is None
    assert diagnose("") is None


def test_every_entry_says_where_its_words_come_from_and_is_an_expression():
    for one in TABLE:
        assert one.keys() == {"reason", "means", "found", "sources"}
        assert re.fullmatch(r"([A-Z]+[a-z]*)+", one["reason"])
        assert one["sources"]
        for pattern in one["found"]:
            assert not re.search(pattern, ""), pattern
    for one in (row for key in OTHERS for row in load_data("engine_errors")[key]):
        assert one.keys() == {"found", "sources"}
        assert not any(re.search(pattern, "") for pattern in one["found"])
    assert len({(one["reason"], one["means"]) for one in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "line",
    [
        "(EngineCore_DP0 pid=43) ERROR 03-20 17:39:14 [core.py:1100] RuntimeError: no",
        "(APIServer pid=1) RuntimeError: no",
        "ERROR 05-08 11:47:02 [core.py:1136] RuntimeError: no",
        "[2026-11-23 11:57:58 TP0] RuntimeError: no",
        "[2026-11-23 11:57:58] RuntimeError: no",
        "2026-11-23T11:57:58.123Z RuntimeError: no",
        "2026-11-23 11:57:58,123 RuntimeError: no",
        "[rank0]: RuntimeError: no",
        "[rank0]:[W508 11:47:03.157708266 ProcessGroupNCCL.cpp:1554] RuntimeError: no",
        "\x1b[36m(Worker pid=12)\x1b[0;0m RuntimeError: no",
        "RuntimeError: no (Request ID: Root=1-66f4b037-1bf3;5159a703)",
    ],
)
def test_what_differs_from_one_attempt_to_the_next_is_left_out(line):
    assert last_line(f"before\n{line}\n\n^^^^^\n") == "RuntimeError: no"


def test_addresses_and_process_ids_within_a_line_are_left_out():
    first, second = (last_line(f"died: pid={pid} at 0x{pid}ff") for pid in (12, 13))
    assert first == second


def test_a_long_line_is_cut():
    assert len(last_line("x" * 1000)) == 300
    assert last_line("x" * 1000).endswith("x…")


@given(st.text(max_size=3000))
def test_any_text_is_read(text):
    assert len(last_line(text)) <= 300
    assert all("\n" not in line.text for line in read_lines(text, 8192))
    diagnose(text)
