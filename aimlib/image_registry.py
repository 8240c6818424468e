"""Names of images at a registry of one's own, which has copies of what is published elsewhere."""

import re

DOCKER_HUB, OFFICIAL = "docker.io", "library"
REGISTRY_FORM = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
"""A registry as images name it: a host, maybe a port, maybe a path."""
_HOST = re.compile(r"[.:]|^localhost$")


def registry_host(image: str) -> tuple[str, str]:
    """The host of an image, and the rest of its name; Docker Hub's where it names none."""
    first, slash, rest = image.partition("/")
    if slash and _HOST.search(first):
        return first, rest
    return DOCKER_HUB, image if slash else f"{OFFICIAL}/{image}"


def mirrored(image: str, registry: str) -> str:
    """The name of an image's copy: the same path below `registry`, such as `registry.example.com/mirror`.

    An image at the registry's host stays as it is, and so does every one where `registry` is empty.
    """
    host, path = registry_host(image)
    if not registry or host == registry.partition("/")[0]:
        return image
    return f"{registry}/{path}"
