"""Endpoints with canaries behind a gateway, as tests make them and look at them."""

from aimlib.api import API_VERSION
from tests.e2e.space import Raw, Space, endpoint, recipe

INTERVAL = 10
"""Seconds between two comparisons, the fewest there may be."""
SERVES = "v1-answers-in-50ms"
"""The tag of the first version; simulated/behaviour.py goes by tags."""
LIMITS = {"timeToFirstToken": 200, "interTokenLatency": 1000, "endToEndLatency": 200}
"""Percent; on a machine that is busy a good version is not as even as the other, and the slower one is ten times so."""
ANALYSIS = {"intervalSeconds": INTERVAL, "minRequests": 5, "failureLimit": 2, "maxRegressionPercent": LIMITS}
TRIED = {"enabled": True, "steps": [{"weight": 50, "seconds": 0}], "analysis": ANALYSIS}
IMAGE = {"repository": "engine.example.com/simulated"}
COMMON = {"monitoring": {"enabled": True}, "deployment": {"canary": TRIED}}


def model(case: str) -> str:
    return f"simulated/{case}"


def served(case: str, tag: str, **more: object) -> Raw:
    """An endpoint with its image in the spec; that of a case -recipe is in a recipe that may be exchanged."""
    usual = {"modelId": model(case), **COMMON, **more}
    how = {"recipe": {"updatePolicy": "Auto"}} if case.endswith("-recipe") else {"image": {"tag": tag}}
    return endpoint(case, **how, **usual)


def known(case: str, tag: str = SERVES, gpus: int = 1) -> Raw:
    """A recipe of a case; one with fewer GPUs is the better one."""
    image = {"image": {**IMAGE, "tag": tag}} if case.endswith("-recipe") else {}
    return recipe(f"{case}-{gpus}", modelId=model(case), configurations=[{"gpuCount": gpus}], **image)


def gateway(name: str, **spec: object) -> Raw:
    spec = {"clients": {"anonymous": True}, "holding": {"seconds": 5}, **spec}
    return {"apiVersion": API_VERSION, "kind": "AIMGateway", "metadata": {"name": name}, "spec": spec}


def host(space: Space, name: str) -> str:
    """The address of the gateway's Service, which clients look up once."""
    return str(space.get("service", name)["spec"]["clusterIP"])


def canary(space: Space, name: str) -> Raw:
    return space.get("aimendpoint", name)["status"].get("canary", {})


def pods(space: Space, name: str, track: str) -> dict[str, int]:
    """The pods of a track that are not going, by uid: how often each has restarted."""
    value = name if track == "a" else f"{name}_b"
    found = space.get("pods", f"--selector=aim.engine.amd.com/endpoint={value}")["items"]
    return {
        one["metadata"]["uid"]: sum(each["restartCount"] for each in one["status"].get("containerStatuses", ()))
        for one in found
        if "deletionTimestamp" not in one["metadata"]
    }


def ready_gateway(space: Space, name: str, routes: int) -> bool:
    status = space.get("aimgateway", name).get("status", {})
    return status.get("phase") == "Ready" and status.get("routes") == routes
