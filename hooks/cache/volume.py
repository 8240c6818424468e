"""The volume of a cache: the size that its claim requests, and the condition StorageReady."""

from collections.abc import Sequence
from typing import NamedTuple

from aimlib.api.cache import CacheStorageSpec
from aimlib.api.meta import Raw
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.capacity import RequiredSpace
from aimlib.kube.quantity import parse_quantity
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.given_up import ServerAnswers
from aimlib.protocol.metacontroller import Request
from aimlib.protocol.observed import CLAIM, condition_of, overdue, phase_of, requested_since
from hooks.objects.volume_claim import missing_class


class CacheVolume(NamedTuple):
    """The claim as desired and as observed."""

    name: str
    storage: CacheStorageSpec
    listed: RequiredSpace
    """The space that all listed models need."""
    desired: RequiredSpace
    """The space that the desired models need."""
    observed: Raw | None
    classes: Sequence[Raw]
    overdue: bool
    """Whether it should exist and be bound by now."""
    answers: ServerAnswers
    """What is known of the API server's answers to the cache's children."""

    @property
    def own(self) -> bool:
        """Whether it is this cache's, and not an existing one that it uses."""
        return self.storage.existing_claim is None

    @property
    def maker(self) -> str:
        """The object that owns an existing claim, such as another cache; empty where nothing deletes it."""
        owners = (self.observed or {}).get("metadata", {}).get("ownerReferences") or ()
        found = next((one for one in owners if one.get("controller")), None)
        return f"{found['kind']} {found['name']}" if found and not self.own else ""

    @property
    def requested(self) -> str | None:
        """The spec's size, or what the models need; None where that is unknown, or the claim is not its own."""
        if self.storage.size or self.listed.unknown or not self.own:
            return self.storage.size
        return self.listed.size

    @property
    def current_size(self) -> str | None:
        """The size that the observed claim requests."""
        spec = (self.observed or {}).get("spec") or {}
        amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
        return str(amount) if amount else None

    @property
    def class_name(self) -> str | None:
        """The storage class of the observed claim."""
        name = ((self.observed or {}).get("spec") or {}).get("storageClassName")
        return str(name) if name else None

    @property
    def expandable(self) -> bool:
        classes_named = [one for one in self.classes if one["metadata"]["name"] == self.class_name]
        return any(one.get("allowVolumeExpansion") for one in classes_named)

    @property
    def grows(self) -> bool:
        """Whether more is requested than the claim has."""
        return bool(
            self.current_size and self.requested and parse_quantity(self.requested) > parse_quantity(self.current_size)
        )

    @property
    def size(self) -> str | None:
        """The size to request: it never shrinks, and grows only where the storage class allows it."""
        return self.requested if self.current_size is None or (self.grows and self.expandable) else self.current_size

    @property
    def too_small(self) -> bool:
        """Whether the models do not fit. An existing claim may have a larger volume than it requests."""
        return self.own and self.exceeded

    @property
    def exceeded(self) -> bool:
        """Whether the models need more than the claim requests."""
        return self.size is not None and self.desired.bytes > parse_quantity(self.size)

    @property
    def usable(self) -> bool:
        """Whether Jobs may be created. Volumes may be provisioned only for a pod, so the claim need not be bound."""
        available = self.size is not None if self.own else self.observed is not None
        return available and not self.too_small


def claim_requested_since(request: Request) -> str | None:
    """Since when a cache's own claim is requested."""
    told = condition_of(request.parent.get("status") or {}, "StorageReady")
    return requested_since(request.parent, request.now, known=told.get("reason") != "SizeUnknown")


def claim_answer_matters(request: Request) -> bool:
    """Whether a cache's own claim is overdue, or was reported as missing."""
    before = condition_of(request.parent.get("status") or {}, "StorageReady")
    late = overdue(request.now, claim_requested_since(request))
    return late and before.get("reason") in {"Progressing", "ClaimMissing"} and not request.observed(CLAIM)


def storage_ready(volume: CacheVolume) -> Verdict:
    """The condition StorageReady: the first row that applies."""
    name, storage, phase = f"PersistentVolumeClaim {volume.name}", volume.storage, phase_of(volume.observed)
    deleting = bool((volume.observed or {}).get("metadata", {}).get("deletionTimestamp"))
    shrinks = (
        storage.size and volume.current_size and parse_quantity(storage.size) < parse_quantity(volume.current_size)
    )
    missing, changed = _missing_class(volume), _immutable_difference(volume)
    unbound = f"{name} is not bound yet"
    late = f"{name} is not bound after a minute; its storage class is {volume.class_name or 'none'}"
    table = (
        (not volume.own and not volume.observed, "ClaimNotFound", f"there is no {name} in this namespace"),
        (volume.own and not volume.size, "SizeUnknown", _size_unknown(volume)),
        (volume.too_small, "TooSmall", _too_small(volume)),
        (not volume.observed and volume.overdue, "ClaimMissing", _not_created(volume)),
        (not volume.observed, "Progressing", unbound),
        (phase == "Lost", "ClaimLost", f"the volume of {name} is lost"),
        (deleting, "ClaimDeleted", f"{name} is being deleted, which ends with the last pod that uses it"),
        (phase != "Bound" and missing, "StorageClassNotFound", f"{unbound}: {missing}"),
        (phase != "Bound" and volume.overdue, "ClaimPending", late),
        (phase != "Bound", "Progressing", unbound),
        (
            shrinks,
            "CannotShrink",
            f"{name} has {volume.current_size}, and {storage.size} are requested: {CANNOT_SHRINK}",
        ),
        (volume.grows and not volume.expandable, "CannotGrow", _cannot_grow(volume)),
        (changed, "ClaimImmutable", changed),
    )
    for applies, reason, message in table:
        if applies:
            return Verdict("StorageReady", False, reason, str(message))
    return Verdict("StorageReady", True, "Bound", f"{name} of {volume.size} is bound")


def _not_created(volume: CacheVolume) -> str:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": volume.name}}
    return volume.answers.message(
        f"PersistentVolumeClaim {volume.name} cannot be created", [claim], CREATION_FAILED, alone=False
    )


CREATION_FAILED = (
    "an object of that name may have another owner, such as a deleted cache whose volume pods still use, "
    "or the API server refuses it (see the events of this cache)"
)
CANNOT_SHRINK = "it cannot shrink; request at least as much, or create another cache"
CANNOT_CHANGE = "this cannot be changed; create another cache"


def _size_unknown(volume: CacheVolume) -> str:
    models = ", ".join(volume.listed.unknown)
    return f"the size of the cache is not known: set size, or maxSize of {models}, which no recipe loads"


def _too_small(volume: CacheVolume) -> str:
    sizes = f"the cache has {volume.size}, and its models need {format_bytes(volume.desired.bytes, at_least=True)}"
    message = f"{sizes}; {volume.desired.size} would be enough, and nothing is downloaded"
    return f"{message}; {_cannot_grow(volume)}" if volume.grows and not volume.expandable else message


def _cannot_grow(volume: CacheVolume) -> str:
    why = (
        f"its storage class {volume.class_name} does not allow expansion"
        if volume.class_name
        else "it has no storage class"
    )
    sizes = f"{volume.current_size}, and {volume.requested} are requested"
    return f"PersistentVolumeClaim {volume.name} stays at {sizes}: {why}"


def _missing_class(volume: CacheVolume) -> str | None:
    return missing_class(volume.classes, volume.class_name or volume.storage.storage_class)


def _immutable_difference(volume: CacheVolume) -> str | None:
    """The message about a field of the claim that differs from the spec and is immutable."""
    name, storage = f"PersistentVolumeClaim {volume.name}", volume.storage
    modes = ((volume.observed or {}).get("spec") or {}).get("accessModes") or []
    if volume.own and modes and modes != [storage.access_mode]:
        return f"{name} is {', '.join(modes)}, and {storage.access_mode} is requested: {CANNOT_CHANGE}"
    if storage.storage_class and volume.class_name and storage.storage_class != volume.class_name:
        has_class = f"{name} has storage class {volume.class_name}"
        return f"{has_class}, and {storage.storage_class} is requested: {CANNOT_CHANGE}"
    return None
