"""A Kubernetes control plane of one's own: real, but kwok simulates the kubelets, and jobs.py runs caches' Jobs."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster import binaries, credentials, jobs, volumes
from tests.cluster.components import start_api_server, start_controllers
from tests.cluster.plane import HERE, ROOT, ControlPlane
from tests.cluster.processes import free_ports

# There before the controllers start: these notice a new kind only every 30 seconds, and until then neither collect what
# an object of it owned nor scale it.
CUSTOM_RESOURCES = (HERE / "metacontroller-crds", ROOT / "crds")


@contextmanager
def control_plane(report: Callable[[str], None] = lambda _: None) -> Iterator[ControlPlane]:
    """Everything started and ready, and everything stopped and removed on the way out; `report` is told each step."""
    programs = binaries.ensure()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="aim-cluster-", ignore_cleanup_errors=True))
        )
        (folder / "logs").mkdir()
        secure, etcd_client, etcd_peer = free_ports(3)
        made = credentials.create(folder / "credentials")
        # The programs run on a stack of their own, closed before the folder is removed.
        processes = stack.enter_context(ExitStack())
        plane = ControlPlane(folder, programs, f"https://127.0.0.1:{secure}", made, processes)
        for user in made.tokens:
            made.kubeconfig(user, plane.server)
        start_api_server(plane, secure, f"http://127.0.0.1:{etcd_client}", f"http://127.0.0.1:{etcd_peer}")
        report(f"API server at {plane.server}")
        plane.apply(*CUSTOM_RESOURCES)
        start_controllers(plane)
        plane.kubectl("apply", "--server-side", f"--filename={HERE / 'storage-classes.yaml'}")
        processes.enter_context(volumes.pool(plane))
        processes.enter_context(jobs.runner(plane))
        report("controllers, scheduler, simulated kubelets and volumes")
        yield plane
