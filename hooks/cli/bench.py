"""The command `aim bench`: a short load on one replica of an endpoint, and its figures beside the expected ones."""

import re
from typing import NamedTuple

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.selection.roofline import Workload
from aimlib.selection.speeds import workload_of
from hooks.cli import clock
from hooks.cli.bench_figures import FIGURE_HEAD, Expected, expected_figures, figure_rows, measurement_of
from hooks.cli.bench_job import Load, bench_job, read_figures
from hooks.cli.cluster import LiveCluster
from hooks.cli.endpoint_progress import read_progress
from hooks.cli.endpoint_screens import pod_row
from hooks.cli.errors import CLUSTER_ERROR_CODE, FAILED_CODE, TIMEOUT_CODE, CommandError
from hooks.cli.formats import data_text, yaml_document
from hooks.cli.printing import Table, print_note, print_table, print_text, printed_as_data

JOB_LOOK_SECONDS = 2.0
"""Time between two looks at the Job."""
WORKLOAD_FORM = re.compile(r"(\d{1,6})/(\d{1,6})@(\d{1,4})")
MOST_TOKENS, MOST_AT_ONCE, MOST_REQUESTS = 131_072, 1024, 4096
"""Bounds of a load: tokens of a prompt or an answer, requests at once, and requests in all."""
ROUNDS = 4
"""Requests for each that runs at once, unless their number is stated."""
LEAST_REQUESTS = 16
BENCH_LOG_LINES = 300
"""Lines of the generator's log that are read, the last ones: its result is at the end."""
SHOWN_LINES = 12
"""Lines of it that are shown where it failed."""


class BenchOptions(NamedTuple):
    """What is measured, and what is printed."""

    output: str = "table"
    workload: Workload | None = None
    requests: int | None = None
    seconds: int = 900
    write: bool = False
    dry_run: bool = False


def parse_workload(text: str) -> Workload:
    """The workload `INPUT/OUTPUT@CONCURRENCY`. CommandError for another text, and beyond what a short load may be."""
    found = WORKLOAD_FORM.fullmatch(text.strip())
    workload = Workload(*map(int, found.groups())) if found else None
    if workload is None or 0 in workload:
        raise CommandError(f"{text!r} is no workload such as 1024/512@32: tokens in, tokens out, requests at once")
    if max(workload[:2]) > MOST_TOKENS or workload.concurrency > MOST_AT_ONCE:
        raise CommandError(f"a workload has at most {MOST_TOKENS} tokens, and {MOST_AT_ONCE} requests at once")
    return workload


def run_bench(cluster: LiveCluster, name: str, options: BenchOptions) -> int:
    """Measures one replica of an endpoint; returns the exit code. Whatever happens, the Job is removed."""
    endpoint = cluster.endpoint(name)
    pod = _ready_replica(cluster, endpoint)
    choice = EndpointSpec.model_validate(endpoint["spec"]).recipe
    workload = options.workload or workload_of(choice)
    requests = options.requests or min(max(ROUNDS * workload.concurrency, LEAST_REQUESTS), MOST_REQUESTS)
    load = Load(workload, requests, options.seconds, int(clock.unix_seconds()) % 2**31)
    job = bench_job(endpoint, pod, load)
    if options.dry_run:
        print_text(data_text(job, options.output))
        return 0
    _note_traffic(endpoint)
    jobs = f"/apis/batch/v1/namespaces/{cluster.namespace}/jobs"
    created = cluster.change("POST", jobs, job)["metadata"]["name"]
    print_note(f"Job {created}: {requests} requests of {workload}, for {options.seconds} seconds at most")
    try:
        code, log = _wait(cluster, f"{jobs}/{created}", created, options.seconds)
    finally:
        cluster.change("DELETE", f"{jobs}/{created}?propagationPolicy=Background")
    figures = read_figures(log)
    if code or not figures.get("completed") or len(figures) < len(FIGURE_HEAD):
        for line in log.splitlines()[-SHOWN_LINES:]:
            print_note(line)
        if not code:
            print_note(f"{name} answered none of the requests, or the generator printed no result")
        return code or FAILED_CODE
    figures.setdefault("failed", requests - figures["completed"])  # SGLang's prints none
    _print_figures(endpoint, workload, figures, _expected(cluster, endpoint, workload), options)
    return 0


def _ready_replica(cluster: LiveCluster, endpoint: Raw) -> Raw:
    """The oldest ready Pod of an endpoint: a version that is tried has newer ones. CommandError where there is none."""
    name = endpoint["metadata"]["name"]
    for pod in reversed(cluster.pods(name)):
        if pod_row(pod)[2] == "yes" and (endpoint.get("status") or {}).get("resolved"):
            return pod
    progress = read_progress(endpoint)
    raise CommandError(f"no replica of {name} is ready: {progress.phase}: {progress.message}", CLUSTER_ERROR_CODE)


def _note_traffic(endpoint: Raw) -> None:
    """Says that others use the endpoint, where its metrics show that."""
    if running := (endpoint["status"].get("metrics") or {}).get("requestsRunning"):
        print_note(f"{running:g} other requests are running: the figures have their share")


def _wait(cluster: LiveCluster, path: str, job: str, seconds: int) -> tuple[int, str]:
    """Waits for the end of a Job; returns the exit code, and the log of its pod, as far as there is one."""
    began, shown, pod = clock.seconds(), "", ""
    pods = f"/api/v1/namespaces/{cluster.namespace}/pods?labelSelector=batch.kubernetes.io%2Fjob-name%3D{job}"
    while True:
        for found in cluster.read(pods).get("items") or ():
            pod, state = found["metadata"]["name"], str(pod_row(found)[4])
            if state != shown:
                print_note(f"{pod}: {state}")
                shown = state
        status = cluster.read(path).get("status") or {}
        ended = {one["type"]: one.get("reason") for one in status.get("conditions") or () if one["status"] == "True"}
        if "Complete" in ended or "Failed" in ended:
            timed_out = ended.get("Failed") == "DeadlineExceeded"
            code = TIMEOUT_CODE if timed_out else FAILED_CODE if "Failed" in ended else 0
            return code, cluster.log(pod, BENCH_LOG_LINES, previous=False) if pod and not timed_out else ""
        if clock.seconds() - began > seconds:
            print_note(f"the time is over: {seconds} seconds")
            return TIMEOUT_CODE, ""
        clock.pause(JOB_LOOK_SECONDS)


def _expected(cluster: LiveCluster, endpoint: Raw, workload: Workload) -> Expected:
    """What recipes lead to expect; nothing where the user may not read them."""
    resolved = Resolved.model_validate(endpoint["status"]["resolved"])
    try:
        recipes = cluster.all("aimrecipes")
    except CommandError as error:
        print_note(f"what was predicted is not known here: {error}")
        return Expected({}, {})
    return expected_figures(resolved, recipes, workload)


def _print_figures(
    endpoint: Raw, workload: Workload, figures: dict[str, float], expected: Expected, options: BenchOptions
) -> None:
    name = endpoint["metadata"]["name"]
    entry = measurement_of(endpoint, figures, workload, clock.day())
    data = {
        "endpoint": name,
        "workload": workload._asdict(),
        "measured": figures,
        "predicted": dict(expected.predicted),
        "published": dict(expected.published),
        "measurement": entry,
    }
    if printed_as_data(options.output, lambda: data):
        return
    if options.write:
        print_text(yaml_document({"measurements": [entry]}))
    print_table(Table(FIGURE_HEAD, figure_rows(figures, expected)), err=options.write)
    failed = f"; {figures['failed']:g} failed" if figures["failed"] else ""
    print_note(f"{figures['completed']:g} requests of {workload}{failed}")
    if expected.source:
        print_note(f"published: {expected.source}")
    if not expected.predicted:
        print_note("nothing is predicted for what no recipe has, or has no facts")
