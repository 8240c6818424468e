"""Where a model's files come from: a text with a scheme, its parts, and how the server is reached."""

import re
from typing import Annotated, Literal, NamedTuple

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ObjectName
from aimlib.api.spelling import MISSING, lookup

SourceText = Annotated[str, formats.MODEL_SOURCE.field]
"""A source, such as s3://bucket/prefix."""
RepositoryOrServer = Annotated[str, formats.REPOSITORY_OR_SERVER.field]
"""A repository of the hub by its id, or a source on a server of its own."""
Verified = Literal["SourceHashes", "FirstRead", "Digest"]
"""Against what files were checked: hashes that the source states, what was read first, or an image's digest."""
SourceUrl = Annotated[str, formats.SERVICE_URL.field]


class ModelSource(NamedTuple):
    """The parts of a source."""

    kind: str
    """The scheme: hf, s3, oci, mlflow or pvc."""
    name: str
    """What has the files: a repository, with its registry where it is in one, a bucket, a registered
    model, a PersistentVolumeClaim."""
    path: str = ""
    """The folder in it, without slashes at its ends; empty for all of it. Of mlflow, the version."""
    revision: str | None = None
    """The branch, tag, alias, commit or digest."""


def parse_source(text: str) -> ModelSource:
    """The parts of a text that has the format MODEL_SOURCE."""
    kind, _, rest = text.partition("://")
    if kind in {"hf", "mlflow"} and ("@" in rest or kind == "hf"):
        name, _, revision = rest.partition("@")
        return ModelSource(kind, name, revision=revision or None)
    if kind == "oci":
        tagged, _, digest = rest.partition("@")
        folder, slash, last = tagged.rpartition("/")
        name, _, tag = last.partition(":")
        return ModelSource(kind, f"{folder}{slash}{name}", revision=digest or tag or None)
    name, _, path = rest.partition("/")
    return ModelSource(kind, name, path.rstrip("/"))


ACCESS_RULES = (
    FieldRule(
        "!has(self.access) || (has(self.source) && self.source.matches('^(s3|oci|mlflow)://'))",
        "access is how a server is reached: it goes with a source such as s3://bucket/folder, "
        "oci://registry/repository or mlflow://name@alias",
        lambda raw: "access" not in raw or bool(re.match("(s3|oci|mlflow)://", str(raw.get("source", "")))),
    ),
    FieldRule(
        "!has(self.source) || !self.source.startsWith('mlflow://') || (has(self.access) && has(self.access.endpoint))",
        "a model in MLflow needs access.endpoint, the URL of the tracking server",
        lambda raw: (
            not str(raw.get("source", "")).startswith("mlflow://") or lookup(raw, ("access", "endpoint")) is not MISSING
        ),
    ),
)
"""Which sources have an access beside them, and which need it."""


class SourceAccess(Model):
    """How the server of a source is reached, which has s3://, oci:// or mlflow://."""

    endpoint: SourceUrl | None = None
    """URL of the server, such as http://minio.storage.svc:9000; when left out, that of AWS in the region, or the
    registry over https; of MLflow, which needs it, such as http://mlflow.mlflow.svc:5000. Registries and MLflow without
    https get no credentials."""
    artifact_endpoint: SourceUrl | None = None
    """URL of the S3 service in which MLflow has the files, where they are in one that is not AWS."""
    region: Annotated[str, formats.REGION.field] = "us-east-1"
    """The region that requests to S3 are signed for; most services of your own take any."""
    secret: ObjectName | None = None
    """For s3:// a Secret with the keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where there is one,
    AWS_SESSION_TOKEN; for mlflow:// one with MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or
    MLFLOW_TRACKING_TOKEN, and those of s3:// where the files are in a bucket; for oci:// one as for image pulls
    (.dockerconfigjson), which is used for the registry that it names. Without one, requests are anonymous. An
    administrator's list (tokenSecrets of aim-admission) bounds the names."""
