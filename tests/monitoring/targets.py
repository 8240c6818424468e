"""What a simulated world has to scrape: pages, and what Kubernetes would say of the pods behind them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from tests.cluster.plane import ROOT
from tests.monitoring.pages import Page, PageServer

MONITORING = ROOT / "manifests" / "components" / "monitoring"
RULES = (MONITORING / "rules" / "recording.yaml", MONITORING / "rules" / "alerts.yaml")
SCRAPE = MONITORING / "scrape.yaml"
Raw = dict[str, Any]


class Target(NamedTuple):
    """A pod with a page; `meta` is what relabelling sees of it, without the prefix of Kubernetes."""

    job: str
    page: Page
    meta: Mapping[str, str]
    labels: Mapping[str, str]
    """What its series carry in the end, `instance` aside."""


def endpoint_pod(namespace: str, endpoint: str, pod: str, page: Page, **annotations: str) -> Target:
    """A replica of an endpoint that has monitoring enabled; NAME_b is one of its second track.

    `annotations` are those after `prometheus.io/`.
    """
    announced = {"scrape": "true", "path": "/metrics", **annotations}
    meta = {
        "namespace": namespace,
        "pod_name": pod,
        "pod_phase": "Running",
        "pod_container_port_name": "http",
        "pod_label_app_kubernetes_io_instance": endpoint.removesuffix("_b"),
        "pod_label_aim_engine_amd_com_endpoint": endpoint,
        **{f"pod_annotation_prometheus_io_{name}": value for name, value in announced.items()},
    }
    labels = {"aimendpoint": endpoint.removesuffix("_b"), "track": "b" if endpoint.endswith("_b") else "a"}
    return Target("aim-endpoints", page, meta, {"namespace": namespace, "pod": pod, **labels})


def gateway_pod(namespace: str, gateway: str, pod: str, page: Page) -> Target:
    """A pod of a gateway."""
    meta = {
        "namespace": namespace,
        "pod_name": pod,
        "pod_phase": "Running",
        "pod_container_port_name": "metrics",
        "pod_label_app_kubernetes_io_name": "aim-gateway",
        "pod_label_app_kubernetes_io_instance": gateway,
    }
    return Target("aim-gateways", page, meta, {"namespace": namespace, "pod": pod, "aimgateway": gateway})


def own_pod(job: str, port: str, page: Page) -> Target:
    """A pod of the operator itself, in aim-system: the hook server, or the state of objects."""
    pod = f"{job}-0"
    meta = {
        "namespace": "aim-system",
        "pod_name": pod,
        "pod_phase": "Running",
        "pod_container_port_name": port,
        "pod_label_app_kubernetes_io_name": job,
    }
    labels = {"namespace": "aim-system", "pod": pod} if job == "aim-hooks" else {}
    return Target(job, page, meta, labels)


def exporter(name: str, page: Page) -> Target:
    """An exporter of GPU metrics, which is somebody else's, and scraped without honouring its labels as is usual."""
    return Target(name, page, {"namespace": "gpu-operator", "pod_name": f"{name}-0"}, {"namespace": "gpu-operator"})


def shipped() -> list[Raw]:
    """The scrape configurations that ship."""
    return yaml.safe_load(SCRAPE.read_text())["scrape_configs"]


def configuration(targets: Sequence[tuple[Target, PageServer]], interval: str) -> Raw:
    """A configuration that scrapes these pods by the shipped relabelling, as if Kubernetes had told of them.

    Targets of other jobs get a plain one. All are scraped by HTTP: the pages are.
    """
    ours = {one["job_name"]: one for one in shipped()}
    jobs: dict[str, Raw] = {}
    for target, server in targets:
        usual = ours.get(target.job, {"relabel_configs": [_copied("namespace")]})
        plain = {name: value for name, value in usual.items() if not re.search(r"_sd_configs$|^scheme$|^tls_", name)}
        job = jobs.setdefault(target.job, {**plain, "job_name": target.job, "static_configs": []})
        meta = {f"__meta_kubernetes_{name}": value for name, value in target.meta.items()}
        job["static_configs"].append({"targets": [f"127.0.0.1:{server.port}"], "labels": meta})
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": list(jobs.values()),
    }


def _copied(label: str) -> Raw:
    return {"source_labels": [f"__meta_kubernetes_{label}"], "target_label": label}
