"""What part of a whole GPU a device is: a partition, or a share of one; and which of several kinds fits best.

Bandwidth goes with memory, for AMD's partitions and MIG devices alike. Compute does, too, but for MIG: a device 1g has
one of seven slices, whatever its memory (MIG user guide of NVIDIA, Supported Profiles).
"""

import re
from math import ceil

from aimlib.api.node import GpuClass
from aimlib.selection.candidates import Case

MIG_SLICES = 7
MIG_COMPUTE = re.compile(r"([1-7])g\.")
"""The beginning of a MIG profile: compute slices."""


def memory_part(case: Case, one: GpuClass) -> float:
    """The part of a whole GPU's memory, and so of its bandwidth, that a device has: 1 for a whole one."""
    whole = (case.hardware.memory_gib if case.hardware else None) if one.partition else case.products.seen_gib(one)
    divided = one.partition or case.share_gib is not None
    return min(case.engine_gib(one) / whole, 1.0) if divided and whole else 1.0


def compute_part(case: Case, one: GpuClass) -> float:
    """The part of a whole GPU's compute; of a shared one as much as of its memory, as if all pods on it were busy."""
    slices = MIG_COMPUTE.match(one.partition or "") if one.vendor == "nvidia" else None
    if slices is None or case.share_gib is not None:
        return memory_part(case, one)
    return int(slices[1]) / MIG_SLICES


def gpus_used(case: Case) -> float:
    """Whole GPUs of one replica: its partitions or its share are parts of one; 0 on processors."""
    return case.configuration.gpu_count * memory_part(case, case.first_class)


def tokens_of_workload(case: Case) -> int:
    """Tokens that each replica has in its KV cache at once, by the workload that is stated or usual."""
    asked = case.speeds.workload
    return ceil(asked.concurrency / case.replicas) * (asked.input_tokens + asked.output_tokens)
