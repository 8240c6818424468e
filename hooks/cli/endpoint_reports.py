"""The commands that read endpoints of a cluster: status, top, logs and url."""

from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.diagnosis.engine_errors import Diagnosis, examine
from aimlib.diagnosis.log_lines import stable
from hooks.cli import clock
from hooks.cli.cluster import LiveCluster
from hooks.cli.endpoint_screens import (
    ENDPOINT_HEAD,
    ENDPOINT_OMISSIBLE,
    LOAD_HEAD,
    LOAD_OMISSIBLE,
    client_variables,
    endpoint_row,
    load_row,
    screen,
    shell_exports,
)
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError
from hooks.cli.formats import as_list, data_text
from hooks.cli.printing import Table, print_note, print_table, print_text, printed_as_data
from hooks.cli.terminal import WARNING, Style, show, terminal_width

WATCH_SECONDS = 2.0
"""Time between two looks with --watch."""


def print_status(cluster: LiveCluster, name: str | None, output: str, *, watch: bool) -> int:
    """Prints the endpoints of the namespace, or one of them; with `watch` again whenever something changed."""
    shown = ""
    while True:
        found, rows = _status(cluster, name, output)
        if found != shown:
            print_text("\n" * bool(shown))
            _print_status(cluster, found, rows)
            shown = found
        if not watch:
            return 0
        clock.pause(WATCH_SECONDS)


def _status(cluster: LiveCluster, name: str | None, output: str) -> tuple[str, list[Raw] | None]:
    """A text that tells whether something has changed, and the endpoints where they are printed as a table instead."""
    if name and output == "table":
        return screen(cluster.endpoint(name), cluster.pods(name), cluster.events(name), terminal_width()), None
    endpoints = None if name else cluster.endpoints()
    data = cluster.endpoint(name) if name else as_list(endpoints or ())
    return data_text(data, output), endpoints if output == "table" else None


def _print_status(cluster: LiveCluster, text: str, endpoints: list[Raw] | None) -> None:
    if endpoints is None:
        show(text.rstrip("\n"))
    elif endpoints:
        print_table(Table(ENDPOINT_HEAD, map(endpoint_row, endpoints), ENDPOINT_OMISSIBLE))
    else:
        print_note(f"namespace {cluster.namespace} has no AIMEndpoint; `aim run MODEL` makes one")


def print_load(cluster: LiveCluster, output: str, *, watch: bool = False) -> int:
    """Prints the metrics of the endpoints of the namespace; with `watch` again whenever something changed."""
    shown: list[Raw] | None = None
    while True:
        endpoints = cluster.endpoints()
        found = [
            {"name": one["metadata"]["name"], "metrics": (one.get("status") or {}).get("metrics") or {}}
            for one in endpoints
        ]
        if found != shown:
            print_text("\n" * (shown is not None))
            _print_load(cluster.namespace, endpoints, found, output)
            shown = found
        if not watch:
            return 0
        clock.pause(WATCH_SECONDS)


def _print_load(namespace: str, endpoints: list[Raw], data: list[Raw], output: str) -> None:
    if printed_as_data(output, lambda: as_list(data)):
        return
    if not endpoints:
        print_note(f"namespace {namespace} has no AIMEndpoint; `aim run MODEL` makes one")
        return
    print_table(Table(LOAD_HEAD, map(load_row, endpoints), LOAD_OMISSIBLE))
    for one in data:
        if message := one["metrics"].get("message"):
            print_note(f"{one['name']}: {message}")
    if not any(one["metrics"] for one in data):
        print_note(
            "no endpoint has live metrics: they take spec.monitoring.enabled and an operator that asks Prometheus "
            "(manifests/overlays/live-figures)"
        )


def print_url(cluster: LiveCluster, name: str, output: str, *, openai: bool) -> int:
    """Prints the address of an endpoint, or the variables for OpenAI's clients."""
    variables = client_variables(cluster.endpoint(name))
    url, model = variables["OPENAI_BASE_URL"], variables["OPENAI_MODEL"]
    found = variables if openai else {"name": name, "namespace": cluster.namespace, "model": model, "url": url}
    if not printed_as_data(output, lambda: found):
        print_text(shell_exports(variables) if openai else f"{url}\n")
    return 0


def print_log(cluster: LiveCluster, name: str, lines: int, output: str, *, previous: bool) -> int:
    """Prints the log of one replica, with the first cause of its end marked, and named on standard error."""
    pods = cluster.pods(name)
    if not pods:
        cluster.endpoint(name)  # CommandError where there is none
        raise CommandError(f"{name} has no pods: `aim status {name}` shows why", CLUSTER_ERROR_CODE)
    pod = min(pods, key=_readiness)["metadata"]["name"]
    others = len(pods) - 1
    print_note(f"{pod}" + (f", one of {len(pods)} replicas, the one that is furthest behind" if others else ""))
    text = cluster.log(pod, lines, previous=previous)
    cause = next(iter(examine(text).causes), None)
    if printed_as_data(output, lambda: {"pod": pod, "cause": cause and cause._asdict(), "lines": text.splitlines()}):
        return 0
    for line, style in marked_lines(text, cause):
        show(line, style=style)
    if cause:
        reason = f" ({cause.reason})" if cause.reason else ""
        print_note(f"first cause: {cause.message}{reason}")
    return 0


def _readiness(pod: Raw) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def marked_lines(text: str, cause: Diagnosis | None) -> Iterator[tuple[str, Style | None]]:
    """The lines of a log; the first that has the cause begins with `>>> `, and stands out on a terminal."""
    quoted = cause.message.partition(": ")[2] or cause.message if cause else ""
    marked = False
    for line in text.splitlines():
        if quoted and not marked and quoted.rstrip("…") in stable(line):
            marked = True
            yield f">>> {line}", WARNING
        else:
            yield line, None
