"""Why an image cannot be pulled, by the words of the kubelet, the runtime and the registry.

The cause is the end of a message, behind URLs, digests and folders of the runtime, some of which differ from one
attempt to the next; so what is known is quoted from its own words on, and of the rest the end is.
"""

import re

from aimlib.diagnosis.engine_errors import QUOTED_LENGTH, READ_LENGTH, shortened
from aimlib.diagnosis.log_lines import one_line
from aimlib.diagnosis.secret_patterns import hide_secrets

IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
IMAGE_REASONS |= {"RegistryUnavailable", "SignatureValidationFailed"}
"""The kubelet's reasons of containers that wait for an image (pkg/kubelet/images/types.go)."""

PULL_PREFIXES = (
    r'^Back-off pulling image "[^"]*":?\s*',
    r"^(?:ErrImagePull|ErrImageNeverPull|InvalidImageName|RegistryUnavailable|SignatureValidationFailed): ",
    r"rpc error: code = \w+ desc = ",
    r'failed to (?:pull and unpack image|resolve reference|copy|resolve image) "[^"]*": ',
    r"Error response from daemon: ",
)
"""Text around a registry's message: of the kubelet, of the runtime, and repetitions of the image."""
PULL_DETAILS = (
    (r"(https?://[^\s\"'/?]{1,300})[/?][^\s\"']*", r"\1"),
    (r"\b(?:read|write) tcp \S+->\S+: ", ""),
    (r"\bextract-\d+-\S+ ", ""),
    (r"\(application/\S+ sha256:[0-9a-f]{64}\) |(?<=layer )sha256:[0-9a-f]{64}|\bsha256:[0-9a-f]{64}(?=\")", ""),
    (r"(?<=/)(?:snapshots/\d+|tmpmounts/[\w-]+)(?=/)", "…"),
)
"""Parts that differ between attempts, or say nothing to people: paths and signatures in URLs, ports, digests."""

PULL_REQUEST = r"(?:failed to do request: .{0,400}?)?"
REGISTRY_UNREACHED = (
    r"context deadline exceeded|context canceled|i/o timeout|TLS handshake timeout|no such host|connection refused"
    r"|Temporary failure in name resolution|connection reset|(?:unexpected )?EOF$"
)
PULL_CAUSES: tuple[tuple[str, str], ...] = (
    (r"Failed to inspect image ", "the container runtime of the node cannot look it up"),
    (
        r"toomanyrequests|\b429 Too Many Requests|pull rate limit",
        "the registry limits pulls; name a pull secret of an account that may pull more, or pull from a mirror",
    ),
    (r"no space left on device|disk quota exceeded", "the node's disk has no space for it"),
    (
        r"no match for platform|no image found in (?:image index|manifest list) for|no matching manifest for",
        "it is not for the platform of the node",
    ),
    (rf"{PULL_REQUEST}x509: ", "the node does not trust the registry's certificate"),
    (r"content digest sha256:[0-9a-f]{64}: not found", "the node has lost a part of it: remove it there"),
    (rf"{PULL_REQUEST}(?:{REGISTRY_UNREACHED})", "the registry is not reached, or sends too slowly"),
)
"""The cause by its words, and what it means; the first that matches applies. Sources: containerd, CRI-O and Docker, as
quoted in https://github.com/jenkinsci/helm-charts/issues/1586 (limit), https://github.com/usestrix/strix/issues/483
(space), https://github.com/kubewarden/adm-controller/issues/1378 (platform),
https://github.com/containerd/containerd/issues/3604 (part)."""


def pull_failure(message: str, image: str) -> str:
    """What the registry or the runtime tells of an image; empty where it tells nothing."""
    text = one_line(message[:READ_LENGTH])
    for prefix in PULL_PREFIXES:
        text = re.sub(prefix, "", text)
    for pattern, kept in PULL_DETAILS:
        text = re.sub(pattern, kept, text)
    text = re.sub(rf"^\S*{re.escape(image)}: ", "", text) if image else text
    known = ((re.search(pattern, text), means) for pattern, means in PULL_CAUSES)
    found = next(((match, means) for match, means in known if match), None)
    if found is None:
        return _end(text)
    match, means = found
    return f"{means}: {shortened(text[match.start() :].removesuffix(': unknown'))}"


def _end(text: str) -> str:
    """The end of a text, without secrets, of the maximum length of quotations."""
    line = hide_secrets(text)
    return line if len(line) <= QUOTED_LENGTH else f"…{line[1 - QUOTED_LENGTH :]}"
