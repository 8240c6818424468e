"""The input of every builder: what is to be read, and for whom."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from aimlib.api.cache import HubSpec
from aimlib.api.meta import Raw
from aimlib.api.source import SourceAccess, parse_source
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.config import Config
from aimlib.hub_url import HUGGING_FACE, shown
from aimlib.naming import child_name, label_value, short_digest
from hooks.objects.hub_environment import hub_environment
from hooks.objects.hub_token import token_refusal
from hooks.objects.source_access import server_arguments, server_credentials

HUB = "hf"
"""The kind of source of what is at the hub."""
INSPECTION_COMPONENT = "aim-inspection"
"""The label app.kubernetes.io/name of the Job's pods, by which NetworkPolicies and nobody's Service select them."""


UNREAD = (
    "nothing is read from a hub: describe the model by an AIMModel with facts, which aim model inspect FOLDER prints"
)


CLAIM_KIND = "pvc"
"""The kind of source of a folder on a claim."""


class Unread(NamedTuple):
    """Why files are not read."""

    reason: str
    """In one word."""
    message: str


def reports_name(name: str) -> str:
    """The name of the ConfigMap with the reports for an object."""
    return child_name(name, "-inspection")


class Subject(NamedTuple):
    """A repository whose files are read for an object that has no facts."""

    name: str
    """The name of the object."""
    namespace: str
    """Where the Job runs."""
    repository: str
    stated_revision: str | None
    hub: HubSpec
    config: Config
    labels: Mapping[str, str] = {}
    """Labels of the children, besides the usual ones."""
    source: str | None = None
    """Where the files are, if not in the hub's repository of this id."""
    access: SourceAccess | None = None
    """How the server of the source is reached."""
    obstacle: Unread | None = None
    """Why the place cannot be read, where that is known before a Job tries."""
    claim_unbound: bool = False
    """Whether the claim of the source has no volume yet."""
    identity: Mapping[str, object] = MappingProxyType({})
    """User and groups that read a claim, in place of the usual ones."""

    @property
    def kind(self) -> str:
        """The kind of the source."""
        return parse_source(self.source).kind if self.source else HUB

    @property
    def claim(self) -> str | None:
        """The claim that the Job mounts."""
        return parse_source(self.source).name if self.source and self.kind == CLAIM_KIND else None

    @property
    def unread(self) -> Unread | None:
        """Why the files are not read; None where they are."""
        offline = self.kind == HUB and self.hub.offline
        return self.obstacle or (Unread("Offline", f"hub.offline is set, and so {UNREAD}") if offline else None)

    @property
    def refused(self) -> str | None:
        """Why the token is not sent to the hub; None where it is, or where no hub is requested."""
        return token_refusal(self.hub, self.config.token_hubs) if self.kind == HUB else None

    @property
    def place(self) -> str:
        """What is read, for messages."""
        return f"the files of {self.repository} at {self.source or shown(self.hub.endpoint or HUGGING_FACE)}"

    @property
    def arguments(self) -> list[str]:
        """What the program is told to read."""
        if self.source is None:
            return [self.repository, f"--revision={self.revision}"]
        options = server_arguments(self.source, self.access)
        return [self.source, f"--as={self.repository}", f"--revision={self.revision}", *options]

    @property
    def environment(self) -> list[Raw]:
        """Where the hub is and what convinces it, or the server of the source."""
        return [
            *hub_environment(self.hub, self.config, token=self.kind == HUB),
            *server_credentials(self.source, self.access),
        ]

    @property
    def revision(self) -> str:
        return self.stated_revision or DEFAULT_REVISION

    @property
    def reports(self) -> str:
        """The name of the ConfigMap that the Job reports to, and of what gives it access."""
        return reports_name(self.name)

    @property
    def job(self) -> str:
        """The name of the Job; it changes with what is read, where, with which token, and whom it trusts."""
        bundle = self.config.ca_bundle
        trusted = (bundle.wire(),) if bundle else ()
        access = self.access.wire() if self.access else None
        source = ((self.source, access),) if self.source else ()
        reader = (dict(self.identity),) if self.identity else ()
        digest = short_digest(self.repository, self.revision, self.hub.wire(), *trusted, *source, *reader)
        return child_name(self.name, f"-inspection-{digest}")

    @property
    def pod_labels(self) -> dict[str, str]:
        """The labels of the Job's pods. Those of endpoints are not among them: a Service selects by these."""
        return {
            "app.kubernetes.io/name": INSPECTION_COMPONENT,
            "app.kubernetes.io/instance": label_value(self.name),
            "app.kubernetes.io/managed-by": "aim-engine",
        }

    def metadata(self, name: str) -> Raw:
        """Metadata of a child."""
        return {"name": name, "namespace": self.namespace, "labels": {**self.labels, **self.pod_labels}}
