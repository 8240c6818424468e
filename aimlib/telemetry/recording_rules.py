"""The recording rules: what an endpoint does, said equally for every engine, from the engines' own metrics.

Each series has the labels `namespace` and `aimendpoint` and sums up all replicas of an endpoint. Where an engine says
nothing, or nothing happens that could be measured, there is no series.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import yaml

from aimlib.api.meta import Raw
from aimlib.engines.catalogue import engines
from aimlib.engines.gpu_exporters import exporters

ENDPOINT = "namespace, aimendpoint"
WINDOW = "5m"
"""What rates are taken over: twenty scrapes of fifteen seconds, so that a few that fail do not tell."""
OURS = 'aimendpoint!=""'
"""Pods of endpoints, as the scrape configuration labels them; other servers have metrics of the same names."""
MEASURED = ">= 0"
"""Drops what is no number, because nothing was counted."""
TOTAL = 'priority=""'
"""With priorities, SGLang has a series for each beside the sum of all."""


class Record(NamedTuple):
    """One recorded series: its name, unit, meaning, and the expression in PromQL."""

    name: str
    unit: str
    meaning: str
    expr: str


def names(key: str) -> Iterator[str]:
    """What the engines call something, newest names first."""
    for engine in engines():
        yield getattr(engine.metrics, key)
        if former := getattr(engine.former_metrics, key, None):
            yield former


def selected(key: str, suffix: str = "", only: str = OURS) -> Iterator[str]:
    """A selector for each name."""
    for name in names(key):
        metric, _, labels = name.removesuffix("}").partition("{")
        yield f"{metric}{suffix}{{{','.join(filter(None, (labels, only)))}}}"


def either(exprs: Iterable[str]) -> str:
    """The series of all of them: a replica has those of one engine, and of two names of one thing the first counts."""
    return "\nor\n".join(exprs)


def gauge(key: str) -> str:
    """The present value of every replica."""
    return either(selected(key, only=f"{OURS},{TOTAL}"))


def rate(key: str, suffix: str = "") -> str:
    """The increase per second of every replica."""
    return either(f"rate({selector}[{WINDOW}])" for selector in selected(key, suffix))


def of(aggregation: str, expr: str, *labels: str) -> str:
    """One value for each endpoint."""
    return f"{aggregation} by ({', '.join((ENDPOINT, *labels))}) (\n{indent(expr, '  ')}\n)"


def quantile(part: float, key: str) -> str:
    """The value that this part of all observations does not exceed; none while nothing is observed.

    Engines, and versions of them, have other buckets, which cannot be added up: while replicas of both run, as when an
    endpoint changes its engine, it is of those whose engine comes first in the table.
    """
    buckets = (of("sum", f"rate({selector}[{WINDOW}])", "le") for selector in selected(key, "_bucket"))
    return either(f"histogram_quantile(\n  {part},\n{indent(one, '  ')}\n) {MEASURED}" for one in buckets)


def mean(key: str) -> str:
    """The mean of all observations; none while nothing is observed."""
    return f"{of('sum', rate(key, '_sum'))}\n/\n{of('sum', rate(key, '_count'))} {MEASURED}"


def errors() -> str:
    """The part of the answers that are a server's errors; none while nothing is asked."""
    answers = of("sum", rate("answers"))
    failed = either((of("sum", rate("server_errors")), f"0 * {answers}"))
    return f"(\n{indent(failed, '  ')}\n)\n/\n{answers} {MEASURED}"


def replicas() -> str:
    """How many replicas tell what they do; 0 where pods are scraped and none does."""
    return either((of("count", of("count", gauge("running"), "pod")), f"0 * {of('count', f'up{{{OURS}}}')}"))


def gpu_use() -> str:
    """The mean use of the GPUs of all replicas, by the exporters' series of those pods that are endpoints'."""
    pods = f"max by (namespace, pod, aimendpoint) (up{{{OURS}}}) >= bool 0"
    use = f"(\n{indent(either(_of_pods()), '  ')}\n)\n* on (namespace, pod) group_left (aimendpoint) ({pods})"
    return f"{of('avg', use)} / 100"


def _of_pods() -> Iterator[str]:
    """The use of every GPU, labelled with its pod whether or not the scrape honours the exporter's labels."""
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
    """Every recorded series."""
    yield Record("aim:replicas_scraped", "replicas", "replicas whose metrics are there", replicas())
    yield Record("aim:requests:rate5m", "1/s", "requests that finished, in whatever way", of("sum", rate("requests")))
    yield Record("aim:request_errors:ratio5m", "0 to 1", "answers of the API with a 5xx, of all", errors())
    yield Record("aim:requests_running", "requests", "requests being computed", of("sum", gauge("running")))
    yield Record("aim:requests_waiting", "requests", "requests in the queue", of("sum", gauge("waiting")))
    yield Record(
        "aim:kv_cache_usage:ratio", "0 to 1", "KV cache in use, mean of replicas", of("avg", gauge("cache_usage"))
    )
    yield Record("aim:prompt_tokens:rate5m", "1/s", "tokens read", of("sum", rate("prompt_tokens")))
    yield Record("aim:generation_tokens:rate5m", "1/s", "tokens written", of("sum", rate("generation_tokens")))
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
        "aim:gpu_utilization:ratio", "0 to 1", "use of the GPUs, mean, where an exporter measures it", gpu_use()
    )


def group() -> Raw:
    """The rules as a group of a Prometheus rule file."""
    return {"name": "aim-recording", "rules": [{"record": record.name, "expr": record.expr} for record in records()]}


def files(alerts: Raw) -> Iterator[tuple[str, str]]:
    """The name and text of each file that is made of these rules and of the alerting rules, a Prometheus rule file."""
    yield "rules/recording.yaml", _text({"groups": [group()]})
    groups = {"aim-recording": [group()], "aim-alerts": alerts["groups"]}
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
    """Writes a text of several lines as such."""


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Lines.add_representer(str, _lines)


def _text(content: Raw) -> str:
    return f"# Made by `make rules`; do not edit.\n{yaml.dump(content, Dumper=_Lines, sort_keys=False, width=120)}"


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for filename, text in files(yaml.safe_load((target / "rules" / "alerts.yaml").read_text(encoding="utf-8"))):
        (target / filename).write_text(text, encoding="utf-8")
