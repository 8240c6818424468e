"""The input of every builder: the cache and the settings; and what all children share."""

from typing import NamedTuple

from aimlib.api.cache import CachedModelSpec, CacheSpec
from aimlib.api.meta import Raw
from aimlib.caching.usage import own_claim
from aimlib.config import Config
from aimlib.naming import CACHE_LABEL, child_name, label_value, short_digest

MOUNT_PATH = "/workspace/model-cache"
"""The default mount path; that of the earlier API."""
CRONJOB_LENGTH = 52
"""The longest name of a CronJob: its Jobs add eleven characters (kubernetes.io, CronJob)."""


class CacheOwner(NamedTuple):
    """A cache that has children."""

    name: str
    namespace: str
    spec: CacheSpec
    config: Config

    @property
    def claim(self) -> str:
        return self.spec.storage.existing_claim or own_claim(self.name)

    @property
    def state(self) -> str:
        """The name of the ConfigMap that the Jobs report to."""
        return child_name(self.name, "-state")

    @property
    def reporter(self) -> str:
        """The name of the Jobs' ServiceAccount and Role."""
        return child_name(self.name, "-reporter")

    @property
    def cleanup(self) -> str:
        return child_name(self.name, "-cleanup", CRONJOB_LENGTH)

    def check(self, model: CachedModelSpec) -> str:
        """The name of the CronJob that looks whether a model has a newer version."""
        return child_name(self.name, f"-check-{short_digest(model.id, model.revision)}", CRONJOB_LENGTH)

    @property
    def mount_path(self) -> str:
        return self.spec.storage.mount_path or MOUNT_PATH

    def job(self, model: CachedModelSpec) -> str:
        """The name of a model's Job; it changes with its fields, the hub, the volume's size, and whom it trusts."""
        work = model.model_dump(mode="json", include={"id", "revision", "include", "exclude", "max_size"})
        if model.source:
            # Named as before for what does not have the later fields.
            later = {"access": {"artifact_endpoint"}} if not (model.access and model.access.artifact_endpoint) else {}
            work |= model.model_dump(mode="json", include={"source", "access"}, exclude=later)
        bundle = self.config.ca_bundle
        trusted = (bundle.wire(),) if bundle else ()
        return child_name(self.name, f"-{short_digest(work, self.spec.hub.wire(), self.spec.storage.size, *trusted)}")

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every child; all pods that use the volume have the last one."""
        return {
            "app.kubernetes.io/name": "aim-cache",
            "app.kubernetes.io/instance": label_value(self.name),
            "app.kubernetes.io/managed-by": "aim-engine",
            CACHE_LABEL: label_value(self.name),
        }

    def metadata(self, name: str) -> Raw:
        return {"name": name, "namespace": self.namespace, "labels": self.labels}
