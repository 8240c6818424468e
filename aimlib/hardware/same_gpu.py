"""Which devices are of the same GPU, and what of them counts: each GPU and part once, in ResourceSlices of any number.

A GPU is known by its UUID (NVIDIA) or its PCI address (AMD), which its parts have as their parent's, and by the
counters of its pool that a device consumes. Devices that tell neither are taken for GPUs of their own. A part is known
by a UUID of its own (NVIDIA), else by its name among those of its GPU, which both drivers derive from the part itself.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from aimlib.api.device_slice import Device
from aimlib.api.node import GpuForm
from aimlib.hardware.device_kinds import ON_DEMAND, PART_TYPES, TAINTED, WHOLE_TYPES, attribute_text

ALTERNATIVE = "the driver makes them out of whole GPUs, which are counted"
ALTERNATIVES = "the driver makes one or another of them out of the same GPU"
DIVIDED_GPU = "divided: their MIG devices or partitions are given out"
TWICE = "in several ResourceSlices, and counted once"
OWN_IDS = ("uuid", "pciAddr", "resource.kubernetes.io/pciBusID")
PARENT_IDS = ("parentUUID", "parentPciAddr", "resource.kubernetes.io/pciBusID")
"""Attributes that tell which GPU a device is, or is a part of: the first that it has."""


class GpuMember(NamedTuple):
    """A device, or equal ones of one GPU."""

    form: GpuForm
    gpu: str
    """The GPU by its UUID or address; empty where the driver does not tell."""
    counters: frozenset[str]
    """Sets of counters that it consumes."""
    kind: Hashable
    """What devices have in common that may stand for each other."""
    doubt: str = ""
    """Why it does not count by itself; empty where it does."""
    part: str = ""
    """Which part of its GPU it is, if it is there for good; empty where the driver does not tell."""

    @property
    def ids(self) -> frozenset[str]:
        """What it has in common with others of the same GPU."""
        return self.counters | {self.gpu} - {""}

    @property
    def once(self) -> tuple[str, str]:
        """What no other GPU or part of one has; the last is empty where that is not known."""
        return (self.gpu, self.part) if self.form == "Part" else ("", self.gpu * (self.form == "Whole"))


def member(device: Device, pool: str, kind: Hashable, doubt: str) -> GpuMember | None:
    """What is known of a device of a pool; None for what is neither a GPU nor a part of one."""
    stated = attribute_text(device, "type")
    if stated not in WHOLE_TYPES | PART_TYPES:
        return None
    form: GpuForm = "Whole" if stated in WHOLE_TYPES else "OnDemand" if device.consumes_counters else "Part"
    names = OWN_IDS if form == "Whole" else PARENT_IDS
    gpu = next(filter(None, (attribute_text(device, name) for name in names)), "").lower()
    counters = frozenset(f"{pool}/{used.counter_set}" for used in device.consumes_counters)
    part = (attribute_text(device, "uuid").lower() or device.name * bool(gpu)) if form == "Part" else ""
    return GpuMember(form, gpu, counters, kind, doubt, part)


def doubts(members: Sequence[GpuMember]) -> list[str]:
    """For each of them why it does not count beside the others; empty where it does.

    Parts that are there for good are given out, and their GPU is not. Where the driver makes parts on demand, the whole
    GPU counts. Of one that is there twice the first counts.
    """
    divided = {one.gpu for one in members if one.form == "Part"} - {""}
    found = [one.doubt or DIVIDED_GPU * (one.form == "Whole" and one.gpu in divided) for one in members]
    beside = _beside(members, found)
    found = [
        beside.instead(one.ids) if one.form == "OnDemand" and not doubt else doubt
        for one, doubt in zip(members, found, strict=True)
    ]
    for number in _again(members, found):
        found[number] = TWICE
    return found


def _again(members: Sequence[GpuMember], found: Sequence[str]) -> list[int]:
    """The places of devices that are there already; which of several is the first does not depend on their order."""
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, one in enumerate(members):
        if one.once[-1] and not found[number]:
            places[one.once].append(number)
    several = (sorted(same, key=lambda number: repr(members[number])) for same in places.values() if len(same) > 1)
    return [number for same in several for number in same[1:]]


class _Beside(NamedTuple):
    """What else is made of the same GPU, by what devices of it have in common: whoever writes slices may write many."""

    counted: set[str]
    """Of whole GPUs that count."""
    tainted: set[str]
    """Of whole GPUs that the driver keeps from pods."""
    kinds: defaultdict[str, set[Hashable]]
    """Kinds of what is made on demand: two of them, since one more tells nothing more."""

    def instead(self, ids: frozenset[str]) -> str:
        """Why what is made on demand does not count."""
        if ids & self.counted:
            return ALTERNATIVE
        if ids & self.tainted:
            return ON_DEMAND
        return ALTERNATIVES * (len({kind for known in ids for kind in self.kinds[known]}) > 1)


def _beside(members: Iterable[GpuMember], found: Iterable[str]) -> _Beside:
    beside = _Beside(set(), set(), defaultdict(set))
    for one, doubt in zip(members, found, strict=True):
        if one.form == "Whole" and not doubt:
            beside.counted.update(one.ids)
        elif one.form == "Whole" and doubt.startswith(TAINTED):
            beside.tainted.update(one.ids)
        elif one.form == "OnDemand" and not doubt:
            for kinds in (beside.kinds[known] for known in one.ids):
                kinds.update({one.kind} if len(kinds) <= 1 else ())
    return beside
