"""The record and the metrics of decisions as they are shipped: two processes, each of which may meet a change."""

import json
import re
import subprocess

from tests.cases import TESTDATA, Case
from tests.cluster.processes import free_ports
from tests.hooks.server.gunicorn import COMMAND, call, environment, wait
from tests.kustomize import ROOT
from tests.playing import play


def test_the_record_is_on_standard_output_and_agrees_with_the_metrics(tmp_path):
    case = Case(TESTDATA / "endpoint" / "sync" / "a-model-alone-is-enough")
    body = json.dumps(play(case.kind, case.hook, case.world).request)
    [port] = free_ports(1)
    out, log = tmp_path / "out", tmp_path / "log"
    with out.open("w") as record, log.open("w") as stream:
        process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment(tmp_path, port), stdout=record, stderr=stream)
        try:
            wait(process, port)
            answers = [call(port, "POST", "/endpoint/sync", body) for _ in range(100)]
            _, text = call(port, "GET", "/metrics")
        finally:
            process.terminate()
            process.wait(timeout=40)
    assert {code for code, _ in answers} == {200}
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert 1 <= len(lines) <= 2  # processes
    assert len({one["id"] for one in lines}) == 1
    assert {one["log"] for one in lines} == {"audit"}
    assert {json.loads(line)["message"] for line in log.read_text().splitlines()} == {"hook"}
    for name in ("aim_selections_total", "aim_audit_records_total"):
        [count] = re.findall(rf"^{name}{{.*}} (\S+)$", text, re.MULTILINE)
        assert float(count) == len(lines), name
    assert re.findall(r"^aim_hook_requests_in_flight{.*} (\S+)$", text, re.MULTILINE) == ["0.0"]
    assert re.findall(r"^aim_build_info{.*} (\S+)$", text, re.MULTILINE) == ["1.0"]
