"""The commands that change endpoints of a cluster and wait for them: what they show, send, and end with."""

import pytest
import yaml

from aimlib.naming import endpoint_name
from hooks.cli import clock, cluster
from hooks.cli.endpoint_progress import change_of, patched
from tests.hooks.cli.standin_cluster import MODEL, READY, RESOLVED, Engine, StandInCluster, condition, pod, stored

FAILED = {"phase": "Failed", "message": "it ran out", "conditions": [condition("Ready", "False", "OutOfGPUMemory")]}
LOADING = {"phase": "Reconciling", "message": "loading", "conditions": [condition("Ready", "False", "Progressing")]}
STOPPED = {"phase": "Stopped", "conditions": [condition("Ready", "False", "Stopped")]}
NOTHING = {
    "phase": "Pending",
    "message": "none fits",
    "conditions": [condition("Ready", "False", "NothingFits"), condition("RecipeSelected", "False", "NothingFits")],
}


@pytest.fixture
def on(aim_on, monkeypatch):
    """`aim` on a stand-in cluster, with a clock that a pause moves."""
    moved = [0.0]
    monkeypatch.setattr(clock, "seconds", lambda: moved[0])
    monkeypatch.setattr(clock, "pause", lambda length: moved.append(moved.pop() + length))
    return aim_on


def test_run_shows_what_is_selected_creates_waits_and_opens_a_chat(on):
    with Engine() as engine:
        standin = StandInCluster(becomes=[{}, LOADING, READY], pods=[pod()], server=engine)
        done = on(standin, "run", MODEL, "--gpus", "1", "--hardware", "MI300X", "--goal", "latency", input="Hi\n")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("one with 1 GPU: the only configuration\n>>> Hello\n")
    [created] = standin.created
    assert created["metadata"] == {"name": "model"}
    assert created["spec"] == {
        "modelId": MODEL,
        "gpuCount": 1,
        "recipe": {"hardware": ["MI300X"], "goal": "latency"},
    }
    assert done.stderr.splitlines()[:4] == [
        "AIMEndpoint model created; `aim stop model` frees its GPUs",
        "00:00 Pending: the operator has not looked at this change yet",
        "00:02 Reconciling: loading",
        "00:04 Ready",
    ]


@pytest.mark.parametrize(("status", "code"), [(FAILED, 4), (NOTHING, 3)])
def test_run_ends_with_the_code_of_what_went_wrong(on, status, code):
    done = on(StandInCluster(becomes=[status]), "run", MODEL)
    assert done.exit_code == code
    assert status["message"] in done.stderr


def test_run_detached_does_not_wait(on):
    done = on(StandInCluster(), "run", MODEL, "--detach", "--name", "mine")
    assert done.exit_code == 0
    waits = "`aim wait mine` waits for it, and `aim stop mine` frees its GPUs"
    assert done.stderr == f"AIMEndpoint mine created; {waits}\n"


def test_what_nothing_fits_is_not_created(on):
    standin = StandInCluster()
    done = on(standin, "run", MODEL, "--gpus", "3")
    assert done.exit_code == 3
    assert "requested 3 GPUs" in done.stdout
    assert standin.created == []


def test_a_dry_run_prints_an_endpoint_and_creates_nothing(on):
    standin = StandInCluster()
    done = on(standin, "run", MODEL, "--dry-run", "--precision", "bf16")
    _, _, document = done.stdout.partition("---\n")
    assert yaml.safe_load(document)["spec"] == {"modelId": MODEL, "precision": "bf16"}
    assert standin.created == []


def test_without_the_right_to_read_the_catalogue_it_is_created_all_the_same(on):
    standin = StandInCluster(refuses={"aimrecipes"})
    done = on(standin, "run", MODEL, "--detach")
    assert done.exit_code == 0
    assert "what will be selected is not known here: aimrecipes is forbidden" in done.stderr
    assert standin.created


def test_another_error_of_the_explanation_ends_it(on, monkeypatch):
    from hooks.cli import endpoint_commands  # noqa: PLC0415 - as the program does
    from hooks.cli.errors import CommandError  # noqa: PLC0415

    def refuse(*_):
        raise CommandError("the settings are invalid")

    monkeypatch.setattr(endpoint_commands, "explain_in", refuse)
    assert on(StandInCluster(), "run", MODEL).exit_code == 2


def test_what_is_there_already_is_used_and_what_requests_something_else_is_not(on):
    there = stored("model", cache={"enabled": False})
    standin = StandInCluster(there)
    done = on(standin, "run", MODEL, "--detach")
    assert done.exit_code == 0
    assert "AIMEndpoint model is there already" in done.stderr
    refused = on(standin, "run", MODEL, "--gpus", "1")
    assert refused.exit_code == 2
    assert "requests something else: choose another --name, or `aim switch model`" in refused.stderr
    assert standin.created == []


@pytest.mark.parametrize(
    "words", [("run", "a b"), ("run", MODEL, "--precision", "bf99"), ("run", MODEL, "--name", "A_b")]
)
def test_what_the_api_server_would_refuse_is_refused_first(on, words):
    done = on(StandInCluster(), *words)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Qwen/Qwen3-32B", "qwen3-32b"),
        ("a/3B_x.", "model-3b-x"),
        ("a/" + "b" * 60, "b" * 40),
        ("a/...", "model"),
    ],
)
def test_an_endpoint_is_named_for_its_model(model, name):
    assert endpoint_name(model) == name


def test_switch_shows_what_it_means_and_waits(on):
    standin = StandInCluster(stored("it"), becomes=[READY])
    done = on(standin, "switch", "it", "--gpus", "1")
    assert done.exit_code == 0, done.output
    assert standin.patches == [{"spec": {"gpuCount": 1}}]
    text = " ".join(done.stdout.split())
    assert "it: one with 1 GPU instead of one with 2 GPUs; its replicas are replaced; it does not serve until" in text


def test_switch_with_a_canary_names_what_shows_it(on):
    canary = {"deployment": {"canary": {"enabled": True}}}
    done = on(StandInCluster(stored(**canary)), "switch", "it", MODEL, "--detach")
    assert "it is tried as a canary first, which `aim canary it` shows" in " ".join(done.stdout.split())
    done = on(StandInCluster(stored(replicas=0, **canary)), "switch", "it", MODEL, "--detach")
    assert "canary" not in done.stdout


def test_switch_of_several_replicas_has_no_gap_to_report(on):
    done = on(StandInCluster(stored(replicas=2)), "switch", "it", MODEL, "--detach")
    assert "its replicas are replaced" in done.stdout
    assert "does not serve" not in done.stdout


def test_switch_to_what_is_the_same_reports_that_it_is_kept(on):
    standin = StandInCluster(stored())
    resolved = on(standin, "explain", "it", "--fresh", "-o", "json")
    assert resolved.exit_code == 0
    from hooks.cli.commands import explain_in  # noqa: PLC0415

    same = explain_in(standin, stored()).status.resolved.wire()
    standin = StandInCluster(stored(status={**READY, "resolved": same}))
    done = on(standin, "switch", "it", MODEL, "--dry-run")
    assert "it keeps one" in done.stdout
    assert done.stderr == "nothing was changed (--dry-run)\n"
    assert standin.patches == []


def test_switch_to_what_does_not_fit_changes_nothing(on):
    standin = StandInCluster(stored())
    assert on(standin, "switch", "it", "--gpus", "3").exit_code == 3
    assert standin.patches == []


def test_switch_needs_to_know_what_to_change(on):
    done = on(StandInCluster(stored()), "switch", "it")
    assert done.exit_code == 2
    assert "name a MODEL, or what to change" in done.stderr


def test_switch_of_an_endpoint_that_selected_nothing_yet(on):
    done = on(StandInCluster(stored(status={}), refuses={"aimmodels"}), "switch", "it", "--goal", "cost", "--detach")
    assert done.exit_code == 0


def test_a_change_removes_other_spellings_and_what_was_of_the_model_before():
    spec = {
        "model": {"id": "a/b", "revision": "v1", "tokenSecret": {"name": "mine"}},
        "recipe": {"gpuCount": 2, "customRecipe": {"name": "x"}, "goal": "cost"},
        "resources": {"gpuCount": 2, "cpu": "4"},
    }
    change = change_of({"spec": spec}, {"modelId": "c/d", "gpuCount": 4, "recipe": {"goal": "latency"}})
    assert patched(spec, change["spec"]) == {
        "modelId": "c/d",
        "gpuCount": 4,
        "model": {"tokenSecret": {"name": "mine"}},
        "recipe": {"goal": "latency"},
        "resources": {"cpu": "4"},
    }


def test_another_model_is_not_looked_for_where_the_one_before_was():
    spec = {"model": {"id": "a/b", "source": "s3://models/b", "access": {"secret": "keys"}}, "cache": {"size": "9Gi"}}
    change = change_of({"spec": spec}, {"modelId": "c/d"})
    assert patched(spec, change["spec"]) == {"modelId": "c/d", "model": {}, "cache": {"size": "9Gi"}}


def test_scale_reports_what_it_means_in_gpus_and_waits(on):
    standin = StandInCluster(stored(scaling={"maxReplicas": 4}), becomes=[LOADING, LOADING, READY])
    done = on(standin, "scale", "it", "3")
    assert done.exit_code == 0
    assert " ".join(done.stdout.split()) == (
        "it: 3 instead of 1 replicas of one, which has 2 MI300X each: 6 GPUs instead of 2; "
        "an autoscaler then chooses between 1 and 4"
    )
    assert standin.patches == [{"spec": {"replicas": 3}}]
    assert done.stderr.splitlines() == ["00:00 Reconciling: loading", "00:04 Ready"]


def test_stop_and_start(on):
    standin = StandInCluster(stored(), becomes=[STOPPED])
    done = on(standin, "stop", "it")
    assert done.exit_code == 0
    assert "it serves no more until it is started" in done.stdout
    assert done.stderr == "00:00 Stopped\n"
    stopped = stored(replicas=0, scaling={"minReplicas": 2, "maxReplicas": 3}, status=STOPPED)
    standin = StandInCluster(stopped)
    assert on(standin, "start", "it").exit_code == 0
    assert standin.patches == [{"spec": {"replicas": 2}}]
    again = on(StandInCluster(stored()), "start", "it")
    assert again.stderr == "it is not stopped: it has 1 replica\n"


def test_where_zero_is_the_autoscalers_own_an_endpoint_is_stopped_by_suspend(on):
    scaling = {"minReplicas": 0, "maxReplicas": 3}
    standin = StandInCluster(stored(scaling=scaling, status=STOPPED))
    assert on(standin, "stop", "it").exit_code == 0
    assert standin.patches == [{"spec": {"suspend": True}}]
    standin = StandInCluster(stored(scaling=scaling, suspend=True, replicas=0, status=STOPPED))
    assert on(standin, "start", "it").exit_code == 0
    assert standin.patches == [{"spec": {"replicas": 1, "suspend": False}}]


def test_a_wait_ends_when_its_time_is_over(on):
    standin = StandInCluster(stored(status=LOADING))
    done = on(standin, "wait", "it", "--timeout", "5s")
    assert done.exit_code == 124
    assert done.stderr.splitlines()[-1] == "it is not ready after 5 seconds; it goes on, and `aim wait it` waits again"


def test_a_wait_that_fails_or_lasts_too_long_tells_what_to_do(on):
    lost = {**LOADING, "phase": "Failed", "message": "m", "conditions": [condition("Ready", "False", "NodeLost", "m")]}
    done = on(StandInCluster(stored(status=lost)), "wait", "it")
    assert done.exit_code == 4
    assert done.stderr.splitlines() == [
        "00:00 Failed: m",
        "to do: repair or remove the node; its pods are created elsewhere after Kubernetes evicts them",
        "look at: kubectl get nodes",
    ]
    pending = {**lost, "phase": "Pending"}
    assert (
        "look at: kubectl get nodes\n"
        in on(StandInCluster(stored(status=pending)), "wait", "it", "--timeout", "3s").stderr
    )


def test_a_number_that_is_none_is_told_in_the_words_of_people(on):
    assert "'two' is not a valid whole number" in on(StandInCluster(stored()), "scale", "it", "two").stderr


def test_of_one_gpu_there_is_one(on):
    single = {**READY, "resolved": {**RESOLVED, "gpuCount": 1}}
    done = on(StandInCluster(stored(status=single, replicas=0)), "scale", "it", "1", "--dry-run")
    assert "1 GPU instead of 0" in done.stdout


def test_a_wait_reads_its_time_and_the_name(on):
    assert "is not a duration" in on(StandInCluster(), "wait", "it", "--timeout", "soon").stderr
    done = on(StandInCluster(), "wait", "nobody")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: namespace team has no AIMEndpoint nobody; it has none, and `aim run MODEL`")


def test_names_and_models_are_completed(monkeypatch):
    from hooks.cli import endpoint_group as group  # noqa: PLC0415

    standin = StandInCluster(stored("one"), stored("two"))
    monkeypatch.setattr(cluster, "LiveCluster", lambda *_: standin)
    context = group.wait_command.make_context("wait", ["x"])
    assert [one.value for one in group.complete_names(context, None, "t")] == ["two"]
    assert "Qwen/Qwen3-32B" in [one.value for one in group.complete_models(context, None, "Qwen3-32B")]

    def refuse(*_):
        from hooks.cli.errors import CommandError  # noqa: PLC0415

        raise CommandError("no cluster is configured")

    monkeypatch.setattr(cluster, "LiveCluster", refuse)
    assert group.complete_names(context, None, "") == []
