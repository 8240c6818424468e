"""How many replicas of a candidate have room now: what its rank goes by, where somebody looked at what is free."""

from aimlib.api.room import FreeHardware
from aimlib.hardware.free import format_free, free_devices_of, replicas_with_room
from aimlib.selection.candidates import Case


def lacking_replicas(case: Case) -> int:
    """How many of the replicas that are asked for have no room; 0 where nobody looked at a candidate's hardware."""
    free = _free(case)
    return 0 if free is None else max(_asked(case) - _with_room(case, free), 0)


def room_text(case: Case) -> str:
    """Such as `2 of 2 replicas: 12 MI300X free, at most 8 on one node`."""
    free = _free(case)
    if free is None:
        return "not looked at"
    replicas = _asked(case)
    with_room = min(_with_room(case, free), replicas)
    return f"{with_room} of {replicas} replica{'s' * (replicas > 1)}: {case.first_class.product} {format_free(free)}"


def _free(case: Case) -> tuple[FreeHardware, ...] | None:
    known = case.room.free
    return free_devices_of(known.hardware, case.classes) if known and case.configuration.gpu_count else None


def _with_room(case: Case, free: tuple[FreeHardware, ...]) -> int:
    return replicas_with_room(free, case.devices_per_node) // case.nodes


def _asked(case: Case) -> int:
    known = case.room.free
    return case.replicas if case.requirements.gpu_budget or known is None else known.replicas
