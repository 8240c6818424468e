"""Why replicas are missing: what the table says of Pods, and what it never says. Each cause has a golden, too."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.diagnosis.pod_failures import PodFailure, pod_failure
from aimlib.kube.queue import QUEUE_GATE
from tests.world import pod

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AGO = "2026-11-23T11:00:00Z"


def after(seconds):
    return (NOW + timedelta(seconds=seconds)).isoformat()


def container(**said):
    return {"ready": False, "started": False, **said}


def waiting(reason, message=None, **said):
    return pod({"container": container(state={"waiting": {"reason": reason, "message": message}}, **said)})


SHIM = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: "
)
HOOK = "error running prestart hook #0: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\n"


def ended(message=None, code=1, **said):
    last = {"exitCode": code, "reason": "Error", "message": message, **said}
    return pod({"container": container(lastState={"terminated": last})})


def unready(container, **said):
    condition = {"status": "False", "lastTransitionTime": AGO, **said}
    return pod({"container": container, "conditions": {"Ready": condition}})


MODEL_IMAGE = f"registry.example/models/chat@sha256:{'a' * 64}"


def mounting(found):
    """The same of a pod that mounts an image as a volume."""
    volumes = [{"name": "dshm", "emptyDir": {}}, {"name": "source", "image": {"reference": MODEL_IMAGE}}]
    return {**found, "spec": {**found["spec"], "volumes": volumes}}


def unscheduled(**said):
    return pod({"conditions": {"PodScheduled": {"status": "False", "lastTransitionTime": AGO, **said}}})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (unscheduled(), PodFailure("Unschedulable", "the scheduler gives no reason")),
        (unscheduled(reason="SchedulingGated"), PodFailure("Unschedulable", "SchedulingGated")),
        (
            {**unscheduled(), "spec": {"schedulingGates": [{"name": QUEUE_GATE}]}},
            PodFailure("Queued", "a pod waits: kubectl describe workloads shows for what"),
        ),
        (
            {**unscheduled(), "spec": {"schedulingGates": [{"name": f"example.com/{name}"} for name in "dcba"]}},
            PodFailure(
                "SchedulingGated",
                "a pod is held back until somebody removes its scheduling gate example.com/a, example.com/b, "
                "example.com/c",
            ),
        ),
        (
            unscheduled(message="pod has unbound immediate PersistentVolumeClaims"),
            PodFailure("ClaimPending", "no pod can start: PersistentVolumeClaim of the pod is not bound to a volume"),
        ),
        (unscheduled(lastTransitionTime=None), None),
        (waiting("ContainerCreating"), None),
        (waiting("ErrImagePull", image=""), PodFailure("ImagePullFailed", "image  cannot be pulled")),
        (
            waiting("ErrImagePull", "rpc error: code = Unknown desc = failed to resolve: 403 Forbidden"),
            PodFailure(
                "ImagePullFailed",
                "image docker.io/vllm/vllm-openai-rocm:v0.33.0 cannot be pulled: failed to resolve: 403 Forbidden",
            ),
        ),
        (
            mounting(waiting("ErrImagePull", f"failed to pull image {MODEL_IMAGE}: 403 Forbidden")),
            PodFailure(
                "ImagePullFailed",
                f"image {MODEL_IMAGE}, which has the model, cannot be pulled: failed to pull image {MODEL_IMAGE}: "
                "403 Forbidden",
            ),
        ),
        (
            mounting(waiting("CreateContainerError", "ImageVolumeMountFailed: not supported")),
            PodFailure(
                "ConfigError",
                "container engine cannot be created: ImageVolumeMountFailed: not supported; the pod mounts image "
                f"{MODEL_IMAGE}, which takes Kubernetes 1.35 and a container runtime that mounts images (containerd "
                "2.1, CRI-O 1.31); leave out model.imageVolume to download it instead",
            ),
        ),
        (
            mounting(waiting("CreateContainerConfigError", "no secret")),
            PodFailure("ConfigError", "container engine cannot be created: no secret"),
        ),
        (
            waiting("RunContainerError"),
            PodFailure("ConfigError", "container engine cannot be created: RunContainerError"),
        ),
        (
            ended("The container could not be located", 137, reason="ContainerStatusUnknown"),
            PodFailure(
                "CrashLoop",
                "container engine ended with exit code 137, which its kubelet did not see, as when the node restarts",
            ),
        ),
        (
            ended(f"{SHIM}{HOOK}nvidia-container-cli: initialization error: nvml error: x", 128, reason="StartError"),
            PodFailure(
                "GPUUnusable",
                "container engine cannot be started: nvidia-container-cli: initialization error: nvml error: x",
            ),
        ),
        (
            ended(f'{SHIM}exec: "vllm": executable file not found in $PATH: unknown', 128, reason="StartError"),
            PodFailure(
                "ConfigError",
                'container engine cannot be started: exec: "vllm": executable file not found in $PATH: unknown',
            ),
        ),
        (
            ended("", 128, reason="ContainerCannotRun"),
            PodFailure("ConfigError", "container engine cannot be started: the runtime gives no reason"),
        ),
        (
            waiting("CreateContainerError", "CDI device injection failed: unresolvable CDI devices amd.com/gpu=3"),
            PodFailure(
                "GPUUnusable",
                "container engine cannot be created: CDI device injection failed: unresolvable CDI devices "
                "amd.com/gpu=3",
            ),
        ),
        (
            ended("", 139),
            PodFailure(
                "CrashLoop", "container engine ended with exit code 139 (segmentation fault); it logged nothing"
            ),
        ),
        (
            unready({"ready": False, "state": {"running": {"startedAt": AGO}}}),
            PodFailure("ProbeFailing", "container engine runs, and its readiness probe keeps failing"),
        ),
        (unready({"ready": False, "state": {}}), None),
        (unready({}, reason="ReadinessGatesNotReady"), None),
        (pod({"status": {"phase": "Failed"}}), None),
        (
            pod({"status": {"phase": "Failed", "reason": "Evicted"}}),
            PodFailure("Evicted", "a pod was evicted from its node: Evicted"),
        ),
        (
            pod({"metadata": {"deletionTimestamp": AGO}, "status": {"reason": "NodeLost"}}),
            PodFailure("NodeLost", "node mi300x-0 has stopped reporting"),
        ),
        (pod({"spec": {"nodeName": None}, "status": {"reason": "NodeLost"}}), None),
        ({"metadata": {"name": "bare"}}, None),
    ],
)
def test_what_a_pod_says(found, expected):
    assert pod_failure([found], NOW) == expected


def test_a_pod_that_is_going_says_nothing_of_its_containers():
    going = waiting("ErrImagePull")
    going["metadata"]["deletionTimestamp"] = AGO
    assert pod_failure([going], NOW) is None


def test_a_container_that_was_started_again_is_not_blamed_for_its_end_before():
    again = pod({"container": {"ready": False, "lastState": {"terminated": {"exitCode": 1}}}})
    assert pod_failure([again], NOW) is None


def test_a_container_before_the_engine_counts_too():
    found = waiting("ContainerCreating")
    found["status"]["initContainerStatuses"] = [
        container(name="proxy", state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
    ]
    found["spec"]["initContainers"] = [{"name": "proxy", "resources": {"limits": {"memory": "64Mi"}}}]
    assert pod_failure([found], NOW) == PodFailure(
        "OutOfMemory", "container proxy was killed at its memory limit of 64Mi"
    )


def test_a_rule_comes_before_a_pod_and_a_younger_pod_before_an_older():
    old, young = ended("old"), ended("young")
    old["metadata"] = {"name": "z", "creationTimestamp": "2026-11-23T10:00:00Z"}
    young["metadata"] = {"name": "a", "creationTimestamp": "2026-11-23T10:00:01Z"}
    assert "young" in pod_failure([old, young], NOW).message
    assert pod_failure([young, unscheduled(message="no room")], NOW) == PodFailure("Unschedulable", "no room")


EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "disk"}


@pytest.mark.parametrize(
    ("created", "evicted", "replaced", "told"),
    [
        (30 * 86400, 3 * 86400, 10, False),  # it stays for as long as nobody deletes it
        (3 * 86400, None, 10, False),  # refused by its node, when it was created
        (30 * 86400, 600, 590, True),  # and it may be evicted once more
        (30 * 86400, 3 * 86400, 31 * 86400, True),  # what is there is older: nothing replaced it
        (30 * 86400, 3 * 86400, None, True),
    ],
)
def test_a_pod_that_failed_and_was_replaced_long_ago_is_no_cause(created, evicted, replaced, told):
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": None if evicted is None else after(-evicted)}
    metadata = {"name": "gone", "creationTimestamp": after(-created)}
    pods = [{"metadata": metadata, "status": {**EVICTED, "conditions": [condition]}}]
    pods += [] if replaced is None else [{"metadata": {"name": "begins", "creationTimestamp": after(-replaced)}}]
    expected = PodFailure("Evicted", "a pod was evicted from its node: disk") if told else None
    assert pod_failure(pods, NOW) == expected


PODS = st.lists(
    st.sampled_from(
        [
            *(waiting("ErrImagePull", "not found"), waiting("CreateContainerConfigError", 'secret "x" not found')),
            *(ended("RuntimeError: no"), ended("HIP out of memory"), ended(code=143), ended(reason="OOMKilled")),
            *(unscheduled(message="0/1 nodes are available: 1 Insufficient cpu."), unready({"ready": False})),
            *(pod({}), pod({"status": EVICTED})),
        ]
    ),
    max_size=5,
)


@given(PODS, st.integers(0, 1000), st.integers(0, 86400))
def test_what_is_said_stays_while_the_trouble_does(pods, restarts, seconds):
    """However often a container is started again, and however long it takes."""
    later = [
        {
            **one,
            "status": {
                **one["status"],
                "containerStatuses": [
                    {**status, "restartCount": restarts} for status in one["status"]["containerStatuses"]
                ],
            },
        }
        for one in pods
    ]
    assert pod_failure(later, NOW + timedelta(seconds=seconds)) == pod_failure(pods, NOW)


@given(PODS, st.randoms(use_true_random=False))
def test_the_order_of_the_pods_makes_no_difference(pods, random):
    named = [{**one, "metadata": {**one["metadata"], "name": f"pod-{count}"}} for count, one in enumerate(pods)]
    said = pod_failure(named, NOW)
    random.shuffle(named)
    assert pod_failure(named, NOW) == said


@given(PODS)
def test_a_cause_is_a_word_and_a_line(pods):
    said = pod_failure(pods, NOW)
    assert said is None or (said.reason.isalnum() and said.reason[0].isupper() and "\n" not in said.message)


@pytest.mark.parametrize(
    ("began", "lost", "asked", "named"),
    [
        (0, 100, 102, False),  # a kubelet that begins anew
        (0, 100, 103, True),
        (0, 0, 19, False),  # it has only just begun
        (0, 0, 20, True),
        (600, 1, 610, True),  # it was long in beginning
        (5, 1, 12, False),
        (None, 0, 19, False),
        (0, None, 1000, False),
    ],
)
def test_a_server_that_was_ready_is_named_at_once_and_one_that_begins_has_time(began, lost, asked, named):
    running = {"startedAt": None if began is None else after(began)}
    state = {"ready": False, "state": {"running": running}}
    found = pod_failure(
        [unready(state, lastTransitionTime=None if lost is None else after(lost))], NOW + timedelta(seconds=asked)
    )
    assert (found is not None and found.reason == "ProbeFailing") == named


def test_a_secret_in_what_others_say_is_not_in_the_cause():
    said = "failed to authorize: https://me:opensesame@registry.example/v2 with password=opensesame"
    for pods in ([waiting("ErrImagePull", said)], [waiting("RunContainerError", said)], [ended(said)]):
        assert "opensesame" not in pod_failure(pods, NOW).message
