"""A pool at zero nodes: an endpoint waits for its first node, and is Ready once that has come."""

import pytest
import yaml

from tests.cluster.operator import own_account
from tests.cluster.plane import HERE
from tests.e2e.hookserver import within
from tests.e2e.space import SECONDS, endpoint, recipe

pytestmark = pytest.mark.e2e

POOL = {"example.com/pool": "mi355x"}
COMING = "may come: nodes with 8 x MI355X (288 GiB)"


@pytest.fixture
def elastic(space, installation, tmp_path):
    """The namespace of a hook server for which a pool of MI355X is at zero nodes."""
    settings = tmp_path / "settings.yaml"
    pool = {"product": "MI355X", "gpusPerNode": 8, "labels": POOL, "cpus": 190, "memoryGiB": 3000}
    settings.write_text(yaml.safe_dump({"hardwareMayCome": [pool]}), encoding="utf-8")
    account = str(own_account(space.plane, "aim-hooks", "aim-system"))
    with within(space.plane, installation, KUBECONFIG=account, AIM_OBSERVE="pods", AIM_CONFIG=str(settings)):
        touched(space)
        space.wait("the pool to be listed", lambda: COMING in summary(space))
        yield space
        space.kubectl("delete", "node", "mi355x-0", "--ignore-not-found")
    touched(space)
    space.wait("the pool to be gone", lambda: COMING not in summary(space))


def touched(space):
    """Has the inventory computed anew, which else waits for a node to change."""
    space.kubectl("annotate", "aiminventory", "cluster", f"example.com/touched={space.namespace}", "--overwrite")
    space.kubectl("annotate", "aiminventory", "cluster", "example.com/touched-")


def summary(space):
    return space.get("aiminventory", "cluster")["status"]["summary"]


def test_an_endpoint_waits_for_the_first_node_of_a_pool_and_is_ready_on_it(elastic):
    name = elastic.namespace
    elastic.apply(recipe(name, modelId=f"example/{name}", hardware="MI355X", configurations=[{"gpuCount": 8}]))
    elastic.apply(endpoint("waits", modelId=f"example/{name}"))
    message = elastic.becomes("waits", "WaitingForNode")
    assert message.startswith("waits for a node with MI355X, which may come (hardwareMayCome of the settings): ")
    status = elastic.get("aimendpoint", "waits")["status"]
    assert (status["phase"], status["resolved"]["mayCome"]) == ("Pending", True)
    before = elastic.get("deployment", "waits")["metadata"]["generation"]
    node = yaml.safe_load((HERE / "nodes" / "mi355x.yaml").read_text())
    node["metadata"]["labels"] |= POOL
    elastic.kubectl("apply", "--server-side", "--filename=-", input=yaml.safe_dump(node))
    elastic.ready("waits", seconds=2 * SECONDS)
    elastic.wait("the node to be counted", lambda: "8 x MI355X" in summary(elastic).partition("may come")[0])
    elastic.becomes("waits", "Current", kind="UpToDate")
    assert elastic.get("deployment", "waits")["metadata"]["generation"] == before, "nothing restarts"
    elastic.kubectl("delete", "aimendpoint", "waits")
    elastic.kubectl("delete", "aimrecipe", name)
