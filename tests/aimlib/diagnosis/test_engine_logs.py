"""Whole logs of a real engine that failed, and hostile ones: what is found in each, and in the end that is kept."""

import re
import shlex
import subprocess
from datetime import UTC, datetime

import pytest

from aimlib.diagnosis.container_ends import CAUSE_IN_LOG, EngineLog
from aimlib.diagnosis.engine_errors import examine
from aimlib.diagnosis.log_lines import MESSAGE_BYTES
from aimlib.diagnosis.pod_failures import ended_container, pod_failure
from tests.files import TESTDATA
from tests.world import pod

LOGS = TESTDATA / "engine-logs"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
COMMAND = (
    "kubectl logs -n team-a -l aim.engine.amd.com/endpoint=chat --tail=-1 --ignore-errors -c engine --previous"
    " | grep -m1 -E '(^[A-Za-z_.]*|(Core|Worker).*)(Error|Exception): '"
)
EARLIER = (
    "container engine ended with exit code 1: RuntimeError: Engine core initialization failed. See root cause above;"
    f" the cause is earlier in its log: {COMMAND}"
)
DIED = (
    "container engine ended with exit code 0: vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an"
    " issue. See stack trace (above) for the root cause; the cause is earlier in its log: " + COMMAND
)
REJECTS = "the engine rejects its arguments:"

NO_SNAPSHOT = (
    "LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for the specified revision on the local"
    " disk and outgoing traffic has been disabled"
)
TYPES = "'auto', 'bfloat16', 'float', 'float16', 'float32', 'half'"
LONGEST = "(max_position_embeddings=2048.0 or model_max_length=None in model's config.json)"
TOO_LONG = f"User-specified max_model_len (999999) is greater than the derived max_model_len {LONGEST}"
UNKNOWN_NUMBER = "error: argument --max-model-len: invalid human_readable_int_or_auto value: 'twothousand'"
HEADS = "Total number of attention heads (4) must be divisible by tensor parallel size (3)."
MISSING = "files of the model are missing, and the hub cannot be reached"
ATTENTION = "RuntimeError: Unsupported CPU attention configuration: head_dim=16 isa=2 kv_cache_idx=0"
PORT = "VLLM_PORT 'tcp://10.0.0.1:8000' appears to be a URI"
BLOCKS = "there is not enough GPU memory: No available memory for the cache blocks"
NO_WEIGHTS = "the model's folder has no weights: Cannot find any model weights with `tiny`"
TYPE = f"error: argument --dtype: invalid choice: 'float99' (choose from {TYPES})"

RECORDED = {
    "unknown-flag": (2, "ArgumentRefused", f"{REJECTS} error: unrecognized arguments: --no-such-flag 3", None),
    "bad-value": (2, "ArgumentRefused", f"{REJECTS} {UNKNOWN_NUMBER}", None),
    "dtype": (2, "ArgumentRefused", f"{REJECTS} {TYPE}", None),
    "context-too-long": (1, "ArgumentRefused", f"{REJECTS} {TOO_LONG}", None),
    "quant": (1, "ArgumentRefused", f"{REJECTS} Unknown quantization method: fp8x. Must be one of [", None),
    "tp-not-dividing": (1, "ArgumentRefused", f"{REJECTS} {HEADS}", None),
    "model-not-found": (1, "FilesMissing", f"{MISSING}: {NO_SNAPSHOT}", None),
    "kv-too-small": (1, "OutOfGPUMemory", BLOCKS, EARLIER),
    "no-weights": (1, "FilesMissing", NO_WEIGHTS, EARLIER),
    "port-env": (1, "ArgumentRefused", f"the engine rejects a variable of its environment: {PORT}", EARLIER),
    "crash-at-first-request": (0, "CrashLoop", f"container engine ended with exit code 0: {ATTENTION}", DIED),
}
"""By recording: the exit code, what is reported of the whole log, and of its end where that does not have the cause."""


def ended(message="", code=1, **said):
    return pod(
        {
            "container": {
                "ready": False,
                "started": False,
                "lastState": {"terminated": {"exitCode": code, "message": message, **said}},
            }
        }
    )


def reported(log, kept="", code=1, former=None):
    """What is reported of a container whose log was read."""
    found = ended(kept, code)
    end = ended_container([found], NOW)
    return pod_failure([found], NOW, EngineLog(end.attempt, None if log is None else examine(log)), former)


def recorded(name):
    return (LOGS / f"{name}.log").read_text(encoding="utf-8")


def kept(log):
    """What the kubelet keeps."""
    return log.encode()[-MESSAGE_BYTES:].decode(errors="replace")


def test_every_recording_is_held_to_a_cause():
    assert {path.stem for path in LOGS.glob("*.log")} == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_the_whole_log_has_the_first_cause(name):
    code, reason, message, _ = RECORDED[name]
    log = recorded(name)
    found = reported(log, kept(log), code)
    assert (found.reason, found.message[: len(message)]) == (reason, message)
    assert len(found.message) <= len(message) if name != "quant" else len(found.message) < 400


@pytest.mark.parametrize("name", RECORDED)
def test_the_end_that_is_kept_has_the_cause_or_the_command_that_shows_it(name):
    code, reason, message, earlier = RECORDED[name]
    found = pod_failure([ended(kept(recorded(name)), code)], NOW)
    expected = message if earlier is None else earlier
    assert found.reason == (reason if earlier is None else "CrashLoop")
    assert found.message[: len(expected)] == expected


@pytest.mark.parametrize("name", [name for name, (*_, earlier) in RECORDED.items() if earlier])
def test_the_command_that_is_shown_finds_the_cause(name):
    *_, message, _ = RECORDED[name]
    with (LOGS / f"{name}.log").open("rb") as log:
        shown = subprocess.run(shlex.split(CAUSE_IN_LOG), stdin=log, capture_output=True, text=True, check=True)
    quoted = message.split(": ", 2 if message.startswith("container") else 1)[-1]
    assert quoted in shown.stdout


def test_the_command_that_is_shown_finds_the_cause_of_sglang_too():
    shown = subprocess.run(shlex.split(CAUSE_IN_LOG), input=SGLANG, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == DIVISIBLE


@pytest.mark.parametrize("name", RECORDED)
def test_another_attempt_at_another_time_with_other_processes_says_the_same(name):
    code = RECORDED[name][0]
    log = recorded(name)
    pids = {pid: str(int(pid) * 7) for pid in re.findall(r"pid=(\d+)", log)}
    again = re.sub(r"pid=(\d+)", lambda found: f"pid={pids[found[1]]}", log)
    again = re.sub(r"\b\d\d:\d\d:\d\d\b", "23:59:59", again).replace(
        "Failed core proc(s): {}", "Failed core proc(s): {'E': 1}"
    )
    assert again != log or name in {"unknown-flag", "bad-value", "dtype"}
    assert reported(again, kept(again), code) == reported(log, kept(log), code)
    assert pod_failure([ended(kept(again), code)], NOW) == pod_failure([ended(kept(log), code)], NOW)


SGLANG = """\
[2026-11-01 00:00:00 TP1] Scheduler hit an exception: Traceback (most recent call last):
  File "/sgl-workspace/sglang/python/sglang/srt/managers/scheduler.py", line 3131, in run_scheduler_process
    scheduler = Scheduler(
ValueError: Weight input_size_per_partition = 112 is not divisible by weight quantization block_k = 128.

[2026-11-01 00:00:00] Received sigquit from a child process. It usually means the child failed.
"""
DIVISIBLE = "ValueError: Weight input_size_per_partition = 112 is not divisible by weight quantization block_k = 128."
STOPPED = "container engine was stopped (exit code {}), as when its startup or liveness probe keeps failing"
REQUEST = """\
ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "server.py", line 3, in answer
    raise ValueError(prompt)
ValueError: this request is too long
"""
SHUTDOWN = """\
INFO:     Shutting down
Traceback (most recent call last):
  File "asyncio/runners.py", line 118, in run
    return self._loop.run_until_complete(task)
asyncio.exceptions.CancelledError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "asyncio/runners.py", line 123, in run
    raise KeyboardInterrupt()
KeyboardInterrupt: terminated
INFO:     Finished server process [1]
"""


@pytest.mark.parametrize(
    ("text", "code", "reason", "message"),
    [
        (SGLANG, 0, "CrashLoop", f"container engine ended with exit code 0: {DIVISIBLE}"),
        (SGLANG, 137, "CrashLoop", f"container engine ended with exit code 137: {DIVISIBLE}"),
        (SGLANG[SGLANG.index("ValueError") :], 0, "CrashLoop", f"container engine ended with exit code 0: {DIVISIBLE}"),
        ("", 0, "ProbeFailing", STOPPED.format(0)),
        ("INFO 11-23 11:57:58 [api.py:1] starting", 143, "ProbeFailing", STOPPED.format(143)),
        (REQUEST, 137, "ProbeFailing", STOPPED.format(137)),
        (SHUTDOWN, 0, "ProbeFailing", STOPPED.format(0)),
        (REQUEST, 1, "CrashLoop", "container engine ended with exit code 1: ValueError: this request is too long"),
    ],
)
def test_words_of_an_engine_that_failed_outrank_the_exit_code(text, code, reason, message):
    found = pod_failure([ended(text, code)], NOW)
    assert found.reason == reason
    assert found.message == message


def of(process, *lines, at="[core.py:1510]"):
    return "".join(f"({process}) ERROR 11-28 07:54:06 {at} {line}\n" for line in lines)


def failing(error):
    """The lines of a process that fails."""
    return ("Traceback (most recent call last):", '  File "worker.py", line 3, in load', "    load()", error)


SECOND = "RuntimeError: NCCL error: remote process exited or there was a network error"
FIRST = "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB. GPU 1 has a capacity of 9 GiB"


def test_of_workers_that_fail_together_the_known_error_counts_and_not_what_follows_from_it():
    both = (of("Worker_TP0 pid=7", *failing(SECOND)), of("Worker_TP1 pid=8", *failing(FIRST)))
    log = "\n".join(line for pair in zip(*map(str.splitlines, both), strict=True) for line in pair)
    message = "there is not enough GPU memory: HIP out of memory. Tried to allocate 2.00 GiB"
    assert reported(log) == ("OutOfGPUMemory", message)


def test_where_there_is_nothing_but_what_follows_it_is_quoted():
    message = f"container engine ended with exit code 1: {SECOND}"
    assert reported(of("Worker_TP0 pid=7", *failing(SECOND))) == ("CrashLoop", message)


A, B = (of(f"Worker_TP{rank} pid=7", *failing(f"ValueError: no shard {rank}{rank}x")) for rank in "ab")


def test_which_worker_is_the_first_to_print_makes_no_difference_to_what_was_reported():
    before = reported(A + B)
    assert before.message.endswith("ValueError: no shard aax")
    assert reported(B + A).message.endswith("ValueError: no shard bbx")
    assert reported(B + A, former=before) == before


def test_an_error_that_only_differs_in_amounts_stays_and_another_does_not():
    before = reported(of("Worker pid=7", *failing("ValueError: 12.5 GiB of 0x7f12 are free at deadbeef01")))
    others = of("Worker pid=9", *failing("ValueError: 3 GiB of 0x7f99 are free at c0ffee0123"))
    assert reported(others, former=before) == before
    again = reported(of("Worker pid=9", *failing("ValueError: all are free")), former=before)
    assert again.message.endswith("ValueError: all are free")
    assert reported(A, code=2, former=reported(A)).message.startswith("container engine ended with exit code 2")


def test_while_the_log_cannot_be_read_what_was_reported_of_an_end_stays():
    before = reported(recorded("no-weights"))
    assert reported(None, kept(recorded("no-weights")), former=before) == before
    progress = before._replace(reason="Progressing", message="0 of 1 replicas ready")
    assert reported(None, kept(recorded("no-weights")), former=progress).message == EARLIER
    assert reported(None, kept(recorded("no-weights"))).message == EARLIER


def test_a_log_of_another_attempt_is_not_used():
    log = EngineLog(("another",), examine(recorded("no-weights")))
    assert pod_failure([ended("", 1)], NOW, log).message == "container engine ended with exit code 1; it logged nothing"


def test_a_log_that_has_less_than_what_is_kept_is_not_used():
    assert reported("INFO 11-28 07:54:06 [a.py:1] it was rotated", recorded("unknown-flag")).reason == "ArgumentRefused"


def test_an_error_of_a_request_long_before_the_end_is_no_cause():
    log = of("EngineCore pid=7", *failing("ValueError: no such adapter")) + "INFO:     fine\n" * 200
    assert reported(log, code=137).reason == "ProbeFailing"
    later = log + of("EngineCore pid=7", *failing("ValueError: the end"))
    assert reported(later).message.endswith(": ValueError: the end")


PROMPT = "Tell me: CUDA out of memory"
IMITATION = f"""{PROMPT}
Traceback (most recent call last):
  File "core.py", line 1, in run
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB
vllm: error: unrecognized arguments: --my-secret-plan
"""


@pytest.mark.parametrize(
    "record",
    [
        f"INFO 11-28 07:54:06 [logger.py:41] Received request chatcmpl-1: prompt: {IMITATION!r}, params: n=1\n",
        f"INFO 11-28 07:54:06 [logger.py:41] Received request chatcmpl-1: prompt: '{IMITATION}', params: n=1\n",
        f"[2026-11-01 00:00:00] Receive: obj=GenerateReqInput(text='{IMITATION}')\n",
        f"(EngineCore pid=7) ERROR 11-28 07:54:06 [dump_input.py:79] Dumping scheduler output for x: {IMITATION!r}\n",
    ],
)
@pytest.mark.parametrize("end", ["", of("Worker pid=7", *failing("ValueError: the real one"))])
def test_what_users_wrote_is_neither_a_cause_nor_quoted(record, end):
    for text in (record + end, f"{'x' * MESSAGE_BYTES}\n{record}{end}"):
        for found in (reported(text), pod_failure([ended(text)], NOW)):
            assert found.reason == "CrashLoop"
            assert "plan" not in found.message
            assert PROMPT not in found.message
            assert ("the real one" in found.message) == bool(end)


@pytest.mark.parametrize(
    "log",
    [
        "x" * 2**20,
        "Error: " * 2**17,
        "\x00\xff\x1b[31m" * 2**16,
        "\n" * 2**20,
        'Traceback (most recent call last):\n  File "a", line 1\n' * 2**14,
        "During handling of the above exception, another exception occurred:\nValueError: x\n" * 2**13,
        "(a pid=1) " * 2**16,
        "(EngineCore pid=1) Traceback (most recent call last):\n" + "(EngineCore pid=1)   x\n" * 2**14,
        "ValueError: x\n" + "y\n" * 2**16,
    ],
)
def test_a_hostile_log_gives_a_short_printable_message_and_hides_nothing_that_follows(log):
    for text in (log, f"{log}\n\x1b[31mRuntimeError: \x1b[0mHIP out of memory\n"):
        found = reported(text)
        assert found.message.isprintable()
        assert len(found.message) < 1000
        assert found.reason == ("CrashLoop" if text is log else "OutOfGPUMemory")


def test_a_secret_in_an_error_is_hidden():
    for error in (
        "ValueError: bad header Authorization: Bearer opensesame1234567890",
        "vllm: error: unrecognized arguments: --api-key opensesame1234567890",
    ):
        assert "opensesame" not in reported(of("Worker pid=7", *failing(error))).message


def test_chained_exceptions_are_one_error_and_the_last_of_them_is_quoted():
    log = of(
        "Worker pid=7",
        *failing("KeyError: 'a'"),
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        *failing("ValueError: no such architecture"),
    )
    assert examine(log).causes == (("", "ValueError: no such architecture"),)
    assert examine(log.replace("ValueError", "CancelledError")).causes == ()
