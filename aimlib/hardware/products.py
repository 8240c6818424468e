"""GPU products with their published facts, by name, PCI device id, or the label of AMD, NVIDIA or GKE."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache, lru_cache

from aimlib.api.node import Accelerator, GpuClass
from aimlib.api.product import CPU, Product
from aimlib.data import load_data

__all__ = ["CPU", "Product", "Products", "known_products", "products"]


DRIVER_SHARE = 0.01
"""The most that the driver keeps of a device's memory, as a fraction: nvidia-smi, and so the label, has that, too."""


@cache
def architectures() -> dict[str, dict[str, tuple[str, ...]]]:
    """The formats of each architecture: those it computes in, and those whose weights are expanded."""
    return {
        name: {"precisions": tuple(found["precisions"]), "weight_only": tuple(found["weightOnly"])}
        for name, found in load_data("hardware")["architectures"].items()
    }


def formats_of(architecture: str | None) -> tuple[str, ...]:
    """The formats of weights that are served on an architecture; none where it is not known."""
    found = architectures().get(architecture or "", {})
    return (*found.get("precisions", ()), *found.get("weight_only", ()))


def completed(found: Product) -> Product:
    """A product with the formats of its architecture, where it states none."""
    if found.precisions:
        return found
    return found.model_copy(update=architectures().get(found.architecture or "", {}))


@cache
def products() -> tuple[Product, ...]:
    """The built-in products, in the order of the data file."""
    return tuple(completed(Product.model_validate(one)) for one in load_data("hardware")["products"])


class Products:
    """A table of products: the built-in ones, and those of the settings.

    An entry of the settings goes first; one with the name of a built-in product replaces the facts that it states.
    """

    def __init__(self, own: Iterable[Product] = ()) -> None:
        stated = {one.name.casefold(): one for one in own}
        listed = {one.name.casefold(): one for one in products()}
        self.own = tuple(completed(_merged(listed.get(name), one)) for name, one in stated.items())
        self.all = (*self.own, *(one for name, one in listed.items() if name not in stated))
        every = self.all[::-1]  # of two that claim the same, the first stays
        self._names = {name.casefold(): one for one in every for name in (*one.aliases, one.name)}
        self._devices = {device: one for one in every for device in one.device_ids}
        self.product = lru_cache(maxsize=1024)(self._product)
        """The product of a name or alias, in any case, or of what inventories call one that has no name; or None."""

    def _product(self, name: str) -> Product | None:
        text = name.strip()
        return (
            self._names.get(text.casefold())
            or self.by_nvidia_product(text)
            or self.by_amd_product(text)
            or self.by_device_id(text.casefold().removeprefix("amd-"))
        )

    def by_device_id(self, device_id: str) -> Product | None:
        """The product with that PCI device id, such as `74a1`, in any case and with or without 0x."""
        return self._devices.get(device_id.strip().lower().removeprefix("0x"))

    def by_nvidia_product(self, label: str) -> Product | None:
        """The product of a value of the label nvidia.com/gpu.product without the suffix -SHARED or -MIG-…."""
        return next((found for found in self.all if found.vendor == "nvidia" and found.has_label(label)), None)

    def by_amd_product(self, label: str) -> Product | None:
        """The product of a value of the label amd.com/gpu.product-name."""
        return next((found for found in self.all if found.vendor == "amd" and found.has_label(label)), None)

    def by_gke_name(self, label: str) -> Product | None:
        """The product of a value of GKE's label cloud.google.com/gke-accelerator."""
        return next((found for found in self.all if label in found.gke_names), None)

    def find(self, name: str, classes: Iterable[GpuClass]) -> Product | None:
        """The product of that name: of the table, or as the inventory describes one that is in none."""
        return self.product(name) or described(name, classes)

    def seen_gib(self, one: Accelerator) -> float:
        """GiB of a device that the engine sees: what is published of the product, where its label has a little more."""
        known = self.product(one.product)
        published = known.memory_gib if known else None
        a_little_more = published and published < one.memory_gib <= published * (1 + DRIVER_SHARE)
        return published if published and a_little_more else one.memory_gib

    def nearest(self, name: str, classes: Iterable[GpuClass] = ()) -> str:
        """The known product whose name is most like another; empty where none is."""
        return _nearest(name, tuple(sorted({one.name for one in self.all} | {one.product for one in classes})))


@lru_cache(maxsize=1024)
def _nearest(name: str, names: tuple[str, ...]) -> str:
    """Kept, since a comparison takes milliseconds and each candidate is rejected with the same one."""
    known = {one.casefold(): one for one in names}
    return next((known[near] for near in get_close_matches(name.casefold(), known, n=1, cutoff=0.5)), "")


def _merged(listed: Product | None, own: Product) -> Product:
    """A product of the settings on top of the built-in one of that name."""
    if listed is None:
        return own
    return Product.model_validate(listed.model_dump(exclude_unset=True) | own.model_dump(exclude_unset=True))


def described(name: str, classes: Iterable[GpuClass]) -> Product | None:
    """A product that is in no table, as the classes of the inventory with that name describe it."""
    same = [one for one in classes if one.product.casefold() == name.strip().casefold()]
    return _of_class(max(same, key=lambda one: one.memory_gib)) if same else None


def _of_class(one: Accelerator) -> Product:
    return completed(
        Product.model_construct(
            name=one.product, vendor=one.vendor, architecture=one.architecture, memory_gib=one.memory_gib or None
        )
    )


@lru_cache(maxsize=8)
def known_products(own: tuple[Product, ...] = ()) -> Products:
    """The table with the products of the settings."""
    return Products(own)
