"""Which kind of device a candidate gets where whole GPUs and partitions of them fit: the smallest that is enough."""

from aimlib.hardware.nodes import format_device
from aimlib.selection.candidates import Case
from aimlib.selection.parts import gpus_used, tokens_of_workload
from aimlib.selection.speed_rules import deployed, objectives
from aimlib.selection.speeds import kv_room

FAST_GOALS = frozenset({"latency", "throughput"})
"""Goals for which a whole GPU is always better."""


def on_best_kind(case: Case, goal: str | None) -> Case:
    """The candidate on the smallest partitions that hold the model and its workload; else on what comes first.

    Whole GPUs come first where the goal is speed, where nothing is known of the model, and where pods would get
    devices that are time-sliced.
    """
    if goal in FAST_GOALS or case.recipe.facts is None or len({one.partition for one in case.classes}) < 2:
        return case
    parts = sorted((one for one in case.classes if one.partition and not one.shared), key=lambda one: one.memory_gib)
    for part in parts:
        kept = case.narrowed(lambda one, kind=part.partition: one.partition == kind)  # type: ignore[misc]
        if kv_room(deployed(kept)) >= tokens_of_workload(kept) and isinstance(objectives(kept), Case):
            return kept
    return case


def part_text(best: Case) -> str:
    """That a partition is taken although the cluster has larger devices of the product, in words; else empty."""
    one = best.first_class
    larger = any(other.product == one.product and other.memory_gib > one.memory_gib for other in best.inventory)
    if not one.partition or not larger or kv_room(deployed(best)) < tokens_of_workload(best):
        return ""
    room = f"{kv_room(deployed(best))} tokens of KV cache for the {tokens_of_workload(best)} of its workload"
    count = best.configuration.gpu_count
    enough = "a partition is" if count == 1 else f"{count} partitions are"
    return f"; {enough} enough, {format_device(one)}, {gpus_used(best):.3g} of a GPU: {room}"
