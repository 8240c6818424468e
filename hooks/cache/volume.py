"""The volume of a cache: what its claim asks for, given what it has and what the models need, and what is wrong."""

from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.cache import CacheStorageSpec
from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.capacity import RequiredSpace
from aimlib.kube.quantity import parse_quantity
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.observed import phase_of

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class Volume(NamedTuple):
    """The claim as it is wanted and found."""

    name: str
    storage: CacheStorageSpec
    listed: RequiredSpace
    """What all models of the spec have."""
    wanted: RequiredSpace
    """What those have that are to be there now."""
    found: Raw | None
    classes: Sequence[Raw]
    overdue: bool
    """Whether it should be there, and bound, by now."""

    @property
    def own(self) -> bool:
        """Whether it is this cache's, and not one that was there before."""
        return self.storage.existing_claim is None

    @property
    def asked(self) -> str | None:
        """What the spec says, or what its models need; None where that is not known, or the claim is not its own."""
        if self.storage.size or self.listed.unknown or not self.own:
            return self.storage.size
        return self.listed.size

    @property
    def present(self) -> str | None:
        """The size that the observed claim asks for."""
        spec = (self.found or {}).get("spec") or {}
        amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        return str(amount) if amount else None

    @property
    def class_name(self) -> str | None:
        """The storage class that the observed claim has."""
        name = ((self.found or {}).get("spec") or {}).get("storageClassName")
        return str(name) if name else None

    @property
    def growable(self) -> bool:
        named = [one for one in self.classes if one["metadata"]["name"] == self.class_name]
        return any(one.get("allowVolumeExpansion") for one in named)

    @property
    def larger(self) -> bool:
        """Whether more is asked for than the claim has."""
        return bool(self.present and self.asked and parse_quantity(self.asked) > parse_quantity(self.present))

    @property
    def size(self) -> str | None:
        """What the claim asks for from now on: it never shrinks, and grows only where its class allows it."""
        return self.asked if self.present is None or (self.larger and self.growable) else self.present

    @property
    def too_small(self) -> bool:
        """Whether its models do not fit. What a claim of others asks for need not be what its volume has."""
        return self.own and self.tight

    @property
    def tight(self) -> bool:
        """Whether the models have more than the claim asks for."""
        return self.size is not None and self.wanted.bytes > parse_quantity(self.size)

    @property
    def usable(self) -> bool:
        """Whether Jobs may be made. Many a volume is only provided once a pod wants it, so it need not be bound."""
        there = self.size is not None if self.own else self.found is not None
        return there and not self.too_small


def storage_ready(volume: Volume) -> Verdict:
    """Whether the volume is there and as it is asked for: the first that applies."""
    name, storage, phase = volume.name, volume.storage, phase_of(volume.found)
    going = bool((volume.found or {}).get("metadata", {}).get("deletionTimestamp"))
    shrinks = storage.size and volume.present and parse_quantity(storage.size) < parse_quantity(volume.present)
    missing, changed = _missing_class(volume), _changed(volume)
    unbound = f"claim {name} is not bound yet"
    late = f"claim {name} is not bound after a minute; its storage class is {volume.class_name or 'none'}"
    table = (
        (not volume.own and not volume.found, "ClaimNotFound", f"there is no claim {name} in this namespace"),
        (volume.own and not volume.size, "SizeUnknown", _unknown(volume)),
        (volume.too_small, "TooSmall", _too_small(volume)),
        (not volume.found and volume.overdue, "ClaimMissing", f"claim {name} cannot be created: {WHY_NOT}"),
        (not volume.found, "Progressing", unbound),
        (phase == "Lost", "ClaimLost", f"the volume of claim {name} is gone"),
        (going, "ClaimDeleted", f"claim {name} is being deleted; it goes when the last pod that uses it does"),
        (phase != "Bound" and missing, "StorageClassNotFound", f"{unbound}: {missing}"),
        (phase != "Bound" and volume.overdue, "ClaimPending", late),
        (phase != "Bound", "Progressing", unbound),
        (shrinks, "CannotShrink", f"claim {name} has {volume.present}, and {storage.size} are asked for: {SHRINKING}"),
        (volume.larger and not volume.growable, "CannotGrow", _rigid(volume)),
        (changed, "ClaimImmutable", changed),
    )
    for applies, reason, message in table:
        if applies:
            return Verdict("StorageReady", False, reason, str(message))
    return Verdict("StorageReady", True, "Bound", f"claim {name} of {volume.size} is bound")


WHY_NOT = (
    "an object of that name may belong to somebody else, such as a deleted cache whose claim pods still use, "
    "or the API server refuses it (see the events of this cache)"
)
SHRINKING = "claims cannot shrink; ask for as much as it has, or make a new cache"
NEW_CACHE = "a claim cannot change in that; make a new cache"


def _unknown(volume: Volume) -> str:
    models = ", ".join(volume.listed.unknown)
    return f"how large the cache must be is not known: say size, or maxSize of {models}, which no recipe loads"


def _too_small(volume: Volume) -> str:
    has = f"the cache has {volume.size}, and its models have {format_bytes(volume.wanted.bytes, at_least=True)}"
    said = f"{has}: {volume.wanted.size} would hold them; nothing is downloaded"
    return f"{said}; {_rigid(volume)}" if volume.larger and not volume.growable else said


def _rigid(volume: Volume) -> str:
    why = f"its storage class {volume.class_name} does not let volumes grow" if volume.class_name else "it has no class"
    return f"claim {volume.name} stays at {volume.present}, and {volume.asked} are asked for: {why}"


def _missing_class(volume: Volume) -> str | None:
    names = sorted(one["metadata"]["name"] for one in volume.classes)
    there = f"the cluster has {', '.join(names) or 'none'}"
    asked = volume.class_name or volume.storage.storage_class
    if asked:
        return None if asked in names else f"there is no storage class {asked}; {there}"
    defaults = [
        one for one in volume.classes if (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
    ]
    return None if defaults else f"no storage class is asked for, and none is the cluster's default; {there}"


def _changed(volume: Volume) -> str | None:
    """What is asked otherwise than the claim has it."""
    storage, has = volume.storage, ((volume.found or {}).get("spec") or {}).get("accessModes") or []
    if volume.own and has and has != [storage.access_mode]:
        return f"claim {volume.name} is {', '.join(has)}, and {storage.access_mode} is asked for: {NEW_CACHE}"
    if storage.storage_class and volume.class_name and storage.storage_class != volume.class_name:
        has_class = f"claim {volume.name} has storage class {volume.class_name}"
        return f"{has_class}, and {storage.storage_class} is asked for: {NEW_CACHE}"
    return None
