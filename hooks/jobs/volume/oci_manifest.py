"""The manifest of an artifact in a registry: which files its layers are.

Layers with one file each are read, by the names that ModelPack (`org.cncf.model.filepath`, v0.0.7) and ORAS
(`org.opencontainers.image.title`) give them. Archives would have to be unpacked to be verified file by file, so that
they are refused.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aimlib.errors import InvalidInputError
from aimlib.printable import printable

MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Of manifests that have layers, in the header Accept."""
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Of indexes of manifests, one for each platform."""
FILE_NAMES = ("org.cncf.model.filepath", "org.opencontainers.image.title")
UNPACK = "io.deis.oras.content.unpack"
"""The annotation by which ORAS marks an archive of a folder."""
ARCHIVE = re.compile(r"[.+]tar([.+](gzip|gz|zstd))?$|\.(tar|tgz)$")
SHA256_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
MAX_LAYERS = 100_000


class ManifestError(InvalidInputError):
    """A manifest whose files cannot be read."""


class Layer(NamedTuple):
    """One file of an artifact."""

    path: str
    size: object
    sha256: str


def parse_manifest(text: bytes) -> tuple[Layer, ...]:
    """The files of a manifest. ManifestError."""
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError("its manifest is not JSON") from error
    layers = raw.get("layers", raw.get("blobs")) if isinstance(raw, dict) else None
    if isinstance(raw, dict) and isinstance(raw.get("manifests"), list):
        raise ManifestError("it is an index of several manifests: name one of them by its digest")
    if not isinstance(layers, list) or len(layers) > MAX_LAYERS:
        raise ManifestError("its manifest has no list of layers")
    found = [_layer(one) for one in layers if isinstance(one, dict) and _name(one)]
    if not found:
        raise ManifestError(
            "none of its layers has a file name, as those of container images: push the files themselves"
        )
    return tuple(found)


def _annotations(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    found = layer.get("annotations")
    return found if isinstance(found, dict) else {}


def _name(layer: Mapping[str, Any]) -> str:
    names = (_annotations(layer).get(name) for name in FILE_NAMES)
    return next((name for name in names if isinstance(name, str) and name), "")


def _layer(layer: Mapping[str, Any]) -> Layer:
    """The file of a layer that has a name. ManifestError for an archive, and for a digest that is no SHA-256."""
    name, kind = _name(layer), str(layer.get("mediaType", ""))
    shown = printable(name, 200)
    if ARCHIVE.search(kind) or ARCHIVE.search(name) or _annotations(layer).get(UNPACK) == "true":
        raise ManifestError(f"its layer {shown} is an archive, which is not unpacked: push the files themselves (raw)")
    digest = SHA256_DIGEST.fullmatch(str(layer.get("digest", "")))
    if not digest:
        raise ManifestError(f"its layer {shown} has no digest of SHA-256")
    return Layer(name, layer.get("size"), digest[1])
