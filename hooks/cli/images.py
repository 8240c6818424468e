"""The command `aim images`: every image of an installation, and the commands that copy them to another registry."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.config import Config
from aimlib.data import load_data
from aimlib.engines.catalogue import engines
from aimlib.hardware.products import Product, known_products
from aimlib.image_registry import REGISTRY_FORM, registry_host
from aimlib.naming import OPERATOR_NAMESPACE
from aimlib.schema.settings import parse_config
from hooks.cli import files
from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import CommandError
from hooks.cli.formats import as_list
from hooks.cli.printing import Table, print_note, print_table, print_text, printed_as_data
from hooks.planning import simulate

IMAGE_HEAD = ("IMAGE", "USED BY")
WIDE_IMAGE_HEAD = ("IMAGE", "DIGEST", "USED BY")
IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MOST_RUNNING_PODS = 500
USERS = {
    "downloader_image": "downloads of caches, facts of models",
    "gateway_image": "gateways: Envoy",
    "gateway_agent_image": "gateways: agent",
}
"""Settings that name an image, and what runs it."""


class ImageOptions(NamedTuple):
    """Which images, and how they are printed."""

    output: str
    products: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    config: str | None = None
    mirror: str | None = None


class Images:
    """Images with what uses them, and their digests where these are known."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, None]] = {}
        self.digests: dict[str, str] = {}
        self.pulled: Callable[[str], str] = str
        """The name by which the operator pulls an image that settings, engines or recipes name."""

    def add(self, image: str, user: str) -> None:
        """Adds a user of an image; a digest in its name is known."""
        self.users.setdefault(image, {})[user] = None
        if found := IMAGE_DIGEST.search(image):
            self.digests[image] = found.group()

    def rows(self) -> list[tuple[str, str | None, str]]:
        """Name, digest and users of each, in the order in which they were added."""
        return [(image, self.digests.get(image), "; ".join(users)) for image, users in self.users.items()]


def print_images(options: ImageOptions, cluster: LiveCluster | None) -> int:
    """Prints the images that this program's release uses, or those of a running installation."""
    if options.mirror and not re.fullmatch(REGISTRY_FORM, options.mirror):
        raise CommandError(f"--mirror {options.mirror}: a registry is HOST[:PORT][/PATH], such as registry.example.com")
    found = Images()
    if cluster is None:
        _add_shipped(found, options)
    else:
        _add_live(found, options, cluster)
    if printed_as_data(options.output, lambda: as_list(_listed(found, options.mirror))):
        return 0
    if options.mirror:
        print_text("".join(f"{line}\n" for line in copy_commands(found, options.mirror)))
        print_note(
            "these commands take skopeo and rights to push; docs/operate/air-gapped.md has what is set afterwards"
        )
    else:
        wide = options.output == "wide"
        rows = found.rows() if wide else [(image, users) for image, _, users in found.rows()]
        print_table(Table(WIDE_IMAGE_HEAD if wide else IMAGE_HEAD, rows), wide=wide)
    return 0


def _listed(found: Images, registry: str | None) -> Iterator[Raw]:
    """The images as data; with a registry, what is copied from where to where."""
    for image, users in found.users.items():
        digest = found.digests.get(image)
        copied = dict(zip(("from", "to"), _copied(image, digest, registry), strict=True)) if registry else {}
        yield {"image": image, "digest": digest, "usedBy": [*users], **copied}


def _copied(image: str, digest: str | None, registry: str) -> tuple[str, str]:
    """The name from which an image is copied, by digest where it is known, and the one in a registry, of its path."""
    host, path = registry_host(image)
    repository, _, tag = path.partition("@")[0].rpartition(":")
    repository, tag = (repository, tag) if repository else (tag, "")
    source = f"{host}/{repository}@{digest}" if digest else f"{host}/{path}"
    return source, f"{registry}/{repository}" + (f":{tag}" if tag else f"@{digest}" if digest else "")


def copy_commands(found: Images, registry: str) -> Iterator[str]:
    """A command for each image: all architectures."""
    for image, digest, users in found.rows():
        source, target = _copied(image, digest, registry)
        words = ("skopeo", "copy", "--all", "--preserve-digests", f"docker://{source}", f"docker://{target}")
        yield f"{shlex.join(words)}  # {' '.join(users.split())}"


def _add_shipped(found: Images, options: ImageOptions) -> None:
    config = files.read_settings(options.config)
    for row in load_data("images")["installed"]:
        found.add(row["image"], row["user"])
    for row in load_data("images")["optional"]:
        found.add(row["image"], row["user"])
    _add_settings(found, config)
    _add_engines(found, config, _wanted(options.products, config))
    catalogue = files.recipe_catalogue(files.read_sources(options.recipes or (files.shipped_recipes(),)))
    _add_recipes(found, catalogue, options.products)


def _add_live(found: Images, options: ImageOptions, cluster: LiveCluster) -> None:
    """What an installation has: its workloads, settings, recipes and endpoints, with the digests of what runs.

    CommandError where no cluster can be reached.
    """
    cluster.read("/version")
    for row in load_data("images")["installed"]:
        for image in _workload_images(cluster, row["place"]) or (row["image"],):
            found.add(image, row["user"])
    config = _live_settings(cluster)
    if not options.mirror:
        found.pulled = config.pulled
    _add_settings(found, config)
    classes = (cluster.inventory().get("status") or {}).get("classes") or ()
    there = tuple(sorted({one["product"] for one in classes}))
    products = options.products or there
    _add_engines(found, config, _wanted(products, config) if products else ())
    _add_recipes(found, cluster.all("aimrecipes"), products)
    for endpoint in cluster.all("aimendpoints"):
        if image := ((endpoint.get("status") or {}).get("resolved") or {}).get("image"):
            metadata = endpoint["metadata"]
            found.add(image, f"AIMEndpoint {metadata['namespace']}/{metadata['name']}")
    _add_digests(found, cluster)


def _workload_images(cluster: LiveCluster, place: str) -> list[str]:
    """The images of the workloads at a place; none where there are none, or the user may not read them."""
    try:
        items = cluster.read(f"/{place}").get("items") or ()
    except CommandError as error:
        print_note(f"as published, since the cluster does not tell: {error}")
        return []
    return [one["image"] for item in items for one in item["spec"]["template"]["spec"]["containers"]]


def _live_settings(cluster: LiveCluster) -> Config:
    """The settings of the installation; the defaults where the user may not read them. ConfigError."""
    try:
        found = cluster.read(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps/aim-config")
    except CommandError as error:
        print_note(f"with the settings' defaults, since the cluster does not tell: {error}")
        found = {}
    text = (found.get("data") or {}).get("config.yaml") or ""
    return parse_config(text.encode(), "aim-config")


def _add_digests(found: Images, cluster: LiveCluster) -> None:
    """The digests of images that run somewhere, by the kubelets' reports."""
    try:
        pods = cluster.read(f"/api/v1/pods?limit={MOST_RUNNING_PODS}").get("items") or ()
    except CommandError as error:
        print_note(f"without the digests of what runs: {error}")
        return
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            digest = IMAGE_DIGEST.search(container.get("imageID") or "")
            for image in found.users:
                if digest and registry_host(container.get("image") or "") == registry_host(image):
                    found.digests.setdefault(image, digest.group())


def _add_settings(found: Images, config: Config) -> None:
    for field, user in USERS.items():
        found.add(found.pulled(getattr(config, field)), user)


def _wanted(names: Iterable[str], config: Config) -> tuple[Product, ...]:
    """The products of these names; all that are known where none is named. CommandError for an unknown one."""
    table = known_products(config.hardware)
    if not names:
        return tuple(table.all)
    nodes = simulate.usual_nodes(names, config)
    found = {str(one["spec"]["summary"]) for one in nodes}
    return tuple(one for one in table.all if one.name in found)


def _add_engines(found: Images, config: Config, products: Iterable[Product]) -> None:
    """The image of each engine on each product, as selection takes it: of the settings, or the default."""
    used: dict[tuple[str, str], list[str]] = {}
    for engine in engines():
        for product in products:
            targets = (f"{engine.name}/{product.architecture}", f"{engine.name}/{product.vendor}")
            own = next((config.images[target] for target in targets if target in config.images), None)
            if image := own or engine.image(product.vendor, product.architecture):
                used.setdefault((image, engine.name), []).append(product.name)
    for (image, name), on in used.items():
        found.add(found.pulled(image), f"{name} on {', '.join(on)}")


def _add_recipes(found: Images, recipes: Iterable[Raw], products: tuple[str, ...]) -> None:
    wanted = {name.casefold() for name in products}
    for one in recipes:
        image: Mapping[str, str] = one["spec"].get("image") or {}
        if image and (not wanted or str(one["spec"].get("hardware")).casefold() in wanted):
            name = found.pulled(f"{image.get('repository')}:{image.get('tag')}")
            found.add(name, f"recipe {one['metadata']['name']}")
