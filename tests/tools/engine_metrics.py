"""Writes tests/testdata/metrics/<engine>-<version>.yaml: what the engine's own code says of the metrics it exports.

    .venv/bin/python tests/tools/engine_metrics.py vllm==0.33.0 sglang==0.5.23
    .venv/bin/python tests/tools/engine_metrics.py vllm==0.33.0 --wheel vllm-0.33.0-….whl

The published wheel is fetched by pip and read as text; the engine is neither installed nor imported, and only names,
types, labels and the bounds of buckets are taken from it. Metrics of which the code only settles the name or the labels
when it runs are left out. vLLM counts HTTP answers by prometheus-fastapi-instrumentator, whose wheel is read with it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml
from engine_flags import PYTHON, asked
from wheel_source import UnreadableError, WheelSource, download

DATA = Path(__file__).parents[1] / "testdata" / "metrics"
TYPES = ("counter", "gauge", "histogram")
INSTRUMENTATOR = "prometheus-fastapi-instrumentator"
HEADER = """\
# What {package} {version} says of its metrics. Made by tests/tools/engine_metrics.py; do not edit.
package: {package}
version: "{version}"
wheel: {wheel}
sha256: {sha256}
metrics:
"""
Metric = dict[str, object]


def calls(tree: ast.AST) -> Iterator[tuple[str, dict[str, ast.expr]]]:
    """Each metric that is made somewhere below: its type, and the keywords that it is made with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            kind = made.lower().removeprefix("_").removesuffix("_cls")
            keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            if kind in TYPES and isinstance(keywords.get("name"), ast.Constant):
                yield kind, keywords


class Scope:
    """What the names in a function stand for, where the code alone says it."""

    def __init__(self, source: WheelSource, module: str, function: ast.AST, labels: dict[str, list[str]]):
        self.source, self.module, self.labels = source, module, labels
        self.assigned: dict[str, ast.expr] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.assigned[node.targets[0].id] = node.value

    def names(self, node: ast.expr) -> list[str]:
        """The names of labels; UnreadableError when only running the code would say them."""
        match node:
            case ast.BinOp(op=ast.Add()):
                return [*self.names(node.left), *self.names(node.right)]
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [name for item in items for name in self.item(item)]
            case ast.Call(func=ast.Name(id="list"), args=[inner]):
                return self.names(inner)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="keys")) if name in self.labels:
                return self.labels[name]
            case ast.Name(id=name) if name in self.assigned:
                return self.names(self.assigned[name])
            case _:
                raise UnreadableError(ast.unparse(node))

    def item(self, node: ast.expr) -> list[str]:
        if isinstance(node, ast.Starred):
            return self.names(node.value)
        return [str(self.source.value(self.module, node))]

    def bounds(self, node: ast.expr) -> list[float]:
        """The bounds of buckets. vLLM names a family, and a constant of its module `buckets` has the bounds."""
        match node:
            case ast.Name(id=name) if name in self.assigned:
                return self.bounds(self.assigned[name])
            case ast.Call(func=ast.Name(id="histogram_buckets"), args=[ast.Constant(value=str(family)), *_]):
                found = self.source.find("vllm.v1.metrics.buckets", f"{family.upper()}_BUCKETS")
                return [float(bound) for bound in self.source.value(found.module, found.node)]
            case ast.Call(func=ast.Name(id="generate_buckets"), args=[_, usual]):
                return self.bounds(usual)
            case _:
                return [float(bound) for bound in self.source.value(self.module, node)]


def metrics(scope: Scope, tree: ast.AST) -> dict[str, Metric]:
    """The metrics that a function makes, by the name on the page."""
    found: dict[str, Metric] = {}
    for kind, keywords in calls(tree):
        name = str(keywords["name"].value)
        try:
            metric: Metric = {"type": kind, "labels": scope.names(keywords.get("labelnames", ast.List([])))}
            if kind == "histogram":
                metric["buckets"] = scope.bounds(keywords["buckets"])
        except UnreadableError:
            continue
        counted = kind == "counter" and not name.endswith("_total")
        found[f"{name}_total" if counted else name] = metric
    return found


def vllm(source: WheelSource) -> dict[str, Metric]:
    module = "vllm.v1.metrics.loggers"
    logger = source.find(module, "PrometheusStatLogger").node
    instrumentator = WheelSource(download(INSTRUMENTATOR, PYTHON))
    where = "prometheus_fastapi_instrumentator.metrics"
    usual = instrumentator.find(where, "default").node
    # Labels of the user's own are added to these; vLLM has none.
    counted = Scope(instrumentator, where, usual, {})
    counted.assigned["additional_label_names"] = ast.Tuple([])
    http = {name: one for name, one in metrics(counted, usual).items() if name == "http_requests_total"}
    return http | metrics(Scope(source, module, logger, {}), logger)


def sglang(source: WheelSource) -> dict[str, Metric]:
    module = "sglang.srt.observability.metrics_collector"
    http = "sglang.srt.observability.http_request_metrics"
    tokenizer = labels_in(source, module, "tokenizer_metric_labels")
    scheduler = labels_in(source, module, "SchedulerMetricsCollector")
    found: dict[str, Metric] = {}
    for where, owner, labels in (
        (module, "SchedulerMetricsCollector", scheduler),
        (module, "TokenizerMetricsCollector", tokenizer),
        (http, "_HttpRequestMetrics", []),
    ):
        tree = source.find(where, owner).node
        made = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
        found |= metrics(Scope(source, where, made, {"labels": labels}), made)
    return found


def labels_in(source: WheelSource, module: str, name: str) -> list[str]:
    """The keys of the first dictionary that is assigned to `labels` below a function or a class."""
    for node in ast.walk(source.find(module, name).node):
        match node:
            case ast.Assign(targets=[ast.Name(id="labels")], value=ast.Dict(keys=keys)):
                return [str(key.value) for key in keys]
    raise UnreadableError(f"{name} in {module} has no labels")


READERS = {"vllm": vllm, "sglang": sglang}


def main() -> None:
    for package, version, source in asked(__doc__.splitlines()[0]):
        found = READERS[package](source)
        header = HEADER.format(package=package, version=version, wheel=source.path.name, sha256=source.sha256)
        lines = [f"  {name}: {one_line(found[name])}\n" for name in sorted(found)]
        target = DATA / f"{package}-{version}.yaml"
        DATA.mkdir(exist_ok=True)
        target.write_text(header + "".join(lines))
        print(f"{target}: {len(lines)} metrics")


def one_line(metric: Metric) -> str:
    return yaml.safe_dump(metric, default_flow_style=True, sort_keys=False, width=10**6).strip()


if __name__ == "__main__":
    main()
