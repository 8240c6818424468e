"""The commands that read endpoints of a cluster: lists, one on one screen, load, logs and addresses."""

import json

import pytest
import yaml

from aimlib.diagnosis.engine_errors import Diagnosis
from hooks.cli import clock
from hooks.cli.endpoint_reports import marked_lines
from hooks.cli.endpoint_screens import client_variables, endpoint_row, load_row, pod_row, screen, shell_exports
from tests.hooks.cli.standin_cluster import MODEL, READY, StandInCluster, condition, pod, stored

FULL = {
    **READY,
    "phase": "Degraded",
    "message": "one replica is lost",
    "conditions": [
        condition("Ready", "False", "NodeLost", "one replica is lost"),
        condition("UpToDate", "False", "BetterRecipeAvailable", "two is better"),
    ],
    "selectedRecipe": {"name": "one", "backend": "vllm", "precision": "bf16", "gpuCount": 2, "hardware": "MI300X"},
    "replicas": {"desired": 2, "ready": 1},
    "selection": {"decidedFor": "x", "message": "one is the only candidate", "considered": 1},
    "cache": {"name": "models", "claimName": "models-storage", "mountPath": "/m", "accessMode": "ReadWriteOnce"},
    "metrics": {"throughput": 1.5, "requestsRunning": 3, "message": "GPU metrics are not scraped"},
    "endpoints": {"internal": "http://it.team.svc:8000/v1", "external": "https://chat.example.com/v1"},
    "warnings": ["something has no effect"],
}
EVENTS = [
    {"lastTimestamp": f"2026-01-01T00:00:0{n}Z", "reason": "Selected", "message": f"number {n}"} for n in range(7)
]
TRACEBACK = """INFO starting
(EngineCore pid=1) ERROR Traceback (most recent call last):
(EngineCore pid=1) ERROR   File "/x.py", line 1, in y
(EngineCore pid=1) ERROR torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB.
INFO ends
"""


def test_a_screen_has_everything_that_is_known_of_an_endpoint(aim_on):
    pods = [
        pod("it-a", containerStatuses=[{"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
        pod("it-b", ready="False", phase="Pending"),
    ]
    standin = StandInCluster(stored(status=FULL, scaling={"maxReplicas": 4}), pods=pods, events=EVENTS)
    done = aim_on(standin, "status", "it")
    assert done.stdout == (
        "endpoint  team/it\n"
        "phase     Degraded: one replica is lost\n"
        "to do     repair or remove the node; its pods are created elsewhere after Kubernetes evicts them\n"
        "look at   kubectl get nodes\n"
        "model     example/model\n"
        "runs      one, 2 MI300X, vllm\n"
        "because   one is the only candidate\n"
        "replicas  1 of 2 ready\n"
        "scaling   1 to 4 replicas\n"
        "cache     models\n"
        "figures   1.5 requests/s, 3 running; GPU metrics are not scraped\n"
        "address   https://chat.example.com/v1\n"
        "UpToDate  BetterRecipeAvailable: two is better\n"
        "warning   something has no effect\n"
        "\n"
        "POD   NODE    READY  RESTARTS  STATE\n"
        "it-a  node-1  yes    2         waiting CrashLoopBackOff\n"
        "it-b  node-1  no     0         Pending\n"
        "\n"
        "LAST SEEN             EVENT     MESSAGE\n"
        + "".join(f"2026-01-01T00:00:0{n}Z  Selected  number {n}\n" for n in range(2, 7))
    )


def test_a_screen_of_what_the_operator_has_not_seen(aim_on):
    done = aim_on(StandInCluster(stored(status={})), "status", "it")
    assert done.stdout == ("endpoint  team/it\nphase     Pending: the operator has not looked at this change yet\n")


def test_all_endpoints_are_listed(aim_on):
    done = aim_on(StandInCluster(stored("a"), stored("b", status=FULL), stored("c", status={})), "status")
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "NAME MODEL HARDWARE GPUS READY PHASE MESSAGE",
        "a example/model - - 1/1 Ready -",
        "b example/model MI300X 2 1/2 Degraded one replica is lost",
        "c - - - - Pending the operator has not looked at this change yet",
    ]
    none = aim_on(StandInCluster(), "status")
    assert none.stderr == "namespace team has no AIMEndpoint; `aim run MODEL` makes one\n"


def test_for_programs_they_are_objects(aim_on):
    standin = StandInCluster(stored())
    assert json.loads(aim_on(standin, "status", "-o", "json").stdout)["items"] == [stored()]
    assert yaml.safe_load(aim_on(standin, "status", "it", "-o", "yaml").stdout) == stored()


def test_a_table_is_of_the_endpoints_that_were_compared(aim_on, monkeypatch):
    standin, asked = StandInCluster(stored()), []
    monkeypatch.setattr(standin, "endpoints", lambda: asked.append(1) or [stored()])
    assert aim_on(standin, "status").stdout.splitlines()[1].startswith("it ")
    assert asked == [1]


def test_a_watch_shows_what_changed(aim_on, monkeypatch):
    standin = StandInCluster(stored(status={}))
    looks = []

    def pause(_):
        looks.append(1)
        if len(looks) == 2:
            standin.found["it"] = stored()
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(clock, "pause", pause)
    done = aim_on(standin, "status", "it", "--watch")
    assert done.stdout.count("endpoint  team/it") == 2
    assert done.stdout.count("\n\nendpoint") == 1


def test_load_is_a_row_per_endpoint(aim_on):
    standin = StandInCluster(stored(status=FULL), stored("b"))
    done = aim_on(standin, "top")
    assert done.stdout.splitlines()[1].split() == ["it", "1.5", "-", "3", "-", "-", "-", "-"]
    assert done.stderr == "it: GPU metrics are not scraped\n"
    listed = json.loads(aim_on(standin, "top", "-o", "json").stdout)["items"]
    assert listed[0] == {"name": "it", "metrics": FULL["metrics"]}
    assert yaml.safe_load(aim_on(standin, "top", "-o", "yaml").stdout)["items"] == listed
    assert load_row(stored("b"))[1:] == (None,) * 7


def test_where_nothing_measures_the_load_is_told_why_and_where_there_is_nothing_too(aim_on):
    done = aim_on(StandInCluster(stored()), "top")
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.startswith("no endpoint has live metrics: they take spec.monitoring.enabled")
    empty = aim_on(StandInCluster(), "top")
    assert (empty.stdout, empty.stderr) == ("", "namespace team has no AIMEndpoint; `aim run MODEL` makes one\n")
    assert json.loads(aim_on(StandInCluster(), "top", "-o", "json").stdout)["items"] == []


def test_a_log_has_its_first_cause_marked(aim_on):
    pods = [pod("it-new"), pod("it-old", ready="False")]
    standin = StandInCluster(stored(), pods=pods, log=TRACEBACK)
    done = aim_on(standin, "logs", "it", "--previous", "--tail", "9")
    marked = [line for line in done.stdout.splitlines() if line.startswith(">>> ")]
    assert marked == [
        ">>> (EngineCore pid=1) ERROR torch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB."
    ]
    assert standin.opened == [("it-old", 9, True)]
    first, last = done.stderr.splitlines()
    assert first == "it-old, one of 2 replicas, the one that is furthest behind"
    assert last.startswith("first cause: ")
    assert last.endswith("(OutOfGPUMemory)")


def test_a_log_without_a_cause_and_an_endpoint_without_pods(aim_on):
    done = aim_on(StandInCluster(stored(), pods=[pod()], log="fine\n"), "logs", "it")
    assert (done.stdout, done.stderr) == ("fine\n", "it-1\n")
    none = aim_on(StandInCluster(stored()), "logs", "it")
    assert none.exit_code == 1
    assert "it has no pods: `aim status it` shows why" in none.stderr
    absent = aim_on(StandInCluster(stored()), "logs", "itt")
    assert (absent.exit_code, absent.stderr) == (1, "Error: namespace team has no AIMEndpoint itt; did you mean it?\n")


def test_an_unknown_error_is_marked_once():
    lines = [*marked_lines("a\nValueError: x\nValueError: x\n", Diagnosis("", "ValueError: x"))]
    assert [line for line, _ in lines] == ["a", ">>> ValueError: x", "ValueError: x"]


def test_the_address_is_that_from_outside_where_there_is_one(aim_on):
    assert aim_on(StandInCluster(stored(status=FULL)), "url", "it").stdout == "https://chat.example.com/v1\n"
    done = aim_on(StandInCluster(stored()), "url", "it", "--openai")
    assert done.stdout == (
        f"export OPENAI_BASE_URL=http://it.team.svc:8000/v1\nexport OPENAI_API_KEY=none\nexport OPENAI_MODEL={MODEL}\n"
    )
    none = aim_on(StandInCluster(stored(status={})), "url", "it")
    assert none.exit_code == 1
    assert "it has no address yet: Pending: the operator has not looked" in none.stderr


def test_load_is_watched_until_somebody_ends_it(aim_on, monkeypatch):
    standin, looks = StandInCluster(stored()), []

    def pause(_):
        looks.append(1)
        if len(looks) == 2:
            standin.found["it"] = stored(status=FULL)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(clock, "pause", pause)
    done = aim_on(standin, "top", "--watch")
    assert done.stdout.count("NAME") == 2
    assert done.stdout.splitlines()[2] == ""


def test_the_last_versions_are_on_the_screen_and_it_fits_a_terminal():
    since = "2026-11-23T09:00:00Z"
    versions = [{"number": n, "id": f"v{n}", "since": since, "why": "the spec was changed"} for n in range(1, 6)]
    conditions = [condition("RecipeSelected", "False", "Odd", "a long message about it " * 8)]
    status = {**FULL, "history": versions, "conditions": conditions}
    text = screen(stored(status=status), [pod()], EVENTS, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert [line.split()[0] for line in text.splitlines() if "Serving" in line] == ["3", "4", "5"]
    assert "RecipeSelected Odd: a long message" in text
    wide = screen(stored(status=status), [pod()], EVENTS)
    assert max(map(len, wide.splitlines())) > 100


def test_variables_are_quoted_for_a_shell():
    hostile = stored(status={**READY, "endpoints": {"external": "http://x/$(id)/v1"}})
    assert "export OPENAI_BASE_URL='http://x/$(id)/v1'\n" in shell_exports(client_variables(hostile))


@pytest.mark.parametrize(
    ("loaded", "shown"),
    [
        ({"source": "mlflow://chat@champion", "resolved": "3"}, "mlflow://chat@champion (3)"),
        ({"source": "s3://models/chat"}, "s3://models/chat"),
    ],
)
def test_a_screen_has_which_version_of_a_source_is_loaded(loaded, shown):
    assert f"source    {shown}\n" in screen(stored(status={**FULL, "source": loaded}), (), ())


def test_a_screen_has_each_adapter_and_where_it_is():
    at = {"repository": "acme/qwen3-sql", "revision": "v2", "cache": "models", "state": "Ready"}
    adapters = [{"name": "sql", **at}, {"name": "chat", **at, "revision": "main", "state": "Waiting"}]
    shown = screen(stored(status={**FULL, "adapters": adapters}), (), ())
    assert "adapter   sql: acme/qwen3-sql@v2 in cache models, Ready\n" in shown
    assert "adapter   chat: acme/qwen3-sql@main in cache models, Waiting\n" in shown


def test_rows_of_what_has_no_status():
    assert endpoint_row(stored(status=None))[-2] == "Pending"
    assert pod_row({"metadata": {"name": "x"}}) == ("x", None, "no", 0, "")
    unscheduled = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}
    row = pod_row({"metadata": {"name": "x"}, "status": {"phase": "Pending", **unscheduled}})
    assert row[-1] == "Pending Unschedulable"


def test_a_screen_has_the_version_that_is_tried_and_how_far_it_is(aim_on):
    tried = {"id": "x1", "phase": "Progressing", "began": "a", "since": "a", "checkedAt": "a", "stableTrack": "a"}
    tried |= {"step": 1, "weight": 10, "reason": "Inconclusive", "message": "12 of 50 requests within 5 minutes"}
    conditions = [
        condition("Ready", "True", "Ready"),
        condition("CanaryHealthy", "Unknown", "Inconclusive", tried["message"]),
    ]
    for phase, shown in (("Progressing", True), ("Promoted", False)):
        status = {**READY, "conditions": conditions, "canary": {**tried, "phase": phase}}
        lines = aim_on(StandInCluster(stored(status=status)), "status", "it").stdout.splitlines()
        line = "canary    Progressing, 10 % of the requests: Inconclusive: 12 of 50 requests within 5 minutes"
        assert (line in lines) is shown
        assert any(one.startswith("CanaryHealthy") for one in lines) is not shown
