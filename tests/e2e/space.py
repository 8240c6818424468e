"""A namespace on the control plane, and what a user does and sees there."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aimlib.api import API_VERSION
from tests.cluster.plane import ControlPlane
from tests.cluster.processes import StartError
from tests.cluster.reads import name_of

SECONDS = 60
"""How long anything may take: a sync that failed once is tried again after a back-off."""
UNSEEN = {"phase": "Pending", "observedGeneration": -1}
"""The status of what nobody has looked at."""
FOR_GATEWAYS = re.compile(r"service/.+-pods-[0-9a-f]+")
"""The Services that gateways route to."""

Raw = dict[str, Any]


def endpoint(name: str, **spec: Any) -> Raw:
    """An AIMEndpoint."""
    return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": {"name": name}, "spec": spec}


def recipe(name: str, **spec: Any) -> Raw:
    """An AIMRecipe for one MI300X, without facts, so that nothing but the hardware decides whether it fits."""
    usual = {"hardware": "MI300X", "precision": "bf16", "backend": "vllm", "configurations": [{"gpuCount": 1}]}
    return {"apiVersion": API_VERSION, "kind": "AIMRecipe", "metadata": {"name": name}, "spec": {**usual, **spec}}


@dataclass(frozen=True)
class Space:
    """One namespace."""

    plane: ControlPlane
    namespace: str

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as in subprocess.run
        """What kubectl prints; KubectlError when it fails."""
        return self.plane.kubectl(f"--namespace={self.namespace}", *arguments, input=input)

    def give_address(self, service: str, ip: str) -> None:
        """What a controller of load balancers does, of which there is none here."""
        address = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": ip}]}}})
        self.kubectl("patch", "service", service, "--subresource=status", "--type=merge", f"--patch={address}")

    def apply(self, *objects: Raw) -> None:
        """`kubectl apply` of some objects."""
        self.kubectl("apply", "--filename=-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def get(self, *arguments: str) -> Raw:
        """`kubectl get … -o json`, parsed."""
        return self.plane.get(f"--namespace={self.namespace}", *arguments)

    def names(self, resources: str, *arguments: str) -> list[str]:
        """What there is, as `kind/name`."""
        return [name_of(one) for one in self.get(resources, *arguments)["items"]]

    def patch(self, target: str, change: Raw) -> None:
        """A merge patch of `aimendpoint/x`."""
        self.kubectl("patch", target, "--type=merge", f"--patch={json.dumps(change)}")

    def condition(self, name: str, kind: str = "Ready") -> Raw:
        """One condition of an endpoint that was said of its present spec; empty before that."""
        found = self.get("aimendpoint", name)
        conditions = found.get("status", {}).get("conditions", ())
        said = (one for one in conditions if one["observedGeneration"] == found["metadata"]["generation"])
        return next((one for one in said if one["type"] == kind), {})

    def becomes(self, name: str, reason: str, kind: str = "Ready", words: str = "", seconds: float = SECONDS) -> str:
        """Wait for a condition of an endpoint to have a reason and some words; its message."""
        found: Raw = {}

        def arrived() -> bool:
            found.clear()
            found.update(self.condition(name, kind))
            return found.get("reason") == reason and words in found["message"]

        self.wait(f"{name} to have {kind} {reason}: {words}", arrived, seconds)
        return found["message"]

    def ready(self, *names: str, seconds: float = SECONDS) -> None:
        """Wait until endpoints are Ready with the spec they have now."""
        targets = [f"aimendpoint/{name}" for name in names]
        self.kubectl("wait", "--for=condition=Ready", f"--timeout={seconds:.0f}s", *targets)

    def deployment(self, name: str) -> Raw:
        """The Deployment of an endpoint."""
        return self.get("deployment", name)

    def container(self, name: str) -> Raw:
        """The one container of an endpoint's Deployment."""
        [found] = self.deployment(name)["spec"]["template"]["spec"]["containers"]
        return found

    def children(self) -> list[str]:
        """Everything that the operator may have made, as `kind/name`, but for the Services that gateways route to."""
        kinds = "deployments,services,persistentvolumeclaims,horizontalpodautoscalers,poddisruptionbudgets,configmaps"
        found = self.names(kinds) + self.names("serviceaccounts")
        ours = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
        return sorted(name for name in found if name not in ours and not FOR_GATEWAYS.fullmatch(name))

    def wait(self, what: str, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Poll until `holds()`; an AssertionError that shows what there is when the time is over."""
        try:
            self.plane.wait_for(what, holds, seconds)
        except StartError as error:
            shown = self.kubectl("get", "aimcaches,aimendpoints,pods", "--output=wide")
            raise AssertionError(f"{error}\n{shown}{self.kubectl('get', 'events')}") from None
