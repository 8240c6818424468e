"""Many simulated nodes at once, copied from one in `nodes/`, for benchmarks."""

from collections.abc import Iterator
from typing import Any

import yaml
from kubernetes import client, config

from tests.cluster.plane import HERE, ControlPlane


def add_fleet(plane: ControlPlane, file: str, count: int, heartbeat: str = "5m") -> None:
    """Create `count` copies of the first node in `nodes/<file>.yaml` and wait until all are Ready.

    They carry the label `simulation/fleet: <file>`. `heartbeat` is how often each writes its status, as a Go duration;
    kubelets do so every five minutes.
    """
    core = client.CoreV1Api(config.new_client_from_config(str(plane.kubeconfig)))
    names = [f"{file}-copy-{number}" for number in range(count)]
    for node in _copies(file, names, heartbeat):
        core.create_node(node, _preload_content=False)
    columns = "--output=jsonpath={range .items[*]}{.metadata.name} {.status.phase}{'\\n'}{end}"

    def ready() -> bool:
        return set(names) <= {
            line.split()[0] for line in plane.kubectl("get", "nodes", columns).splitlines() if line.endswith("Running")
        }

    plane.wait_for(f"{count} nodes to be ready", ready, 60 + count / 10)


def _copies(file: str, names: list[str], heartbeat: str) -> Iterator[dict[str, Any]]:
    text = (HERE / "nodes" / f"{file}.yaml").read_text()
    original = next(yaml.safe_load_all(text))["metadata"]["name"]
    for name in names:
        node = next(yaml.safe_load_all(text.replace(original, name)))
        node["metadata"]["annotations"] = {"simulation/heartbeat": heartbeat}
        node["metadata"]["labels"]["simulation/fleet"] = file
        yield node
