"""Nodes that are not there and may come: pools of an autoscaler at zero nodes, as the settings describe them."""

from collections.abc import Iterable

from aimlib.api.node import GpuClass, NodeShape
from aimlib.config import ComingNodes
from aimlib.hardware.products import Products


def coming_classes(stated: Iterable[ComingNodes], table: Products) -> tuple[GpuClass, ...]:
    """A class for each pool, without nodes; of a product that the table lost, none."""
    found = ((one, table.product(one.product)) for one in stated)
    return tuple(
        GpuClass(
            product=known.name,
            vendor=known.vendor,
            architecture=known.architecture,
            memory_gib=known.memory_gib or 0.0,
            resource=f"{known.vendor}.com/gpu",
            devices_per_node=one.gpus_per_node,
            nodes=0,
            total=0,
            precisions=known.served,
            taints=one.taints,
            labels=(labels := tuple(sorted(f"{key}={value}" for key, value in one.labels.items()))),
            node_labels=labels,
            shapes=(NodeShape(devices=one.gpus_per_node, cpus=one.cpus, memory_gib=one.memory_gib),),
            may_come=True,
        )
        for one, known in found
        if known
    )
