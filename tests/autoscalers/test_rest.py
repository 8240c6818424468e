"""The figures of rest: what they are made of, and that nothing is taken for measured that was not."""

from collections import Counter
from contextlib import contextmanager

import pytest

from tests.autoscalers import keda_programs, rest, resting
from tests.autoscalers.resting import PROGRAMS, Found
from tests.bench.usage import Used
from tests.cluster.audit import METACONTROLLER, Request

WRITES = [
    Request(keda_programs.USER, "patch", "scaledobjects/status", "resting", "resting-000", 200),
    Request(keda_programs.USER, "update", "leases", "keda", "operator", 200),
    Request(METACONTROLLER, "update", "aimendpoints/status", "resting", "resting-000", 200),
]
FOUND = Found(
    12.5,
    Used(120, dict.fromkeys(PROGRAMS, 6.0), Counter({"/endpoint/sync": 4}), WRITES),
    [{"process": name, "CPU s": 6.0, "% of a core": 5.0} for name in PROGRAMS],
)


def test_a_row_has_queries_per_second_shares_of_a_core_and_writes_per_minute():
    row = rest.summary("15", FOUND)
    assert row["queries/s"] == 12.5
    assert {row[f"{name} %"] for name in PROGRAMS} == {5.0}
    assert (row["writes/min keda-operator"], row["writes/min metacontroller"]) == (1, 0.5)
    assert row["writes/min aim-hooks"] == 0


def test_the_details_have_every_write_and_call():
    _, asked, written = rest.details("rest", FOUND).tables
    assert {row["what"]: row["per minute"] for row in asked.rows} == {
        "query to Prometheus": 750,
        "hook call /endpoint/sync": 2,
    }
    assert sum(row["per minute"] for row in written.rows) == 1.5


@pytest.mark.parametrize(("fails", "code"), [(True, 1), (False, 0)])
def test_the_exit_code_is_that_of_the_measurement(monkeypatch, capsys, fails, code):
    class Fake:
        @contextmanager
        def polled(self, _):
            yield

        def measured(self, _):
            if fails:
                raise RuntimeError("ended meanwhile: keda")
            return FOUND

    @contextmanager
    def made(_):
        yield Fake()

    monkeypatch.setattr(rest, "resting", made)
    monkeypatch.setattr(rest.binaries, "ensure", lambda _: {})
    monkeypatch.setattr(rest, "stop_on_signals", lambda: None)
    monkeypatch.setattr("sys.argv", ["rest", "2"])
    assert rest.main() == code
    assert ("not measured: RuntimeError: ended meanwhile: keda" in capsys.readouterr().err) == fails


def test_queries_are_counted_as_prometheus_counts_them():
    page = (
        'prometheus_http_requests_total{code="200",handler="/api/v1/query"} 41\n'
        'prometheus_http_requests_total{code="503",handler="/api/v1/query"} 2\n'
        'prometheus_http_requests_total{code="200",handler="/api/v1/query_range"} 7\n'
        'prometheus_http_requests_total{code="200",handler="/metrics"} 9\n'
    )
    assert resting.QUERIES.findall(page) == [("200", "41"), ("503", "2")]
