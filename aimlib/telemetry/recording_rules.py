"""The recording rules: metrics of endpoints with equal names for every engine, from the engines' own metrics.

Each series has the labels `namespace` and `aimendpoint` and aggregates all replicas of an endpoint. Where an engine has
no such metric, or nothing is measured, there is no series.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import indent

import yaml

from aimlib.api.meta import Raw
from aimlib.engines.catalogue import engines
from aimlib.engines.gpu_exporters import exporters
from aimlib.telemetry.gateway_records import gateway_records
from aimlib.telemetry.record import NOT_NAN, WINDOW, Record

ENDPOINT = "namespace, aimendpoint"
ENDPOINT_PODS = 'aimendpoint!=""'
"""Pods of endpoints, as the scrape configuration labels them; other servers have metrics of the same names."""
ALL_PRIORITIES = 'priority=""'
"""Selects the sum over all priorities, beside which SGLang has a series for each priority."""


def metric_names(key: str) -> Iterator[str]:
    """The engines' names of a metric, newest first."""
    for engine in engines():
        yield getattr(engine.metrics, key)
        if former := getattr(engine.former_metrics, key, None):
            yield former


def selectors(key: str, suffix: str = "", only: str = ENDPOINT_PODS) -> Iterator[str]:
    """A selector for each name."""
    for name in metric_names(key):
        metric, _, labels = name.removesuffix("}").partition("{")
        yield f"{metric}{suffix}{{{','.join(filter(None, (labels, only)))}}}"


def first_of(exprs: Iterable[str]) -> str:
    """The first of the series that a replica has: those of one engine, by their newest name."""
    return "\nor\n".join(exprs)


def gauge(key: str) -> str:
    """The present value of each replica."""
    return first_of(selectors(key, only=f"{ENDPOINT_PODS},{ALL_PRIORITIES}"))


def rate(key: str, suffix: str = "") -> str:
    """The increase per second of each replica."""
    return first_of(f"rate({selector}[{WINDOW}])" for selector in selectors(key, suffix))


def aggregate(aggregation: str, expr: str, *labels: str) -> str:
    """One value per endpoint."""
    return f"{aggregation} by ({', '.join((ENDPOINT, *labels))}) (\n{indent(expr, '  ')}\n)"


def quantile(part: float, key: str) -> str:
    """A quantile of all observations; no series while nothing is observed.

    The buckets of engines, and of their versions, differ and cannot be added up: while replicas of both run, as when an
    endpoint changes its engine, the quantile is that of the engine that is first in the table.
    """
    return quantile_of(part, (aggregate("sum", f"rate({one}[{WINDOW}])", "le") for one in selectors(key, "_bucket")))


def quantile_of(part: float, buckets: Iterable[str]) -> str:
    """The quantile of the first of these sums of buckets that there is."""
    return first_of(f"histogram_quantile(\n  {part},\n{indent(bucket, '  ')}\n) {NOT_NAN}" for bucket in buckets)


def mean(key: str) -> str:
    """The mean of all observations; no series while nothing is observed."""
    return f"{aggregate('sum', rate(key, '_sum'))}\n/\n{aggregate('sum', rate(key, '_count'))} {NOT_NAN}"


def part_of(part: str, whole: str) -> str:
    """One counter beside another that has it as a part: 0 where the whole is there and the part is not."""
    return first_of((aggregate("sum", rate(part)), f"0 * {aggregate('sum', rate(whole))}"))


def ratio(part: str, whole: str) -> str:
    """The fraction of one counter in another; no series while nothing is counted. A part that is not there is 0."""
    everything, found = aggregate("sum", rate(whole)), part_of(part, whole)
    return f"(\n{indent(found, '  ')}\n)\n/\n{everything} {NOT_NAN}"


def preemptions() -> str:
    """The preemptions of all replicas per second; 0 where none was counted: SGLang has no series until there is one."""
    return first_of((aggregate("sum", rate("preemptions")), f"0 * {aggregate('sum', gauge('running'))}"))


def scraped_replicas() -> str:
    """The number of replicas with metrics; 0 where pods are scraped and none has any."""
    return first_of(
        (
            aggregate("count", aggregate("count", gauge("running"), "pod")),
            f"0 * {aggregate('count', f'up{{{ENDPOINT_PODS}}}')}",
        )
    )


def gpu_utilization() -> str:
    """The mean utilization of the GPUs of all replicas, by the exporters' series for pods of endpoints."""
    pods = f"max by (namespace, pod, aimendpoint) (up{{{ENDPOINT_PODS}}}) >= bool 0"
    use = f"(\n{indent(first_of(_of_pods()), '  ')}\n)\n* on (namespace, pod) group_left (aimendpoint) ({pods})"
    return f"{aggregate('avg', use)} / 100"


def _of_pods() -> Iterator[str]:
    """The utilization of each GPU with its pod as labels, whether or not the scrape keeps the exporter's labels."""
    for exporter in exporters().values():
        found = exporter.utilization
        for label in ("namespace", "pod"):
            found = f'label_replace({found}, "{label}", "$1", "exported_{label}", "(.+)")'
        yield found


LATENCIES = (
    ("time_to_first_token_seconds", "time_to_first_token", "time from request to first token"),
    ("inter_token_latency_seconds", "inter_token_latency", "time between two tokens"),
    ("e2e_request_latency_seconds", "end_to_end_latency", "time from request to last token"),
)


def records() -> Iterator[Record]:
    """All recorded series."""
    yield Record("aim:replicas_scraped", "replicas", "replicas whose metrics are there", scraped_replicas())
    yield Record(
        "aim:requests:rate5m", "1/s", "requests that finished, in whatever way", aggregate("sum", rate("requests"))
    )
    yield Record(
        "aim:request_errors:ratio5m",
        "0 to 1",
        "answers of the API with a 5xx, of all",
        ratio("server_errors", "answers"),
    )
    yield Record("aim:requests_running", "requests", "requests being computed", aggregate("sum", gauge("running")))
    yield Record("aim:requests_waiting", "requests", "requests in the queue", aggregate("sum", gauge("waiting")))
    yield Record(
        "aim:requests_in_flight",
        "requests",
        "requests being computed or in the queue",
        f"{aggregate('sum', gauge('running'))}\n+\n{aggregate('sum', gauge('waiting'))}",
    )
    yield Record(
        "aim:kv_cache_usage:ratio",
        "0 to 1",
        "KV cache in use, mean of replicas",
        aggregate("avg", gauge("cache_usage")),
    )
    yield Record("aim:preemptions:rate5m", "1/s", "requests thrown out of the KV cache and begun anew", preemptions())
    yield Record(
        "aim:prefix_cache_hits:ratio5m",
        "0 to 1",
        "tokens of prompts that were in the KV cache already, of all",
        ratio("prefix_hits", "prefix_queries"),
    )
    yield Record("aim:prompt_tokens:rate5m", "1/s", "tokens read", aggregate("sum", rate("prompt_tokens")))
    yield Record("aim:generation_tokens:rate5m", "1/s", "tokens written", aggregate("sum", rate("generation_tokens")))
    for name, key, meaning in LATENCIES:
        yield Record(f"aim:{name}:p50_5m", "s", f"{meaning}, median", quantile(0.5, key))
        yield Record(f"aim:{name}:p95_5m", "s", f"{meaning}, 95th percentile", quantile(0.95, key))
    yield Record(
        "aim:e2e_request_latency_seconds:mean5m",
        "s",
        "time from request to last token, mean",
        mean("end_to_end_latency"),
    )
    yield Record(
        "aim:queue_time_seconds:p95_5m", "s", "time in the queue, 95th percentile", quantile(0.95, "queue_time")
    )
    yield Record(
        "aim:gpu_utilization:ratio", "0 to 1", "use of the GPUs, mean, where an exporter measures it", gpu_utilization()
    )


TRACK = "track"
"""The label of the two versions of an endpoint while one is tried: a or b."""


PRESENT = f"up{{{ENDPOINT_PODS}}}"
"""The replicas that are scraped now."""


def of_present(expr: str) -> str:
    """The series of replicas that are scraped now.

    A version that is tried is on the track of the one that was tried before it, whose last answers may be less than the
    window ago.
    """
    return f"(\n{indent(expr, '  ')}\n)\nand on (namespace, pod) {PRESENT}"


def track_quantile(part: float, key: str) -> str:
    """A quantile of each track, of replicas that are scraped now."""
    rates = (of_present(f"rate({selector}[{WINDOW}])") for selector in selectors(key, "_bucket"))
    return quantile_of(part, (aggregate("sum", one, "le", TRACK) for one in rates))


def track_records() -> Iterator[Record]:
    """The recorded series by which the two tracks of an endpoint are compared."""
    about = ", of each track of an endpoint"
    answers = aggregate("sum", of_present(rate("answers")), TRACK)
    yield Record("aim:track_answers:rate5m", "1/s", f"answers of the API{about}", answers)
    errors = first_of((aggregate("sum", of_present(rate("server_errors")), TRACK), f"0 * {answers}"))
    yield Record("aim:track_errors:rate5m", "1/s", f"answers of the API with a 5xx{about}", errors)
    for name, key, meaning in LATENCIES:
        p95 = track_quantile(0.95, key)
        yield Record(f"aim:track_{name}:p95_5m", "s", f"{meaning}, 95th percentile{about}", p95)


def rule_group(name: str, of: Iterable[Record]) -> Raw:
    """Rules as a group of a Prometheus rule file."""
    return {"name": name, "rules": [{"record": record.name, "expr": record.expr} for record in of]}


def rule_files(alerts: Raw) -> Iterator[tuple[str, str]]:
    """The name and text of each file that is generated from these rules and the alerting rules."""
    recording = [
        rule_group("aim-recording", (*records(), *track_records())),
        rule_group("aim-gateway-recording", gateway_records()),
    ]
    yield "rules/recording.yaml", _text({"groups": recording})
    groups = {"aim-recording": recording, "aim-alerts": alerts["groups"]}
    objects = [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": name},
            "spec": {"groups": found},
        }
        for name, found in groups.items()
    ]
    yield "prometheusrules.yaml", "---\n".join(_text(one) for one in objects)


class _Lines(yaml.SafeDumper):
    """Writes texts of several lines as block scalars."""


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Lines.add_representer(str, _lines)


def _text(content: Raw) -> str:
    return f"# Made by `make rules`; do not edit.\n{yaml.dump(content, Dumper=_Lines, sort_keys=False, width=120)}"


def with_runbooks(alerts: str, page: str) -> str:
    """The text of the alerting rules, with another address of the page that says what to do; it must be absolute."""
    if not re.match("https?://[^#]+$", page):
        raise ValueError(f"{page} is not the address of a page, such as https://wiki.example.com/aim")
    return re.sub("runbook_url: [^#]+#", lambda _: f"runbook_url: {page}#", alerts)


def write_rules(target: Path, runbooks: str | None = None) -> None:
    """Writes the generated files beside `rules/alerts.yaml`, into which another address of its page is written."""
    source = target / "rules" / "alerts.yaml"
    if runbooks:
        source.write_text(with_runbooks(source.read_text(encoding="utf-8"), runbooks), encoding="utf-8")
    for filename, text in rule_files(yaml.safe_load(source.read_text(encoding="utf-8"))):
        (target / filename).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_rules(Path(sys.argv[1]), *sys.argv[2:])
