"""The pods of caches' Jobs, run as processes: what is made of a container, and what becomes of its Job."""

import json
import os
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cluster import audit
from tests.cluster.containers import Image, WaitingError, launch, placed, termination_message
from tests.cluster.plane import ROOT

CLAIMS = {"models": {"status": {"phase": "Bound"}, "spec": {"volumeName": "pv-1"}}, "unbound": {"status": {}}}
SECRETS = {"token": {"data": {"token": "hf_x"}}}


def read(kind, name):
    return {"secret": SECRETS, "persistentvolumeclaim": CLAIMS}[kind].get(name)


def pod(command=("aim", "cache"), args=(), env=(), mounts=(), volumes=(), **more):
    container = {"name": "c", "image": "i", "command": list(command), "args": list(args), "env": list(env)}
    container["volumeMounts"] = [{"name": name, "mountPath": path} for name, path in mounts]
    spec = {"containers": [container], "restartPolicy": "Never", "volumes": list(volumes), **more}
    return {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec}


def claimed(name):
    return {"name": "v", "persistentVolumeClaim": {"claimName": name}}


def launched(tmp_path, *arguments, **keywords):
    return launch(pod(*arguments, **keywords), tmp_path / "pod", tmp_path / "volumes", read)


def secret(name, key, **more):
    return {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": key, **more}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/cache", "/1"),
        ("/cache/", "/1/"),
        ("/cache/hub", "/1/hub"),
        ("--root=/cache/hub", "--root=/1/hub"),
        ("/cache:/cache/x", "/1:/1/x"),
        ("/cache/tmp/x", "/2/x"),
        ("/cache-2", "/cache-2"),
        ("/cache.d/x", "/cache.d/x"),
        ("/my/cache", "/my/cache"),
        ("/work", "/work/3"),
        ("a/work/b", "a/work/b"),
        ("none", "none"),
    ],
)
def test_paths_are_exchanged_whole_and_once(text, expected):
    assert placed(text, {"/cache": "/1", "/cache/tmp": "/2", "/work": "/work/3"}) == expected


def test_a_container_becomes_a_process_with_its_folders_and_its_variables_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    made = launched(
        tmp_path,
        command=["aim", "cache", "download"],
        args=["/cache", "--model", "org/name"],
        env=[
            {"name": "HF_HUB_CACHE", "value": "/cache/hub"},
            {"name": "AIM_TERMINATION_LOG", "value": "/dev/termination-log"},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "EMPTY"},
            {"name": "NO_PROXY", "value": "$(POD_NAMESPACE).example,$(KUBERNETES_SERVICE_HOST),$(LATER)"},
            {"name": "LATER", "value": "x"},
            secret("token", "token"),
        ],
        volumes=[claimed("models"), {"name": "tmp", "emptyDir": {}}],
        mounts=[("v", "/cache"), ("tmp", "/scratch")],
    )
    root = tmp_path / "volumes" / "pv-1"
    assert made.command == (
        sys.executable,
        "-m",
        "hooks.cli.main",
        "cache",
        "download",
        str(root),
        "--model",
        "org/name",
    )
    assert made.environment == {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "HF_HUB_CACHE": f"{root}/hub",
        "AIM_TERMINATION_LOG": str(tmp_path / "pod" / "termination-log"),
        "POD_NAMESPACE": "n",
        "EMPTY": "",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "NO_PROXY": "n.example,127.0.0.1,$(LATER)",
        "LATER": "x",
        "HF_TOKEN": "hf_x",
    }
    assert root.is_dir()
    assert [path.name for path in (tmp_path / "pod" / "volumes").iterdir()] == ["tmp"]


def test_an_optional_secret_that_is_not_there_sets_nothing(tmp_path):
    assert "HF_TOKEN" not in launched(tmp_path, env=[secret("absent", "token", optional=True)]).environment


@pytest.mark.parametrize(
    ("keywords", "reason", "message"),
    [
        ({"env": [secret("absent", "t")]}, "CreateContainerConfigError", 'secret "absent" not found'),
        ({"env": [secret("token", "t")]}, "CreateContainerConfigError", "couldn't find key t in Secret n/token"),
        (
            {"env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]},
            "CreateContainerConfigError",
            "X comes from .*, which is not known here",
        ),
        ({"volumes": [claimed("unbound")]}, "ContainerCreating", "persistentvolumeclaim unbound is not bound"),
        ({"volumes": [claimed("absent")]}, "ContainerCreating", "persistentvolumeclaim absent is not bound"),
        (
            {"volumes": [{"name": "v", "nfs": {}}], "mounts": [("v", "/cache")]},
            "CreateContainerConfigError",
            "volume v is of a kind that is not made here",
        ),
        ({"command": ["sh"]}, "RunContainerError", r"asked to run \['sh'\], found that only aim, python can be run"),
        ({"initContainers": [{}]}, "CreateContainerError", "only pods with one container and restartPolicy Never"),
        ({"restartPolicy": "Always"}, "CreateContainerError", "only pods with one container and restartPolicy Never"),
    ],
)
def test_a_missing_or_unknown_source_keeps_the_container_waiting(tmp_path, keywords, reason, message):
    with pytest.raises(WaitingError, match=message) as raised:
        launched(tmp_path, **keywords)
    assert raised.value.reason == reason


FALLBACK = {"terminationMessagePolicy": "FallbackToLogsOnError"}
LONG = b"".join(b"line %d\n" % number for number in range(1000))


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        (b"one\ntwo\n", "one\ntwo\n"),
        (LONG, LONG[LONG.index(b"line 920\n") :].decode()),
        (LONG + b"x" * 3000, "x" * 2048),
        (b"", None),
    ],
)
def test_the_end_of_the_log_is_what_a_kubelet_keeps_of_a_container_that_failed_and_wrote_no_message(
    tmp_path, log, kept
):
    file = tmp_path / "termination-log"
    assert termination_message(FALLBACK, file, log, failed=True) == kept
    assert termination_message(FALLBACK, file, log, failed=False) is None
    assert termination_message({}, file, log, failed=True) is None
    file.write_bytes(b"y" * 5000)
    assert termination_message(FALLBACK, file, log, failed=True) == "y" * 4096


def test_an_image_brings_programs_and_names_of_its_own(tmp_path):
    image = Image({"vllm": ("/opt/vllm",)}, {"HOME": "/home"}, {"0.0.0.0": "10.244.0.9"}, "Always")  # noqa: S104
    found = pod(["vllm", "serve"], ["--host", "0.0.0.0", "--port=8000"], restartPolicy="Always")  # noqa: S104
    made = launch(found, tmp_path / "pod", tmp_path / "volumes", read, image)
    assert made.command == ("/opt/vllm", "serve", "--host", "10.244.0.9", "--port=8000")
    assert made.environment == {"HOME": "/home", "KUBERNETES_SERVICE_HOST": "127.0.0.1"}


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: %(name)s}
spec:
  backoffLimit: 3
  podFailurePolicy:
    rules:
    - action: FailJob
      onExitCodes: {operator: In, values: [42]}
  template:
    metadata: {labels: {app.kubernetes.io/name: aim-cache, app.kubernetes.io/component: download}}
    spec:
      restartPolicy: Never
      serviceAccountName: default
      terminationGracePeriodSeconds: 20
      containers:
      - name: c
        image: example/downloader:v1
        command: [python, -c]
        args: [%(script)s]
        env:
        - {name: CACHE, value: /cache}
        - {name: AIM_TERMINATION_LOG, value: /dev/termination-log}
        - {name: WORD, valueFrom: {secretKeyRef: {name: %(secret)s, key: word, optional: %(optional)s}}}
        volumeMounts: [{name: cache, mountPath: /cache}]
      volumes: [{name: cache, persistentVolumeClaim: {claimName: %(name)s}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %(name)s}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"""


@pytest.fixture
def started(plane):
    """Start a Job with a script by a name; removed afterwards."""
    names = []

    def start(name, script, needed="absent", *, optional=True):
        names.append(name)
        text = json.dumps(textwrap.dedent(script))
        values = {"name": name, "script": text, "secret": needed, "optional": json.dumps(optional)}
        plane.kubectl("apply", "--filename=-", input=JOB % values)

    yield start
    for name in names:
        plane.kubectl("delete", f"job/{name}", f"pvc/{name}")


def pods_of(plane, name):
    found = plane.get("pods", f"--selector=job-name={name}", "--sort-by=.metadata.creationTimestamp")
    return found["items"]


def state(found):
    [container] = found["status"]["containerStatuses"]
    return container["state"]


def folder(plane, name):
    return plane.folder / "volumes" / plane.get("pvc", name)["spec"]["volumeName"]


@pytest.mark.e2e
def test_a_job_completes_with_its_files_on_its_volume_and_its_message_in_its_status(plane, started):
    script = """
        import os, pathlib
        usual = {"PATH", "PYTHONPATH", "LC_CTYPE"}  # the last one is Python's own
        pathlib.Path(os.environ["CACHE"], "made").write_text(" ".join(sorted(os.environ.keys() - usual)))
        pathlib.Path("/dev/termination-log").write_text("all is there")
    """
    started("completing", script)
    plane.kubectl("wait", "--for=condition=Complete", "job/completing", "--timeout=30s")
    [pod] = pods_of(plane, "completing")
    assert pod["spec"]["nodeName"]
    assert pod["status"]["phase"] == "Succeeded"
    ended = state(pod)["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (0, "Completed", "all is there")
    assert (
        folder(plane, "completing") / "made"
    ).read_text() == "AIM_TERMINATION_LOG CACHE KUBECONFIG KUBERNETES_SERVICE_HOST"


@pytest.mark.e2e
def test_the_job_controller_retries_no_exit_code_that_is_final(plane, started):
    started("final", "import sys; sys.exit(42)")
    plane.kubectl("wait", "--for=condition=Failed", "job/final", "--timeout=30s")
    [pod] = pods_of(plane, "final")
    assert state(pod)["terminated"]["exitCode"] == 42
    [failed] = [one for one in plane.get("job", "final")["status"]["conditions"] if one["type"] == "Failed"]
    assert "failed with exit code 42" in failed["message"]


@pytest.mark.e2e
def test_a_deleted_pod_is_terminated_and_another_one_continues(plane, started):
    script = """
        import os, pathlib, signal, subprocess, sys, time
        def asked(*_):
            pathlib.Path(os.environ["CACHE"], "asked").touch()
            sys.exit(76)
        signal.signal(signal.SIGTERM, asked)
        running = pathlib.Path(os.environ["CACHE"], "running")
        if running.exists():
            sys.exit(0)
        child = subprocess.Popen(["sleep", "600"])
        running.write_text(str(child.pid))
        time.sleep(600)
    """
    started("deleted", script)
    plane.wait_for("it to run", lambda: [p["status"]["phase"] for p in pods_of(plane, "deleted")] == ["Running"], 30)
    [pod] = pods_of(plane, "deleted")
    running = folder(plane, "deleted") / "running"
    plane.wait_for("its child", lambda: running.exists() and running.read_text(), 30)
    child = int(running.read_text())
    plane.kubectl("delete", "pod", pod["metadata"]["name"])
    plane.kubectl("wait", "--for=condition=Complete", "job/deleted", "--timeout=60s")
    assert (folder(plane, "deleted") / "asked").exists()
    assert not alive(child)
    assert pod["metadata"]["uid"] not in [other["metadata"]["uid"] for other in pods_of(plane, "deleted")]


def alive(number):
    """Whether a process runs; one that has ended, but that init has not yet collected, does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.e2e
@pytest.mark.parametrize("how", [["--grace-period=1"], ["--grace-period=0", "--force"]])
def test_one_that_does_not_listen_is_killed_when_its_time_is_over(plane, started, how):
    script = """
        import os, pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path(os.environ["CACHE"], str(os.getpid())).touch()
        time.sleep(600)
    """
    name = f"deaf-{len(how)}"
    started(name, script)
    plane.wait_for("its volume", lambda: plane.get("pvc", name)["spec"].get("volumeName"), 30)
    plane.wait_for("it to run", lambda: folder(plane, name).exists() and any(folder(plane, name).iterdir()), 30)
    [first] = [int(path.name) for path in folder(plane, name).iterdir()]
    plane.kubectl("delete", "pod", pods_of(plane, name)[0]["metadata"]["name"], *how)
    plane.wait_for("it to end", lambda: not alive(first), 15)


@pytest.mark.e2e
def test_a_missing_secret_keeps_a_pod_waiting_with_a_message(plane, started):
    before = audit.position(plane)
    started("waiting", "import os, sys; sys.exit(os.environ['WORD'] != 'open')", "sesame", optional=False)

    def waits():
        return [state(pod).get("waiting") for pod in pods_of(plane, "waiting") if "containerStatuses" in pod["status"]]

    wanted = [{"reason": "CreateContainerConfigError", "message": 'secret "sesame" not found'}]
    plane.wait_for("it to wait", lambda: waits() == wanted, 30)
    plane.kubectl("create", "secret", "generic", "sesame", "--from-literal=word=open")
    plane.kubectl("wait", "--for=condition=Complete", "job/waiting", "--timeout=30s")
    readers = {one.user for one in audit.reads_of_secrets(plane, since=before) if one.name == "sesame"}
    plane.kubectl("delete", "secret", "sesame")
    assert readers == {"kubelet"}


@pytest.mark.e2e
def test_a_pod_has_the_rights_of_its_own_account(plane, started):
    script = """
        import pathlib
        from kubernetes import client, config
        config.load_kube_config()
        try:
            client.CoreV1Api().list_namespaced_pod("default")
        except client.ApiException as error:
            pathlib.Path("/dev/termination-log").write_text(error.body)
    """
    started("account", script)
    plane.kubectl("wait", "--for=condition=Complete", "job/account", "--timeout=60s")
    [pod] = pods_of(plane, "account")
    assert "system:serviceaccount:default:default" in state(pod)["terminated"]["message"]
