"""`aim bug-report`: what the archive has, and that nothing planted as a secret or a prompt is in it."""

import json
import stat
import tarfile

import pytest

from hooks.cli import bug_report, clock
from hooks.cli.errors import CommandError
from tests.hooks.cli.commandline import aim
from tests.hooks.cli.standin_cluster import StandInCluster

PLANTED = [
    "s3cr3t-in-a-variable",
    "hf_abcdefghijklmnopqrstuvwxyz0123",
    "s3cr3t-after-a-flag",
    "s3cr3t-joined-to-a-flag",
    "s3cr3t-in-an-annotation",
    "s3cr3t-as-applied",
    "s3cr3t-token-of-the-controllers",
    "s3cr3t-in-a-url",
    "s3cr3t-in-a-header",
    "s3cr3t-in-the-settings",
    "s3cr3t-in-an-event",
    "s3cr3t-in-a-log",
    "a8Xk29vbQ7mZ01tYp4",
    "0123456789abcdef0123456789abcdef",
    "What is my diagnosis",
    "you are the assistant of ACME",
    "my salary",
    "a line that somebody printed",
    "s3cr3t-in-an-error",
    "s3cr3t-of-a-version",
]
ENDPOINT = {
    "kind": "AIMEndpoint",
    "metadata": {
        "name": "it",
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"x": "s3cr3t-as-applied"}',
            "example.com/note": "s3cr3t-in-an-annotation",
            "aim.engine.amd.com/rollback": "2",
        },
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {
        "modelId": "Qwen/Qwen3-32B",
        "recipe": {"tokenSecret": {"name": "huggingface-token", "key": "token"}},
        "engine": {
            "args": [
                "--max-model-len=8192",
                "--api-key",
                "s3cr3t-after-a-flag",
                "--api-key=s3cr3t-joined-to-a-flag",
                "--chat-template",
                "you are the assistant of ACME " * 20,
            ],
            "env": [
                {"name": "VLLM_ROCM_USE_AITER", "value": "1"},
                {"name": "VLLM_API_KEY", "value": "s3cr3t-in-a-variable"},
                {"name": "MINE", "value": "s3cr3t-in-a-variable"},
                {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "huggingface-token", "key": "token"}}},
                "odd",
            ],
        },
        "password": "s3cr3t-in-a-variable",
    },
    "status": {
        "message": "https://ada:s3cr3t-in-a-url@hub.example.com refused hf_abcdefghijklmnopqrstuvwxyz0123",
        "history": [{"number": 1, "stated": '{"env": "s3cr3t-of-a-version"}'}],
    },
}
POD = {
    "kind": "Pod",
    "metadata": {"name": "it-1", "labels": {"aim.engine.amd.com/endpoint": "it"}},
    "spec": {
        "containers": [
            {
                "name": "engine",
                "command": "odd",
                "env": "odd",
                "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-A", "value": "s3cr3t-in-a-header"}]}},
                "startupProbe": {"httpGet": {"httpHeaders": "odd"}},
            }
        ]
    },
    "status": {"containerStatuses": [{"name": "engine", "restartCount": 1}, {"name": "other"}]},
}
CONTROLLER = {
    "metadata": {
        "name": "aimendpoint",
        "annotations": {"aim.engine.amd.com/caller-token": "s3cr3t-token-of-the-controllers"},
    },
    "spec": {"hooks": {"sync": {"webhook": {"url": "https://x", "caBundle": "AAAA"}}}},
}
LOG = """\
INFO 11-29 19:00:00 [api_server.py:10] vLLM API server version 0.33.0, model Qwen3MoeForCausalLM
INFO 11-29 19:00:01 [logger.py:5] Received request cmpl-1: prompt: 'What is my diagnosis', params: SamplingParams()
and my salary
INFO 11-29 19:00:02 [x.py:5] token=s3cr3t-in-a-log key a8Xk29vbQ7mZ01tYp4 and 0123456789abcdef0123456789abcdef
a line that somebody printed
another one
(EngineCore pid=1) ERROR 11-29 19:00:03 [core.py:1] Traceback (most recent call last):
(EngineCore pid=1) ERROR 11-29 19:00:03 [core.py:1]   File "/x.py", line 1, in y
Traceback (most recent call last):
  File "/x.py", line 1, in y
    load(weights)
ValueError: input_value={'content': 's3cr3t-in-an-error'}
"""
OPERATOR_LOG = (
    '{"level": "error", "message": "sync", "facts": {"token": "s3cr3t-in-a-log", "model": "a/b"}}\n[1]\nplain\n'
)
HOOKS = {
    "metadata": {"name": "aim-hooks-1", "namespace": "aim-system"},
    "spec": {"containers": [{"name": "hooks"}]},
}
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "odd", "ownerReferences": [{"kind": "AIMEndpoint"}]},
    "data": {"a": PLANTED[0]},
}
GROUP = "/apis/aim.engine.amd.com/v1alpha1"


def items(*found):
    return {"items": [*found]}


class Cluster(StandInCluster):
    """A cluster with secrets in whatever can be read of it."""

    def __init__(self, **changes):
        super().__init__()
        self.paths = {
            "/version": {"major": "1", "minor": "31", "gitVersion": "v1.31.0"},
            f"{GROUP}/namespaces/team/aimendpoints": items(
                ENDPOINT, {"kind": "AIMEndpoint", "metadata": {"annotations": "odd"}}
            ),
            f"{GROUP}/aimrecipes": items({"metadata": {"name": "one"}, "status": {"phase": "Ready"}}),
            "/apis/metacontroller.k8s.io/v1alpha1/compositecontrollers": items(CONTROLLER),
            "/api/v1/namespaces/team/pods": items(POD, {"metadata": {"name": "a-neighbour"}}),
            "/api/v1/namespaces/aim-system/pods": items(HOOKS),
            "/api/v1/namespaces/aim-system/configmaps/aim-config": {
                "kind": "ConfigMap",
                "data": {"config.yaml": "logLevel: debug\napiKey: s3cr3t-in-the-settings\n"},
            },
            "/api/v1/namespaces/team/events": {
                "metadata": {"continue": "x"},
                **items({"message": "Bearer s3cr3t-in-an-event", "count": 2}),
            },
            "/api/v1/namespaces/team/services": items(SECRET),
            **changes,
        }
        self.asked = []

    def read(self, path):
        self.asked.append(path)
        found = self.paths.get(path.partition("?")[0], {})
        if isinstance(found, Exception):
            raise found
        return found

    def may(self, *_):
        return True

    def log(self, pod, _lines, *, previous, namespace=None, container=None):
        self.opened.append((namespace, pod, container, previous))
        return OPERATOR_LOG if namespace == "aim-system" else LOG


@pytest.fixture
def report(aim_on, tmp_path):
    """`aim bug-report` on a cluster: the result, and the texts of the archive by name."""

    def run(standin, *words):
        path = tmp_path / "r.tar.gz"
        done = aim_on(standin, "bug-report", "--file", path, *words)
        texts = {}
        if path.exists():
            with tarfile.open(path) as archive:
                for entry in archive.getmembers():
                    folder, _, name = entry.name.partition("/")
                    assert folder == "r"
                    texts[name] = archive.extractfile(entry).read().decode()
        return done, texts

    return run


def test_nothing_that_was_planted_is_in_it(report, tmp_path):
    standin = Cluster()
    done, texts = report(standin)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{tmp_path / 'r.tar.gz'}\n"
    everything = "\n".join(texts.values())
    planted = json.dumps([ENDPOINT, POD, CONTROLLER, [*standin.paths.values()]]) + LOG + OPERATOR_LOG
    assert [one for one in PLANTED if one not in planted] == []
    assert [one for one in PLANTED if one in everything] == []
    assert not [path for path in standin.asked if "secret" in path.lower()]
    assert stat.S_IMODE((tmp_path / "r.tar.gz").stat().st_mode) == 0o600


def test_what_helps_is_kept(report):
    _, texts = report(Cluster())
    endpoint = json.loads(texts["aimendpoints.json"])["items"][0]
    assert endpoint["metadata"]["annotations"]["aim.engine.amd.com/rollback"] == "2"
    assert endpoint["spec"]["recipe"]["tokenSecret"] == {"name": "huggingface-token", "key": "token"}
    assert endpoint["spec"]["engine"]["args"][:3] == ["--max-model-len=8192", "--api-key", "(hidden)"]
    variables = endpoint["spec"]["engine"]["env"]
    assert variables[0] == {"name": "VLLM_ROCM_USE_AITER", "value": "1"}
    assert variables[3]["valueFrom"]["secretKeyRef"]["name"] == "huggingface-token"
    log = texts["team/it-1-engine.log"].splitlines()
    assert "vLLM API server version 0.33.0, model Qwen3MoeForCausalLM" in log[0]
    assert log.count("(hidden)") == 1
    assert log[-4:-1] == ["Traceback (most recent call last):", 'File "/x.py", line 1, in y', "load(weights)"]
    assert log[-1] == "ValueError: input_value=(hidden)"
    assert '"model": "a/b"' in texts["aim-system/aim-hooks-1-hooks.log"]
    assert "logLevel: debug" in json.loads(texts["aim-system/aim-config.json"])["data"]["config.yaml"]
    assert json.loads(texts["aimrecipes.json"])["items"] == [{"name": "one", "phase": "Ready"}]
    assert json.loads(texts["versions.json"])["kubernetes"]["gitVersion"] == "v1.31.0"
    assert "doctor.json" in texts
    assert json.loads(texts["team/events.json"])["more"] == "500 were read"
    assert [one["metadata"]["name"] for one in json.loads(texts["team/pods.json"])["items"]] == ["it-1"]
    assert json.loads(texts["team/services.json"])["items"] == [{"kind": "Secret", "metadata": {"name": "odd"}}]


def test_logs_are_those_of_the_operator_and_of_endpoints_and_may_be_left_out(report, tmp_path):
    standin = Cluster()
    report(standin)
    assert standin.opened == [
        ("aim-system", "aim-hooks-1", "hooks", False),
        ("team", "it-1", "engine", False),
        ("team", "it-1", "engine", True),
    ]
    (tmp_path / "r.tar.gz").unlink()
    _, texts = report(without := Cluster(), "--no-logs")
    assert without.opened == []
    assert not [name for name in texts if name.endswith(".log")]


def test_what_may_not_be_read_is_named(report):
    forbidden = CommandError('pods is forbidden: User "ada" cannot list', 1)
    done, texts = report(Cluster(**{"/api/v1/namespaces/team/pods": forbidden}))
    assert done.exit_code == 0
    assert texts["missing.txt"] == 'team/pods.json: pods is forbidden: User "ada" cannot list\n'
    assert "missing.txt names what could not be read, or is cut: 1" in done.stderr


def test_a_cluster_that_cannot_be_reached_leaves_no_file(report):
    done, texts = report(Cluster(**{"/version": CommandError("the cluster cannot be reached", 1)}))
    assert (done.exit_code, texts) == (1, {})


def test_a_file_that_is_there_stays(report, tmp_path):
    report(Cluster())
    done, _ = report(Cluster())
    assert done.exit_code == 2
    assert "is there already: name another file by --file" in done.stderr
    nowhere = aim("bug-report", "--file", tmp_path / "no" / "x.tar.gz")
    assert nowhere.exit_code == 2
    assert "No such file or directory" in nowhere.stderr


def test_its_size_is_bounded(report, monkeypatch):
    monkeypatch.setattr(bug_report, "MOST_FILE_BYTES", 700)
    monkeypatch.setattr(bug_report, "MOST_REPORT_BYTES", 5000)
    _, texts = report(Cluster())
    assert max(map(len, texts.values())) <= 700
    assert sum(map(len, texts.values())) <= 5000
    monkeypatch.setattr(bug_report, "MOST_REPORT_BYTES", 50000)
    assert "it is cut to 700 bytes" in bug_report.collect(Cluster(), logs=True).files["missing.txt"].decode()


def test_its_name_has_the_time_and_the_version_is_that_of_the_program(aim_on, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clock, "time_name", lambda: "20260101-000000")
    assert aim_on(Cluster(), "bug-report").stdout == "aim-bug-report-20260101-000000.tar.gz\n"
    monkeypatch.undo()
    assert len(clock.time_name()) == 15
    monkeypatch.setattr(bug_report, "version", _not_installed)
    assert json.loads(bug_report.collect(Cluster(), logs=False).files["versions.json"])["aim"] == "not installed"


def _not_installed(name):
    raise bug_report.PackageNotFoundError(name)
