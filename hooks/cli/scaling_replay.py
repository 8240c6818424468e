"""The command `aim scaling replay`: what each policy of scaling would have come to, on recorded traffic."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.kube.cron import ScheduleError
from aimlib.kube.duration import InvalidDurationError, format_duration, parse_duration
from aimlib.scaling.anticipation import USUAL_STARTUP_SECONDS
from aimlib.scaling.policies import ACCEPTED, Replayed, compared, instead
from aimlib.scaling.schedule import ScheduleEntry, scheduled_over
from aimlib.scaling.traffic import LONGEST_FILE, PERIOD_SECONDS, STEP_SECONDS, TrafficError, by_minute, periods
from aimlib.scaling.traffic import read_traffic as parse_traffic
from aimlib.telemetry.prometheus_query import parse_matrix
from aimlib.telemetry.traffic_query import parse_samples, traffic_query
from hooks.cli import clock
from hooks.cli.cluster import LiveCluster
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_note, print_table, printed_as_data
from hooks.cli.prometheus import query_prometheus

REPLAY_HEAD = ("POLICY", "OVERLOAD %", "COST", "REPLICAS")
PEAK_REPLICAS = 20


class ReplayOptions(NamedTuple):
    """What is stated of the replay."""

    output: str = "table"
    startup_seconds: int | None = None
    capacity: float | None = None
    schedule: tuple[str, ...] = ()


def replay_file(path: Path, options: ReplayOptions) -> None:
    """Prints the outcome for a file. TrafficError where it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise TrafficError(f"{path} cannot be read: {error}") from None
    if len(text) > LONGEST_FILE:
        raise TrafficError(f"{path} is longer than {LONGEST_FILE} characters")
    loads = parse_traffic(text)
    # Seconds of a file may be of any beginning: a schedule applies as if it ended now.
    _print(loads, options.startup_seconds or USUAL_STARTUP_SECONDS, options)


def replay_endpoint(cluster: LiveCluster, name: str, source: tuple[str, int], options: ReplayOptions) -> None:
    """Prints the outcome for an endpoint, of which Prometheus has the traffic; `source` is where, and of which time."""
    place, seconds = source
    endpoint = cluster.endpoint(name)
    query = traffic_query(endpoint["metadata"]["namespace"], name, seconds, PERIOD_SECONDS)
    loads = periods(parse_samples(query_prometheus(cluster, place, query, parse_matrix)))
    measured = ((endpoint.get("status") or {}).get("startup") or {}).get("p90Seconds")
    _print(loads, options.startup_seconds or measured or USUAL_STARTUP_SECONDS, options)


def _print(loads: Sequence[float], startup_seconds: int, options: ReplayOptions) -> None:
    entries = [_entry(text) for text in options.schedule]
    capacity = options.capacity or max(loads) / PEAK_REPLICAS
    minutes = [load / capacity for load in by_minute(loads)]
    begin = datetime.fromtimestamp(clock.unix_seconds(), UTC) - timedelta(seconds=len(minutes) * STEP_SECONDS)
    scheduled = scheduled_over(entries, begin, len(minutes), STEP_SECONDS) if entries else []
    found = [*compared(minutes, startup_seconds, scheduled)]
    if printed_as_data(options.output, lambda: as_list(map(_data, found))):
        return
    print_table(Table(REPLAY_HEAD, map(_row, found)))
    lasts, taken = format_duration(len(loads) * PERIOD_SECONDS), f"{capacity:.3g}"
    print_note(
        f"{lasts} of traffic; a replica takes {taken} at full use and {format_duration(startup_seconds)} to start"
    )
    for one in found:
        if one.anticipates:
            print_note(_anticipation(one, found))
    print_note(_advice(found))


def _entry(text: str) -> ScheduleEntry:
    """CRON,DURATION,REPLICAS[,ZONE]; cron has commas of its own, so that it is read from the end."""
    parts = [part.strip() for part in text.split(",")]
    zone = parts.pop() if parts and not parts[-1].isdecimal() else "Etc/UTC"
    if len(parts) < 3 or not parts[-1].isdecimal():
        raise ScheduleError(f"{text!r} is no CRON,DURATION,REPLICAS[,ZONE], such as '0 8 * * 1-5,10h,4'")
    *cron, duration, replicas = parts
    try:
        return ScheduleEntry(",".join(cron), parse_duration(duration), int(replicas), zone)
    except InvalidDurationError as error:
        raise ScheduleError(str(error)) from None


def _row(one: Replayed) -> tuple[str, ...]:
    overload, cost, replicas = one.outcome
    return one.name, f"{100 * overload:.2f}", f"{cost:.2f}", f"{replicas:.1f}"


def _data(one: Replayed) -> Raw:
    overload, cost, replicas = one.outcome
    return {
        "policy": one.name,
        "overload": round(overload, 5),
        "cost": round(cost, 3),
        "replicas": round(replicas, 2),
    }


def _anticipation(one: Replayed, found: Sequence[Replayed]) -> str:
    """Whether scaling.anticipate would have helped."""
    what, other = f"scaling.anticipate with period {one.anticipates}", instead(one, found)
    if other is None:
        return f"{what} would have helped: no fixed target has as little overload for less"
    return f"{what} would not have helped: {other.name} has no more overload, and costs no more"


def _advice(found: Sequence[Replayed]) -> str:
    """The cheapest of those that keep to what is accepted."""
    good = [one for one in found if one.keeps]
    bound = f"at most {100 * ACCEPTED} % overload"
    if not good:
        return f"no policy has {bound}: a shorter start-up helps more than more replicas (status.startup)"
    best = min(good, key=lambda one: one.outcome.cost)
    return f"the cheapest with {bound}: {best.name}"
