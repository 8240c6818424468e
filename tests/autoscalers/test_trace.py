"""A recorded traffic, replayed: the real KEDA has replicas rise and fall with it, and no client sees an error.

RECORD in the environment has what is measured written, for the picture in docs/use/scale.md.
"""

import os
import time
from collections import Counter

from tests.autoscalers import record, trace
from tests.autoscalers.load import GATEWAY
from tests.autoscalers.served import SECONDS, accepted, model, ready_replicas, serve
from tests.dataplane.canaries import host

NAME, MOST, AT_ONCE = "busy", 6, 4
TAG = f"v1-answers-in-200ms-token-every-100ms-runs-{AT_ONCE}-at-once-loads-in-5s"
SCALING = {"minReplicas": 1, "maxReplicas": MOST, "targetRequests": AT_ONCE - 1, "scaleDownDelay": 20}
LOAD_SECONDS = trace.STEPS * trace.STEP_SECONDS
RISES_TO = 4
"""A replica takes two requests a second at full use, and the peak is seven."""


def test_a_recorded_traffic_has_replicas_rise_and_fall_and_no_client_sees_an_error(space, monitored):
    serve(space, NAME, TAG, SCALING)
    space.wait("KEDA to take it", lambda: accepted(space, NAME), SECONDS)
    times = trace.arrivals(trace.rates())
    replay = trace.Replay(host(space, GATEWAY), model(NAME))
    with record.looking(space, NAME) as replicas:
        replay.run(times)
        space.wait("one replica again", lambda: ready_replicas(space, NAME) == 1, SECONDS)
        # The last step ends with what was waited for.
        time.sleep(2 * record.STEP_SECONDS)
    found = series(space, monitored, replay, replicas)
    waits = [one.first_token for one in replay.answers if one.first_token]
    late = max(one.began - at for one, at in zip(replay.answers, times, strict=True))
    print(f"{len(times)} requests; answers by status: {Counter(one.status for one in replay.answers)}")
    print(
        f"most replicas {max(found['ready'])}, most that wait {max(found['waiting'])}; sent at most {late:.2f} s late"
    )
    print(f"time to first token at most {max(waits):.1f} s; {found}")
    assert Counter(one.status for one in replay.answers) == {200: len(times)}
    rises_and_falls(found)
    if os.environ.get("RECORD"):
        hours = trace.STEPS / 6
        record.write(record.about(hours, LOAD_SECONDS, len(times)), found)


def series(space, prometheus, replay, replicas):
    """Everything that was measured, in steps from the first request on."""
    start = replay.start
    steps = int((replicas.ready[-1][0] - start) / record.STEP_SECONDS)

    def counted(points):
        return [int(value) for value in record.in_steps(points, start, steps)]

    return {
        **record.of_requests(replay.answers, steps),
        "wanted": counted(replicas.wanted),
        "ready": counted(replicas.ready),
        "running": counted(record.measured(prometheus, space, NAME, "aim:requests_running", start)),
        "waiting": counted(record.measured(prometheus, space, NAME, "aim:requests_waiting", start)),
    }


def rises_and_falls(found):
    """More replicas with more load and fewer with less of it, while it lasts; a queue comes down again."""
    ready, waiting, end = found["ready"], found["waiting"], int(LOAD_SECONDS / record.STEP_SECONDS)
    most, longest = max(ready[:end]), max(waiting[:end])
    assert ready[0] == 1
    assert RISES_TO <= most <= MOST
    assert min(ready[ready.index(most) : end]) < most - 1
    assert longest > 0
    assert 0 in waiting[waiting.index(longest) : end]
    assert (ready[-1], waiting[-1]) == (1, 0)
