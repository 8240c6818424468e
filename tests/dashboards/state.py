"""The objects of the simulated cluster, as the real hooks answer for them, and the page of their state."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from aimlib.api import API_VERSION
from tests.dashboards.clock import Clock
from tests.kustomize import ROOT
from tests.playing import Play, play
from tests.state_metrics.families import exposition, families
from tests.state_metrics.page import CONFIGURATION
from tests.world import NOON

Raw = dict[str, Any]
WORLDS = yaml.safe_load((Path(__file__).parent / "objects.yaml").read_text())
GROWING = "team-a/models"
"""The cache that is filled while it is looked at."""
SPEED = 6_000_000
"""Bytes per second at which it is."""
GPUS = {"MI300X": ("amd", "amd.com/gpu", 192), "MI325X": ("amd", "amd.com/gpu", 256)}
GPUS |= {"H100": ("nvidia", "nvidia.com/gpu", 79.6), "H200": ("nvidia", "nvidia.com/gpu", 140.4)}


def recipe(name: str) -> Raw:
    """A recipe that is shipped."""
    return yaml.safe_load((ROOT / "recipes" / f"{name}.yaml").read_text())


def played(kind: str, name: str, world: Raw) -> Play:
    """An object's sync: what Metacontroller would send, and what the hook answers."""
    namespace, _, own = name.partition("/")
    given = {key: value for key, value in world.items() if key not in {"spec", "minutes", "annotations"}}
    metadata = {"name": own, "namespace": namespace, "uid": f"{kind}-{name}"}
    metadata["annotations"] = world.get("annotations", {})
    given |= {kind: {"metadata": metadata, "spec": world["spec"]}, "now": NOON, "earlier": {}}
    given["recipes"] = [recipe(one) for one in world.get("recipes", ())]
    if kind == "endpoint":
        given["inventory"] = WORLDS["inventory"]
    found = play(kind, f"/{kind}/sync", given)
    assert found.answer.code == 200, f"{name}: {found.answer.said}"
    return found


def dated(one: Raw, minutes: float) -> Raw:
    """An object that came to be as it is so many minutes ago."""
    moment = f"{datetime.now(UTC) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"
    conditions = [{**each, "lastTransitionTime": moment} for each in one["status"].get("conditions", ())]
    metadata = {**one["metadata"], "creationTimestamp": moment}
    return {**one, "metadata": metadata, "status": {**one["status"], "conditions": conditions}}


def synced(kind: str, name: str, world: Raw) -> Raw:
    """An object with the status that its hook answered."""
    found = played(kind, name, world)
    return dated({**found.request["parent"], "status": found.answer.said["status"]}, world["minutes"])


def node(name: str, product: str) -> Raw:
    """A server with eight GPUs, as an AIMNode."""
    vendor, resource, memory = GPUS[product]
    pools = [
        {
            "product": product,
            "vendor": vendor,
            "shared": False,
            "memoryGiB": memory,
            "resource": resource,
            "devices": 8,
        },
        {"product": "CPU", "vendor": "cpu", "shared": False, "memoryGiB": 2024, "resource": "cpu", "devices": 190},
    ]
    spec = {"usable": True, "pools": pools}
    return {"apiVersion": API_VERSION, "kind": "AIMNode", "metadata": {"name": name}, "spec": spec}


class State:
    """The page of kube-state-metrics over these objects: one cache is filled as time passes."""

    def __init__(self, past: float) -> None:
        self.configuration = yaml.safe_load(CONFIGURATION.read_text())
        self.clock = Clock(past)
        worlds = [("endpoint", name, world) for name, world in WORLDS["endpoints"].items()]
        worlds += [("cache", name, world) for name, world in WORLDS["caches"].items() if name != GROWING]
        worlds += [("gateway", name, world) for name, world in WORLDS["gateways"].items()]
        self.steady = [synced(*one) for one in worlds] + [node(*one) for one in WORLDS["nodes"].items()]
        names = {
            one for world in (*WORLDS["endpoints"].values(), *WORLDS["caches"].values()) for one in world["recipes"]
        }
        self.steady += [recipe(name) for name in sorted(names)]

    def advance(self, seconds: float) -> None:
        """Let the download go on."""
        self.clock.advance(seconds)

    def page(self) -> bytes:
        """What is scraped."""
        objects = [*self.steady, synced("cache", GROWING, self._growing())]
        return exposition(families(self.configuration, objects)).encode()

    def _growing(self) -> Raw:
        """The cache as it is when its download has come so far; it is what objects.yaml says at the end of the past."""
        world = WORLDS["caches"][GROWING]
        ready, second, loading = world["state"]["models"]
        volume = world["state"]["volume"]
        more = max(self.clock.now * SPEED, -loading["done"])
        done = min(loading["done"] + more, loading["total"] - 1)
        change = done - loading["done"]
        state = {
            "models": [ready, second, {**loading, "done": int(done)}],
            "volume": {
                **volume,
                "used": int(volume["used"] + change),
                "available": int(volume["available"] - change),
            },
        }
        return {**world, "state": state}
