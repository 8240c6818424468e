"""Calls the hook of ResourceSlices, as Metacontroller would, for devices that DRA drivers give out."""

from collections.abc import Iterable

from aimlib.api.meta import Raw
from aimlib.config import DEFAULT_CONFIG, Config
from aimlib.data import load_data
from aimlib.protocol.metacontroller import parse_request
from hooks import device_slice
from hooks.planning.simulate import select_related


def charted_classes() -> list[Raw]:
    """The DeviceClasses that the charts of the drivers install."""
    return [
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": one["name"]},
            "spec": {"selectors": [{"cel": {"expression": one["expression"]}}]},
        }
        for one in load_data("hardware")["deviceClasses"]
    ]


def simulate_slice(raw: Raw, related: Iterable[Raw], config: Config = DEFAULT_CONFIG) -> list[Raw]:
    """Calls the hook of ResourceSlices; returns the AIMNode, if it makes one. BadRequestError for an invalid slice.

    `related` are the DeviceClasses of the cluster and the AIMNodes of its nodes.
    """
    rules = device_slice.customize(parse_request({"object": raw}))["relatedResources"]
    request = parse_request({"object": raw, "related": select_related(rules, related)})
    made: list[Raw] = device_slice.sync(request, config)["attachments"]
    return made
