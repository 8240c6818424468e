"""How a Job is told of a source, and what convinces the source's server, by reference to a Secret."""

from aimlib.api.meta import Raw
from aimlib.api.source import SourceAccess, parse_source

SOURCE_FOLDER = "/source"
"""Where a claim is mounted that files come from."""
SESSION = "AWS_SESSION_TOKEN"
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", SESSION)
TRACKING = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
CREDENTIALS = {
    "s3": {name: name for name in S3_KEYS},
    "mlflow": {name: name for name in (*TRACKING, *S3_KEYS)},
    "oci": {"AIM_REGISTRY_LOGIN": ".dockerconfigjson"},
}
"""Variables with the keys of a Secret, by the kind of source."""
OPTIONAL_KEYS = {"s3": {SESSION}, "oci": set(), "mlflow": {*TRACKING, *S3_KEYS}}
"""Those that a Secret may lack: temporary keys for S3 alone have a session; MLflow has users, or files in a bucket."""


def server_arguments(source: str, access: SourceAccess | None) -> list[str]:
    """Options of `aim` about how a source is reached."""
    stated = access or SourceAccess()
    endpoint = (f"--endpoint={stated.endpoint}",) if stated.endpoint else ()
    bucket = (f"--artifact-endpoint={stated.artifact_endpoint}",) if stated.artifact_endpoint else ()
    options = {
        "hf": (),
        "s3": (*endpoint, f"--region={stated.region}"),
        "oci": endpoint,
        "mlflow": (*endpoint, *bucket, f"--region={stated.region}"),
        "pvc": (f"--source-folder={SOURCE_FOLDER}",),
    }
    return [*options[parse_source(source).kind]]


def server_credentials(source: str | None, access: SourceAccess | None) -> list[Raw]:
    """What a server is convinced by, by reference to a Secret that only the kubelet reads."""
    if not (source and access and access.secret):
        return []
    kind, reference = parse_source(source).kind, {"name": access.secret}
    return [
        {
            "name": name,
            "valueFrom": {"secretKeyRef": {**reference, "key": key, "optional": name in OPTIONAL_KEYS[kind] or None}},
        }
        for name, key in CREDENTIALS[kind].items()
    ]
