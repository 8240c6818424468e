"""The input of every builder: the endpoint, its configuration and the settings; and what all children share."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from aimlib import naming, pod_template
from aimlib.api import API_VERSION
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import UsedCache
from aimlib.api.pod import CaBundle
from aimlib.api.resolved import Resolved
from aimlib.api.source import ModelSource, parse_source
from aimlib.caching.usage import Use
from aimlib.config import Config
from aimlib.engines.catalogue import Engine, engine
from aimlib.kube.server_kinds import LEADER
from aimlib.selection.steps import decided_for
from hooks.endpoint.children.held import HeldDeployment
from hooks.endpoint.children.labels import INSTANCE_LABEL, NAME_LABEL, pod_selector
from hooks.endpoint.children.loaded_files import Download, LoadedAdapter, MountedImage
from hooks.endpoint.children.scalers import Scalers
from hooks.objects.shared_volume import ONE_NODE

T = TypeVar("T")
SUSPENDED_REST = ("Suspended", "spec.suspend is true")
"""The reason and the words of an endpoint that is suspended and has no replicas left."""


class Owner(NamedTuple):
    """An endpoint that has children."""

    name: str
    namespace: str
    spec: EndpointSpec
    resolved: Resolved
    config: Config
    cache: UsedCache | None = None
    """The AIMCache that the pods use."""
    uses: tuple[Use, ...] = ()
    """All models of caches that any of the pods use, those of an earlier version included."""
    claim_labels: Mapping[str, str] = MappingProxyType({})
    """The labels for the claims that these pods mount and another cache may have made."""
    hold: HeldDeployment | None = None
    track: str = naming.FIRST_TRACK
    """The track of the Deployment."""
    share: int = 100
    """Percent of the endpoint's requests that gateways send to the track."""
    mirror: int = 0
    """Percent of the endpoint's requests of which gateways send the track a copy."""
    image: MountedImage | None = None
    """The image that has the model's files, where they are mounted as a volume."""
    queue: str | None = None
    """The queue that its Deployment has."""
    scalers: Scalers = Scalers()
    """What may scale the endpoint."""
    adapters: tuple[LoadedAdapter, ...] = ()
    """The adapters that the cache has for the engine."""
    joined: bool = False
    """Whether the Service leads to the pods of both tracks, as while one takes over from the other."""
    former_node: str | None = None
    """The node that pods prefer, since the last one was there."""

    @property
    def child(self) -> str:
        """The name of the Service, and whatever there is one of."""
        return naming.child_name(self.name)

    @property
    def deployment(self) -> str:
        """The name of the Deployment, or of the LeaderWorkerSet."""
        return (naming.group_name if self.resolved.nodes else naming.track_name)(self.name, self.track)

    @property
    def claim(self) -> str:
        """The name of the claim that is this endpoint's own."""
        return naming.child_name(self.name, "-cache")

    @property
    def ca_bundle(self) -> CaBundle | None:
        """The authorities that the engine trusts instead of the image's."""
        return self.spec.ca_bundle or self.config.ca_bundle

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the model in requests: its id, and those that the spec adds."""
        return tuple(dict.fromkeys((self.resolved.model_id, *self.spec.routing.names)))

    @property
    def served_names(self) -> tuple[str, ...]:
        """The names that the pods behind the Service answer to: held ones may serve another model."""
        flags = self.engine.flags
        if held := self._held.names(flags.served_model_name):
            return (*held, *(self._held.adapters(flags.adapters.paths) if flags.adapters else ()))
        return tuple(dict.fromkeys((*self.names, *(one.name for one in self.resolved.adapters or ()))))

    @property
    def runtime_class(self) -> str | None:
        """The RuntimeClass of the pods, where one is stated or usual for the vendor."""
        by_vendor = self.config.runtime_class_names.items()
        usual = next((name for vendor, name in by_vendor if vendor == self.resolved.vendor), None)
        return self.spec.runtime_class_name or usual

    @property
    def account(self) -> str | None:
        """The pods' service account, where one is named or made."""
        requested = self.spec.security.service_account
        return requested.name or (self.child if requested.create else None)

    @property
    def template_version(self) -> int:
        """The version of the pod template that is rendered."""
        return pod_template.rendered(self.resolved.template_version)

    def since(self, version: int, value: T) -> T | None:
        """A value that the pod template has from a version on."""
        return value if self.template_version >= version else None

    @property
    def engine(self) -> Engine:
        return engine(self.resolved.backend)

    @property
    def port(self) -> int:
        """The port that the engine listens on."""
        return self.spec.service.target_port or self.engine.port

    @property
    def serving_port(self) -> int:
        """The port that the pods behind the Service listen on: held ones may run another engine."""
        return self._held.port or self.port

    @property
    def one_node(self) -> bool:
        """Whether the cache's volume is on one node at a time, and so all of its pods are."""
        return self.cache is not None and self.cache.access_mode in ONE_NODE

    @property
    def own_claim(self) -> bool:
        """Whether pods mount a claim that is this endpoint's own."""
        cache = self.spec.cache
        requested = bool(cache.enabled) and cache.name is None and self.download is None
        return requested or self._held.mounts(self.claim)

    @property
    def _held(self) -> HeldDeployment:
        return self.hold or HeldDeployment()

    @property
    def autoscaled(self) -> bool:
        """Whether an autoscaler writes the replicas; zero switches it off by hand, unless the least is none."""
        scaling = self.spec.scaling
        if scaling is None:
            return False
        to_zero = self.scalers.reaches_zero(scaling)
        return to_zero or (scaling.most > 1 and (self.spec.replicas > 0 or scaling.to_zero))

    @property
    def replicas(self) -> int:
        """How many replicas are desired now: spec.replicas, within the bounds of scaling, unless it is zero.

        With minReplicas 0 an autoscaler has written the zero; without one that may, one replica runs.
        """
        scaling, stated = self.spec.scaling, self.spec.replicas
        if self.spec.suspend:
            return 0
        if scaling is None or (stated == 0 and not scaling.to_zero):
            return stated
        desired = max(stated, self.scalers.least(scaling))
        return min(desired, scaling.max_replicas) if scaling.max_replicas else desired

    @property
    def rest(self) -> tuple[str, str]:
        """The reason and the words where no replicas are desired."""
        if self.spec.suspend:
            return SUSPENDED_REST
        if self.autoscaled:
            return "Idle", "no request came for a while; the next one through an AIMGateway starts a replica"
        return "Stopped", "spec.replicas is 0"

    @property
    def most_replicas(self) -> int:
        """How many replicas there may be."""
        return max(self.replicas, (self.spec.scaling.max_replicas or 0) if self.spec.scaling else 0)

    @property
    def revision(self) -> str | None:
        """The revision that is stated; it means nothing to another model, which an earlier spec requested."""
        stated = self.spec.requested_model.revision
        return stated if stated and self._loads_source else None

    @property
    def draft_revision(self) -> str | None:
        """The revision of the second model, which drafts: as stated, else as the cache has it."""
        stated = self.resolved.draft.revision if self.resolved.draft else None
        return stated or (self.cache.draft_revision if self.cache else None)

    @property
    def source(self) -> ModelSource | None:
        """The folder on a claim that is loaded instead of a repository, under the same conditions as a revision."""
        model = self.spec.requested_model
        return parse_source(model.source) if model.source and model.mounted and self._loads_source else None

    @property
    def mounts_image(self) -> bool:
        """Whether the source that is stated is an image that pods mount, under the same conditions."""
        return self.spec.requested_model.image_volume is not None and self._loads_source

    @property
    def loaded_folder(self) -> str | None:
        """The folder of the mounted volume that is loaded instead of a repository; None where none is mounted."""
        if self.image:
            return self.image.folder
        return self.source.path if self.source else None

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """The Secrets for pulling the engine's image, and the model's."""
        access = self.spec.requested_model.access if self.image else None
        own = (access.secret,) if access and access.secret else ()
        return tuple(dict.fromkeys((*self.spec.image.pull_secrets, *own)))

    @property
    def download(self) -> Download | None:
        """What is downloaded to a cache of this endpoint: the source that is stated, else the one of an AIMModel."""
        requested, resolved = self.spec.requested_model, self.resolved
        if requested.source:
            downloaded = requested.downloaded and self._loads_source
            return Download(requested.source, requested.access) if downloaded else None
        if resolved.source is None or self.spec.cache.name or self.revision:
            return None
        return Download(resolved.source, resolved.access)

    @property
    def downloads(self) -> bool:
        """Whether its pods download the model themselves: no cache has it, and nothing that they mount."""
        return self.cache is None and self.download is None and self.loaded_folder is None

    @property
    def own_cache(self) -> str:
        """The name of the AIMCache that is this endpoint's own: another one for each place that files come from."""
        source, access = self.download or Download("", None)
        servers = (access.endpoint, access.artifact_endpoint) if access else ()
        return naming.child_name(self.name, f"-model-{naming.short_digest(self.resolved.checkpoint, source, *servers)}")

    @property
    def _loads_source(self) -> bool:
        """Whether the source and the revision that are stated are those of the configuration."""
        return self.resolved.model_id == self.spec.requested_model.id and self._may_load_revision

    @property
    def _may_load_revision(self) -> bool:
        """Whether selection allows a revision to this configuration.

        A configuration that keeps running although the present spec is refused was not selected for its revision.
        """
        if self.resolved.decided_for == decided_for(self.spec):
            return True
        default_code = self.runs_code and self.config.remote_code_revisions == "Default"
        return self.resolved.checkpoint == self.resolved.model_id and not default_code

    @property
    def runs_code(self) -> bool:
        """Whether the engine runs code that is among the model's files."""
        return self.engine.flags.trust_remote_code in self.resolved.args

    @property
    def scale_target(self) -> dict[str, str]:
        """The endpoint, as what scales it refers to it."""
        return {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "name": self.name}

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select the pods of the Deployment."""
        return pod_selector(self.name, self.track)

    @property
    def leaders(self) -> dict[str, str]:
        """The label of the pods that answer requests, where others are beside them."""
        return LEADER if self.resolved.nodes and not self._held.single else {}

    @property
    def serving_selector(self) -> dict[str, str]:
        """The labels that select the pods behind the Service."""
        both = {key: text for key, text in self.labels.items() if key in (NAME_LABEL, INSTANCE_LABEL)}
        return both if self.joined else self.selector | self.leaders

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every child."""
        return {
            NAME_LABEL: "aim-endpoint",
            INSTANCE_LABEL: naming.label_value(self.name),
            "app.kubernetes.io/managed-by": "aim-engine",
            **pod_selector(self.name),
        }

    def metadata(self, name: str) -> dict[str, object]:
        """Metadata of a child in the endpoint's namespace."""
        return {"name": name, "namespace": self.namespace, "labels": self.labels}
