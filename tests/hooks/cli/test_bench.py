"""`aim bench`: the Job that it makes, the figures that it reads, and how it ends whatever becomes of the Job."""

import json
import re

import pytest
import yaml

from aimlib.api.recipe import Measurement
from aimlib.api.resolved import Resolved
from aimlib.selection.roofline import Workload
from hooks.cli import clock
from hooks.cli.bench import JOB_LOOK_SECONDS
from hooks.cli.bench_figures import expected_figures
from hooks.cli.bench_job import read_figures
from hooks.cli.errors import CommandError
from tests.hooks.cli.commandline import recipe
from tests.hooks.cli.standin_cluster import MODEL, READY, RESOLVED, StandInCluster, stored

VLLM_LOG = """\
Starting initial single prompt test run...
============ Serving Benchmark Result ============
Successful requests:                     127
Failed requests:                         1
Maximum request concurrency:             32
Benchmark duration (s):                  31.20
Total input tokens:                      131072
Total generated tokens:                  65024
Request throughput (req/s):              4.07
Output token throughput (tok/s):         2084.10
Peak output token throughput (tok/s):    2500.00
Total token throughput (tok/s):          6285.12
---------------Time to First Token----------------
Mean TTFT (ms):                          310.25
Median TTFT (ms):                        301.00
P99 TTFT (ms):                           802.50
-----Time per Output Token (excl. 1st token)------
Mean TPOT (ms):                          14.71
Median TPOT (ms):                        14.60
P99 TPOT (ms):                           16.02
---------------Inter-token Latency----------------
Mean ITL (ms):                           14.70
==================================================
"""
ENGINE = {
    "name": "engine",
    "image": "vllm/vllm-openai-rocm:v0.33.0",
    "imagePullPolicy": "IfNotPresent",
    "command": ["vllm", "serve", "/models/it"],
    "args": ["--port", "8000", "--tokenizer", "other/tokenizer", "--trust-remote-code", "--max-model-len=8192"],
    "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "huggingface-token", "key": "token"}}}],
    "ports": [{"containerPort": 8000}],
    "securityContext": {"allowPrivilegeEscalation": False},
    "resources": {"limits": {"amd.com/gpu": "2"}},
    "volumeMounts": [
        {"name": "dshm", "mountPath": "/shared"},
        {"name": "models", "mountPath": "/models"},
        {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
    ],
}
POD = {
    "metadata": {"name": "it-1"},
    "spec": {
        "nodeName": "node-1",
        "tolerations": [{"key": "amd.com/gpu", "operator": "Exists"}],
        "securityContext": {"runAsUser": 1000},
        "containers": [ENGINE],
        "volumes": [
            {"name": "dshm", "emptyDir": {}},
            {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
            {"name": "token", "projected": {}},
        ],
    },
    "status": {"podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": "True"}]},
}
PLACE = "/apis/batch/v1/namespaces/team/jobs"
ENDED = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}


def failed(reason):
    return {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": reason}]}}


class Cluster(StandInCluster):
    """A cluster in which a Job becomes what a test gives, one look after the other."""

    def __init__(self, *looks, log=VLLM_LOG, pod=POD, endpoint=None, **given):
        super().__init__(endpoint or stored(), pods=[pod], log=log, **given)
        self.looks, self.calls = [*looks], []

    def change(self, method, path, body=None):
        self.calls.append((method, path, body))
        return {"metadata": {"name": "it-bench-x"}}

    def read(self, path):
        if "pods" in path:
            assert path.endswith("?labelSelector=batch.kubernetes.io%2Fjob-name%3Dit-bench-x")
            running = {"containerStatuses": [{"state": {"running": {}}}]}
            return {"items": [{"metadata": {"name": "it-bench-x-1"}, "status": running}]}
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, BaseException):
            raise found
        return found


@pytest.fixture(autouse=True)
def time(monkeypatch):
    """A clock that goes on when something waits."""
    now = [0.0]
    monkeypatch.setattr(clock, "seconds", lambda: now[0])
    monkeypatch.setattr(clock, "pause", lambda length: now.__setitem__(0, now[0] + length))
    monkeypatch.setattr(clock, "unix_seconds", lambda: 7.0)
    monkeypatch.setattr(clock, "day", lambda: "2026-01-01")


@pytest.fixture
def on(aim_on):
    """`aim bench` on a stand-in cluster."""
    return lambda standin, *words: aim_on(standin, "bench", *words)


def the_job(standin):
    [job] = [body for method, path, body in standin.calls if method == "POST" and path == PLACE]
    return job


def test_one_replica_is_measured_and_the_job_is_removed(on):
    standin = Cluster({}, ENDED)
    done = on(standin, "it", "--workload", "1024/512@32")
    assert done.exit_code == 0, done.output
    assert [re.split(r"  +", line) for line in done.stdout.splitlines()] == [
        ["FIGURE", "MEASURED", "PREDICTED", "PUBLISHED"],
        ["time to first token", "310 ms", "-", "-"],
        ["time between tokens", "14.7 ms", "-", "-"],
        ["throughput", "2080 tokens/s", "-", "-"],
    ]
    assert "Job it-bench-x: 128 requests of 1024 tokens in, 512 out, 32 at once, for 900 seconds at most" in done.stderr
    assert "127 requests of 1024 tokens in, 512 out, 32 at once; 1 failed" in done.stderr
    assert [call[0] for call in standin.calls] == ["POST", "DELETE"]
    assert standin.calls[1][1] == f"{PLACE}/it-bench-x?propagationPolicy=Background"
    assert standin.opened == [("it-bench-x-1", 300, False)]


def test_the_job_is_bounded_and_has_the_engines_image_node_files_and_rights(on):
    standin = Cluster(ENDED)
    on(standin, "it", "--workload", "100/50@2", "--timeout", "5m", "--requests", "9")
    spec = the_job(standin)["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 300, 600)
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    assert container["command"] == ["vllm", "bench", "serve"]
    assert container["args"] == [
        "--backend=openai",
        "--base-url=http://10.0.0.7:8000",
        "--endpoint=/v1/completions",
        "--model=/models/it",
        f"--served-model-name={MODEL}",
        "--dataset-name=random",
        "--random-input-len=100",
        "--random-output-len=50",
        "--num-prompts=9",
        "--max-concurrency=2",
        "--num-warmups=2",
        "--seed=7",
        "--ignore-eos",
        "--disable-tqdm",
        "--tokenizer",
        "other/tokenizer",
        "--trust-remote-code",
    ]
    assert container["image"] == ENGINE["image"]
    assert container["env"] == ENGINE["env"]
    assert container["securityContext"] == ENGINE["securityContext"]
    assert "amd.com/gpu" not in json.dumps(container["resources"])
    assert [one["name"] for one in container["volumeMounts"]] == ["models"]
    assert [one["name"] for one in pod["volumes"]] == ["models"]
    assert pod["tolerations"] == POD["spec"]["tolerations"]
    assert pod["automountServiceAccountToken"] is False
    required = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["node-1"]
    assert "aim.engine.amd.com/endpoint" not in json.dumps(the_job(standin))


def test_sglang_has_its_own_generator_and_ipv6_its_brackets(on):
    pod = {
        **POD,
        "spec": {
            **POD["spec"],
            "containers": [
                {**ENGINE, "command": ["python3", "-m", "x", "--model-path", "a/b"], "args": ["--tokenizer=c"]}
            ],
            "volumes": [{"name": "models", "emptyDir": {}}],
        },
        "status": {**POD["status"], "podIP": "fd00::7"},
    }
    status = {**READY, "resolved": {**RESOLVED, "backend": "sglang"}}
    standin = Cluster(ENDED, pod=pod, endpoint=stored(status=status))
    on(standin, "it")
    pod_spec = the_job(standin)["spec"]["template"]["spec"]
    [container] = pod_spec["containers"]
    assert container["command"] == ["python3", "-m", "sglang.benchmark.serving"]
    assert "--base-url=http://[fd00::7]:8000" in container["args"]
    assert "--tokenizer=a/b" in container["args"]
    assert "--tokenizer=c" not in container["args"]
    assert "preferredDuringSchedulingIgnoredDuringExecution" in pod_spec["affinity"]["nodeAffinity"]


def test_the_workload_is_the_endpoints_unless_stated(on):
    stated = stored(recipe={"workload": {"inputTokens": 5, "concurrency": 2}})
    args = the_job(standin) if (standin := Cluster(ENDED, endpoint=stated)) and on(standin, "it") else None
    words = args["spec"]["template"]["spec"]["containers"][0]["args"]
    assert {"--random-input-len=5", "--random-output-len=512", "--max-concurrency=2", "--num-prompts=16"} <= {*words}


def test_nothing_is_made_in_a_dry_run(on):
    done = on(standin := Cluster(ENDED), "it", "--dry-run")
    assert yaml.safe_load(done.stdout)["kind"] == "Job"
    assert standin.calls == []


def test_an_entry_for_the_recipe_is_what_the_api_takes(on):
    done = on(Cluster(ENDED, endpoint=stored(engine={"args": ["--max-num-seqs=64"]})), "it", "--write")
    [entry] = yaml.safe_load(done.stdout)["measurements"]
    found = Measurement.model_validate(entry)
    assert (found.tokens_per_second, found.latency_ms, found.concurrency) == (2080, 14.7, 32)
    assert found.command == "--max-num-seqs=64"
    assert found.source == "aim bench on 2026-01-01, 2 MI300X, a:b"
    assert "first token after 310 ms" in found.workload
    assert "FIGURE" in done.stderr


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_programs_get_every_figure(on, output):
    status = {**READY, "metrics": {"requestsRunning": 3}, "resolved": {**RESOLVED, "gpuCount": 0, "product": "CPU"}}
    done = on(Cluster(ENDED, endpoint=stored(status=status)), "it", "-o", output)
    found = yaml.safe_load(done.stdout)
    assert found["measured"]["firstTokenP99Ms"] == 802.5
    assert found["workload"] == {"input_tokens": 1024, "output_tokens": 512, "concurrency": 32}
    assert found["measurement"]["source"].startswith("aim bench on 2026-01-01, CPU, ")
    assert "3 other requests are running" in done.stderr


@pytest.mark.parametrize(
    ("looks", "log", "code", "said"),
    [
        ([failed("BackoffLimitExceeded")], "last words\n", 4, "last words"),
        ([failed("DeadlineExceeded")], "", 124, ""),
        ([{}], "", 124, "the time is over: 4 seconds"),
        ([ENDED], "Successful requests: 0\n", 4, "answered none of the requests"),
        ([ENDED], "nothing of that form\n", 4, "answered none of the requests"),
        ([CommandError("gone", 1)], "", 1, "gone"),
        ([KeyboardInterrupt()], "", 1, ""),
    ],
)
def test_whatever_becomes_of_the_job_it_is_removed(on, looks, log, code, said):
    standin = Cluster(*looks, log=log)
    done = on(standin, "it", "--timeout", "4s")
    assert done.exit_code == code
    assert said in done.stderr
    assert standin.calls[-1][0] == "DELETE"


@pytest.mark.parametrize("text", ["1024", "0/512@32", "1/2@0", "a/b@c", "999999/1@1", "1/1@9999"])
def test_a_load_beyond_what_is_short_is_refused(on, text):
    done = on(standin := Cluster(ENDED), "it", "--workload", text)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert standin.calls == []


def test_an_endpoint_that_does_not_serve_is_not_measured(on):
    waiting = {**POD, "status": {"conditions": []}}
    done = on(standin := Cluster(ENDED, pod=waiting), "it")
    assert (done.exit_code, standin.calls) == (1, [])
    assert "no replica of it is ready: Ready" in done.stderr
    without = on(Cluster(ENDED, pod={**POD, "status": {"conditions": POD["status"]["conditions"]}}), "it")
    assert "it-1 has no address" in without.stderr


def test_what_may_not_be_read_is_not_predicted(on):
    done = on(Cluster(ENDED, refuses=("aimrecipes",)), "it")
    assert done.exit_code == 0
    assert "what was predicted is not known here: aimrecipes is forbidden" in done.stderr


WORKLOAD = Workload(1024, 512, 32)
FACTS = {
    "weightsGiB": 100,
    "layers": 80,
    "attentionHeads": 64,
    "keyValueHeads": 8,
    "headDim": 128,
    "parametersBillions": 50,
    "hiddenSize": 8192,
    "maxContext": 4096,
}


def recipe_of(**measurement):
    figures = {"workload": "w", "source": "somebody", "inputTokens": 1024, "outputTokens": 512, "concurrency": 32}
    configuration = {"gpuCount": 2, "args": ["--tensor-parallel-size=2"], "measurements": [{**figures, **measurement}]}
    return yaml.safe_load(recipe("one", facts=FACTS, configurations=[configuration]))


def test_predicted_and_published_figures_stand_apart():
    resolved = Resolved.model_validate(RESOLVED)
    found = expected_figures(resolved, [recipe_of(tokensPerSecond=3000, latencyMs=12, countsInput=True)], WORKLOAD)
    assert found.published == {"throughput": 1000, "perTokenMs": 12}
    assert found.source == "somebody"
    assert set(found.predicted) == {"firstTokenMs", "perTokenMs", "throughput"}
    assert found.predicted["throughput"] != 1000
    other = expected_figures(resolved, [recipe_of(tokensPerSecond=3000)], WORKLOAD._replace(concurrency=1))
    assert (other.published, other.source) == ({}, "")
    only_one = expected_figures(resolved, [recipe_of(latencyMs=12)], WORKLOAD)
    assert only_one.published == {"perTokenMs": 12}


def test_what_no_recipe_has_is_not_predicted():
    resolved = Resolved.model_validate({**RESOLVED, "recipe": "derived"})
    assert not expected_figures(resolved, [recipe_of()], WORKLOAD).predicted
    other_gpus = Resolved.model_validate({**RESOLVED, "gpuCount": 8})
    assert not expected_figures(other_gpus, [recipe_of()], WORKLOAD).predicted
    invalid = {**recipe_of(), "spec": {"modelId": MODEL}}
    assert not expected_figures(Resolved.model_validate(RESOLVED), [invalid], WORKLOAD).predicted
    unknown = Resolved.model_validate({**RESOLVED, "product": "NEW"})
    assert not expected_figures(unknown, [recipe_of()], WORKLOAD).predicted


def test_published_figures_are_named_with_their_source(on, monkeypatch):
    standin = Cluster(ENDED)
    monkeypatch.setattr(standin, "all", lambda _: [recipe_of(tokensPerSecond=3000)])
    done = on(standin, "it")
    assert done.stdout.splitlines()[3].split()[-2:] == ["3000", "tokens/s"]
    assert "published: somebody" in done.stderr


def test_what_a_generator_does_not_count_as_failed_is(on):
    log = VLLM_LOG.replace("Failed requests:", "Others:")
    assert "127 requests of 1024 tokens in, 512 out, 32 at once; 1 failed" in on(Cluster(ENDED, log=log), "it").stderr
    whole = on(Cluster(ENDED, log=log), "it", "--requests", "127")
    assert "failed" not in whole.stderr


def test_figures_are_read_from_what_both_generators_print():
    assert read_figures(VLLM_LOG) == {
        "completed": 127,
        "failed": 1,
        "seconds": 31.2,
        "throughput": 2084.1,
        "firstTokenMs": 310.25,
        "firstTokenP99Ms": 802.5,
        "perTokenMs": 14.71,
        "betweenTokensMs": 14.7,
    }
    assert read_figures("Mean TTFT (ms): nan\nMean TPOT (ms): 1.5 x\n") == {}
    assert JOB_LOOK_SECONDS > 0
