"""Simulated exporters of GPU metrics: a page of a node's GPUs, labelled with the pods that use them.

Labels are those of ROCm/device-metrics-exporter (its mandatory ones) and of NVIDIA/dcgm-exporter.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from aimlib.engines.gpu_exporters import exporters


class Assigned(NamedTuple):
    """The GPUs of one pod, and how busy they are."""

    namespace: str
    pod: str
    gpus: int
    use: Callable[[], float]
    """Percent, asked for at every scrape."""


LABELS = {
    "amd": ("gpu_id", "serial_number", "hostname", "namespace", "pod", "container", "card_model"),
    "nvidia": ("gpu", "UUID", "device", "Hostname", "namespace", "pod", "container", "modelName"),
}
MODELS = {"amd": "AMD Instinct MI300X", "nvidia": "NVIDIA H100 80GB HBM3"}


class DeviceExporter:
    """The exporter of one node with GPUs of one vendor; GPUs of no pod have empty labels and do nothing."""

    def __init__(self, vendor: str, node: str, assigned: Sequence[Assigned], gpus: int = 8):
        self.vendor, self.node = vendor, node
        owners = [pod for pod in assigned for _ in range(pod.gpus)]
        self.gpus = [*owners, *[None] * (gpus - len(owners))]
        self.registry = CollectorRegistry()
        name = exporters()[vendor].utilization
        self.use = Gauge(name, "GPU use in percent.", LABELS[vendor], registry=self.registry)

    def advance(self, seconds: float) -> None:  # noqa: ARG002 - pages are told the time that passed
        """Look at every GPU."""
        for number, owner in enumerate(self.gpus):
            place = {label: str(number) for label in ("gpu", "gpu_id", "serial_number", "UUID", "device")}
            names = dict.fromkeys(("hostname", "Hostname"), self.node) | dict.fromkeys(
                ("card_model", "modelName"), MODELS[self.vendor]
            )
            pod = {
                "namespace": owner.namespace if owner else "",
                "pod": owner.pod if owner else "",
                "container": "engine" if owner else "",
            }
            values = {**place, **names, **pod}
            self.use.labels(*(values[label] for label in LABELS[self.vendor])).set(owner.use() if owner else 0)

    def page(self) -> bytes:
        """The metrics page, in the text format."""
        return generate_latest(self.registry)
