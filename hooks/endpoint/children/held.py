"""The Deployment that stays as it is while something is waited for, and what its pods answer to."""

from itertools import takewhile
from typing import NamedTuple

from aimlib.api.adapter import MOST_ADAPTERS
from aimlib.api.formats import ADAPTER_NAME, MODEL_ID
from aimlib.api.meta import Raw
from aimlib.api.routing import MOST_ROUTED_NAMES
from aimlib.kube.server_kinds import pods_template


class HeldDeployment(NamedTuple):
    """The Deployment to keep while the model is being cached."""

    deployment: Raw | None = None
    """As it was last applied; None where there was none, and so there is none."""

    @property
    def _pod(self) -> Raw:
        return dict(pods_template(self.deployment)["spec"]) if self.deployment else {}

    @property
    def single(self) -> bool:
        """Whether it is there, and each of its replicas is one pod."""
        return self.deployment is not None and "template" in self.deployment["spec"]

    @property
    def _container(self) -> Raw:
        return next(iter(self._pod.get("containers") or ()), {})

    @property
    def port(self) -> int | None:
        """The port that the engine listens on."""
        return next((int(port["containerPort"]) for port in self._container.get("ports") or ()), None)

    def names(self, flag: str) -> tuple[str, ...]:
        """The names of the model in requests, which the engine's flag states."""
        return tuple(takewhile(MODEL_ID.matches, self._after(flag)))[: MOST_ROUTED_NAMES + 1]

    def adapters(self, flag: str) -> tuple[str, ...]:
        """The names of adapters in requests, which the engine's flag states with their folders."""
        named = takewhile(lambda arg: "=" in arg and not arg.startswith("-"), self._after(flag))
        return tuple(filter(ADAPTER_NAME.matches, (arg.partition("=")[0] for arg in named)))[:MOST_ADAPTERS]

    def _after(self, flag: str) -> list[str]:
        """The arguments of the engine that follow a flag."""
        args = [str(arg) for arg in self._container.get("args") or ()]
        return args[args.index(flag) + 1 :] if flag in args else []

    def mounts(self, claim: str) -> bool:
        """Whether the pods mount a claim."""
        volumes = self._pod.get("volumes") or ()
        return any((volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes)
