"""Pytest fixtures: a control plane whose endpoints have pods that are processes, and the operator on it.

Only in a network of one's own: `python -m tests.dataplane`.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.operator import Operator
    from tests.cluster.plane import ControlPlane
    from tests.dataplane.names import Names
    from tests.monitoring.prometheus import Prometheus

NODES = Path(__file__).parent / "nodes.yaml"
DRAIN_SECONDS = 10
"""For which a replica that is to end serves on."""


@pytest.fixture(scope="session")
def names() -> Iterator["Names"]:
    """What answers for names in this network."""
    from tests.dataplane.names import answered  # noqa: PLC0415 - every run of pytest imports this module

    with answered() as made:
        yield made


@pytest.fixture(scope="session")
def live_plane(names: "Names") -> Iterator["ControlPlane"]:
    """A control plane with its data plane, the nodes of nodes.yaml, and without the operator."""
    from tests.cluster.controlplane import control_plane  # noqa: PLC0415 - as above
    from tests.dataplane import engine, running  # noqa: PLC0415 - as above

    with control_plane() as plane, running.data_plane(plane, engine.chosen(), names):
        running.add_nodes(plane, NODES.read_text())
        yield plane


@pytest.fixture(scope="session")
def live_operator(live_plane: "ControlPlane") -> "Operator":
    """The operator, installed on that control plane."""
    from tests.cluster import operator  # noqa: PLC0415 - as above

    return operator.install(live_plane)


@pytest.fixture(scope="module")
def monitored(live_plane: "ControlPlane", tmp_path_factory: pytest.TempPathFactory) -> Iterator["Prometheus"]:
    """A Prometheus with the shipped rules and configuration for the pods of endpoints, which it finds by itself."""
    from tests.monitoring import prometheus  # noqa: PLC0415 - as above
    from tests.monitoring.targets import RULES, shipped  # noqa: PLC0415 - as above

    [job] = [one for one in shipped() if one["job_name"] == "aim-endpoints"]
    for discovery in job["kubernetes_sd_configs"]:
        discovery["kubeconfig_file"] = str(live_plane.kubeconfig)
    often = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s")
    config = {"global": often, "rule_files": [str(rules) for rules in RULES], "scrape_configs": [job]}
    with prometheus.started(config, tmp_path_factory.mktemp("prometheus")) as started:
        yield started


@pytest.fixture(scope="module")
def hooks(
    live_plane: "ControlPlane",
    live_operator: "Operator",
    monitored: "Prometheus",
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """A hook server that asks this Prometheus, where what is waited for takes seconds."""
    from aimlib.telemetry import live_metrics  # noqa: PLC0415 - as above
    from hooks.endpoint import report  # noqa: PLC0415 - as above
    from hooks.server.observers import prometheus as observer  # noqa: PLC0415 - as above
    from tests.cluster.operator import own_account  # noqa: PLC0415 - as above
    from tests.e2e.hookserver import within  # noqa: PLC0415 - as above

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observer, "QUERY_INTERVAL", timedelta(seconds=1))
        patch.setattr(observer, "MAX_AGE", timedelta(seconds=5))
        patch.setattr(live_metrics, "HOLD_TIME", timedelta(seconds=1))
        patch.setattr(report, "RESYNC_SECONDS", 2)
        account = str(own_account(live_plane, "aim-hooks", "aim-system"))
        settings = tmp_path_factory.mktemp("settings") / "config.yaml"
        settings.write_text(f"drainSeconds: {DRAIN_SECONDS}\nprometheusURL: {monitored.url}\n")
        asks = {"AIM_OBSERVE": "pods,prometheus", "AIM_PROMETHEUS_URL": monitored.url}
        with within(live_plane, live_operator, KUBECONFIG=account, AIM_CONFIG=str(settings), **asks):
            yield
