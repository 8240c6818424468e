"""Metrics are read out of a wheel's source alone, and what only running it would say is left out."""

import ast
import zipfile

import pytest
from engine_metrics import Scope, labels_in, metrics, sglang
from wheel_source import UnreadableError, WheelSource

COLLECTOR = """
class SchedulerMetricsCollector:
    def __init__(self, labels):
        self.running = Gauge(name="sglang:running", documentation="no text of this is kept", labelnames=labels.keys())
        self.total = Counter(name="sglang:served_total", labelnames=list(labels.keys()) + ["is_streaming"])
        self.plain = Counter(name="sglang:plain", labelnames=["a", "b"])
        self.by_name = Counter(name=f"sglang:{labels}", labelnames=[])
        self.queue = Histogram(name="sglang:queue_seconds", labelnames=[*labels.keys(), "kind"], buckets=[0.5, 1, 2])
        self.computed = Histogram(name="sglang:computed", labelnames=[], buckets=exponential(1, 2))
        self.unknown = Gauge(name="sglang:unknown", labelnames=whatever())
    @classmethod
    def init_new(cls):
        labels = {"model_name": 1, "tp_rank": 2}
class TokenizerMetricsCollector:
    def __init__(self, labels):
        usual = [1, 10]
        self.tokens = Histogram(name="sglang:tokens", labelnames=labels.keys(), buckets=generate_buckets(x(), usual))
def tokenizer_metric_labels():
    labels = {"model_name": 1}
    return labels
def without_labels():
    return {}
"""
HTTP = """
class _HttpRequestMetrics:
    def __init__(self):
        self.requests_total = Counter(name="sglang:http_requests_total", labelnames=["endpoint"])
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "sglang-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("sglang/srt/observability/metrics_collector.py", COLLECTOR)
        archive.writestr("sglang/srt/observability/http_request_metrics.py", HTTP)
        archive.writestr("vllm/v1/metrics/buckets.py", "QUEUE_TIME_BUCKETS: tuple[float, ...] = (0.3, 1)")
    return WheelSource(path)


def test_types_labels_and_buckets_are_read(source):
    assert sglang(source) == {
        "sglang:running": {"type": "gauge", "labels": ["model_name", "tp_rank"]},
        "sglang:served_total": {"type": "counter", "labels": ["model_name", "tp_rank", "is_streaming"]},
        "sglang:plain_total": {"type": "counter", "labels": ["a", "b"]},
        "sglang:queue_seconds": {
            "type": "histogram",
            "labels": ["model_name", "tp_rank", "kind"],
            "buckets": [0.5, 1.0, 2.0],
        },
        "sglang:tokens": {"type": "histogram", "labels": ["model_name"], "buckets": [1.0, 10.0]},
        "sglang:http_requests_total": {"type": "counter", "labels": ["endpoint"]},
    }


def test_a_family_of_buckets_is_looked_up_by_its_name(source):
    made = ast.parse(
        "names = ['model_name']\n"
        "bounds = histogram_buckets('queue_time', overrides=None)\n"
        "self._histogram_cls(name='vllm:queue', labelnames=names + ['engine'], buckets=bounds)\n"
    )
    found = metrics(Scope(source, "vllm.v1.metrics.buckets", made, {}), made)
    assert found == {"vllm:queue": {"type": "histogram", "labels": ["model_name", "engine"], "buckets": [0.3, 1.0]}}


def test_labels_that_are_nowhere_are_missed(source):
    with pytest.raises(UnreadableError, match="without_labels"):
        labels_in(source, "sglang.srt.observability.metrics_collector", "without_labels")
