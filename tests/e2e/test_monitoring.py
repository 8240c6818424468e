"""A real Prometheus finds the pods of endpoints on a real control plane, by the scrape configuration that ships.

The simulated kubelets give pods addresses where nobody listens: simulated model servers answer in their place, by one
rule that is added after the shipped ones.
"""

from contextlib import ExitStack

import pytest

from tests.e2e.space import endpoint
from tests.monitoring.engines import ModelServer
from tests.monitoring.pages import served
from tests.monitoring.prometheus import INTERVAL, started
from tests.monitoring.targets import RULES, shipped
from tests.monitoring.traffic import Traffic

pytestmark = pytest.mark.e2e

MODEL = "Qwen/Qwen3-32B"
SERVERS = {"chat": "vllm", "batch": "sglang"}


def instead(name, port):
    """The relabelling that sends the scrapes of an endpoint to a server of ours."""
    address = f"127.0.0.1:{port}"
    return {"source_labels": ["aimendpoint"], "regex": name, "target_label": "__address__", "replacement": address}


def configuration(space, ports):
    job = next(one for one in shipped() if one["job_name"] == "aim-endpoints")
    [found] = job["kubernetes_sd_configs"]
    where = {"kubeconfig_file": str(space.plane.kubeconfig), "namespaces": {"names": [space.namespace]}}
    relabelled = [*job["relabel_configs"], *(instead(*one) for one in ports.items())]
    return {
        "global": {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": [{**job, "kubernetes_sd_configs": [{**found, **where}], "relabel_configs": relabelled}],
    }


def test_prometheus_scrapes_the_pods_that_are_announced_as_their_endpoints_say(space, monitoring_programs, tmp_path):  # noqa: ARG001 - built first
    scraped = {"enabled": True, "prometheus": {"interval": "1s", "path": "/engine/metrics"}}
    space.apply(
        endpoint("chat", modelId=MODEL, backend="vllm", replicas=2, monitoring={"enabled": True}),
        endpoint("batch", modelId=MODEL, backend="sglang", monitoring=scraped),
        endpoint("silent", modelId=MODEL, monitoring={"enabled": True, "prometheus": {"enabled": False}}),
    )
    space.ready("chat", "batch", "silent")
    with ExitStack() as stack:
        pages = {
            name: stack.enter_context(served(ModelServer(engine, MODEL, Traffic()))) for name, engine in SERVERS.items()
        }
        config = configuration(space, {name: page.port for name, page in pages.items()})
        prometheus = stack.enter_context(started(config, tmp_path))
        prometheus.wait_for(lambda: len(prometheus.query('up{aimendpoint!=""} == 1')) == 3)
        targets = prometheus.targets()
        found = sorted((one["labels"]["aimendpoint"], one["labels"]["namespace"]) for one in targets)
        assert found == [("batch", space.namespace), ("chat", space.namespace), ("chat", space.namespace)]
        assert {one["labels"]["pod"] for one in targets} <= {name.removeprefix("pod/") for name in space.names("pods")}
        [batch] = [one for one in targets if one["labels"]["aimendpoint"] == "batch"]
        assert batch["scrapeUrl"].endswith("/engine/metrics")
        assert (batch["scrapeInterval"], batch["scrapeTimeout"]) == ("1s", "1s")
        for name, replicas in (("chat", 2), ("batch", 1)):
            running = f'aim:requests_running{{namespace="{space.namespace}",aimendpoint="{name}"}} == {8 * replicas}'
            prometheus.wait_for(lambda query=running: prometheus.query(query))
        space.patch("aimendpoint/batch", {"spec": {"replicas": 0}})
        prometheus.wait_for(lambda: not prometheus.query('up{aimendpoint="batch"}'), 60)
