"""The load that is replayed and the series of what was measured: what must hold of them without a cluster."""

import pytest

from tests.autoscalers import picture, record, trace
from tests.autoscalers.trace import Answer, Replay
from tests.dataplane.simulated.__main__ import server
from tests.loopback import answering

MODEL = "simulated/model"


def test_requests_come_as_often_as_the_trace_has_them_and_no_later():
    rates, times = trace.rates(), trace.arrivals(trace.rates())
    assert times == sorted(times) == trace.arrivals(rates)
    assert max(rates) == trace.PEAK
    assert times[-1] < trace.STEPS * trace.STEP_SECONDS
    assert len(times) == pytest.approx(sum(rates) * trace.STEP_SECONDS, rel=0.1)
    top = trace.STEP_SECONDS * rates.index(max(rates))
    busy = sum(top - 30 <= one < top + 30 for one in times)
    assert busy > 2 * sum(one < 60 for one in times)


def test_there_are_never_more_than_the_most():
    assert len(trace.arrivals([1000.0] * 10)) == trace.MOST
    assert trace.arrivals([0.0] * 10) == []


def test_a_step_has_the_last_value_before_its_end():
    points = [(100.0, 1), (104.0, 2), (112.0, 3)]
    assert record.in_steps(points, 100, 4) == [2, 2, 3, 3]
    assert record.in_steps([(107.0, 1)], 100, 2) == [0, 1]
    assert record.in_steps([], 100, 1) == [0]


def test_what_requests_show_is_that_of_those_that_began_lately():
    answers = [Answer(float(at), 200, at / 10, 1.0) for at in range(10)]
    found = record.of_requests(answers, 6)
    assert found["requests"] == [1.0, 1.0, 0.67, 0.33, 0.0, 0.0]
    assert found["firstTokenP50"] == [0.2, 0.45, 0.45, 0.7, None, None]
    assert found["firstTokenP95"][0] == 0.38


def test_a_line_is_broken_where_nothing_was_measured_and_level_where_it_has_steps():
    assert picture._path([0, 2, None, 4], 4, 100, steps=False).count("M") == 2
    assert picture._path([0, 2], 4, 100, steps=True).count("H") == 1


@pytest.mark.parametrize(("value", "end"), [(0.4, 1), (3, 4), (6, 6), (7, 8), (9, 10), (15, 20), (47, 60)])
def test_an_axis_ends_at_a_number_that_halves_well(value, end):
    assert picture._ceiling(value) == end


@pytest.fixture
def engine():
    made = server(["vllm", "serve", MODEL, "--host", "127.0.0.1", "--port", "0", "--max-model-len", "2048"])
    with answering(made, "engine"):
        yield made


def replayed(engine, times):
    replay = Replay(*(engine.server_address[0], MODEL, engine.server_address[1]))
    replay.run(times)
    return replay.answers


def test_requests_are_sent_at_their_times_whether_others_are_answered_or_not(engine):
    engine.command({"first_token_seconds": 0.2, "token_seconds": 0.05, "parallel": 1})
    first, second = replayed(engine, [0.1, 0.3])
    assert (first.status, second.status) == (200, 200)
    assert first.began >= 0.1
    assert 0.3 <= second.began < first.began + first.took
    assert first.first_token >= 0.2
    assert first.took >= 0.2 + (trace.TOKENS - 1) * 0.05
    # It waits for the first one.
    assert second.began + second.first_token >= first.began + first.took


def test_an_error_and_a_connection_that_breaks_are_no_answers(engine):
    engine.command({"status": 503})
    [refused] = replayed(engine, [0.0])
    assert (refused.status, refused.first_token) == (503, None)
    engine.shutdown()
    engine.server_close()
    [gone] = replayed(engine, [0.0])
    assert gone.status == 0
