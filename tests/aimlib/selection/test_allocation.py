"""How devices are asked for: by a resource or a ResourceClaim, whole, in partitions, or a share of one."""

import pytest

from aimlib.api.node import DynamicDevices, GpuClass
from aimlib.api.recipe import Configuration
from aimlib.config import Config
from aimlib.selection.allocation import allocation_text, claim_of, taken
from aimlib.selection.best_kind import on_best_kind, part_text
from aimlib.selection.candidates import Case, Requirements
from aimlib.selection.launch import launch
from aimlib.selection.parts import compute_part, gpus_used, memory_part
from aimlib.selection.resolution import resolve
from aimlib.selection.rules import apply_rules
from aimlib.selection.share_arguments import bounded_arguments
from aimlib.selection.speed_rules import deployed, estimated
from tests.aimlib.make import FACTS, MODEL, recipe

AMD = DynamicDevices(driver="gpu.amd.com", device_class="gpu.amd.com", product_name="MI300X", device_type="amdgpu")
SMALL = {"facts": {**FACTS, "weightsGiB": 6, "maxContext": 8192}}


def group(product="MI300X", vendor="amd", gib=192.0, dynamic=AMD, **more):
    """A class of GPUs that a driver gives out by claims alone."""
    counts = {"devices_per_node": 8, "nodes": 1, "total": 8}
    usual = {"resource": dynamic.device_class if dynamic else f"{vendor}.com/gpu", **counts, **more}
    return GpuClass(product=product, vendor=vendor, memory_gib=gib, dynamic=dynamic, **usual)


WHOLE = group()
EXTENDED = group(dynamic=AMD.model_copy(update={"extended_resource": "amd.com/gpu"}), resource="amd.com/gpu")
PLUGIN = group(dynamic=None)
OF_GPU = AMD.model_copy(update={"parent_attribute": "gpu.amd.com/parentPciAddr"})
CPX = group(gib=24.0, partition="cpx_nps4", devices_per_node=64, dynamic=OF_GPU)
ORPHANS = group(gib=24.0, partition="cpx_nps4", devices_per_node=64)
NVIDIA = DynamicDevices(driver="gpu.nvidia.com", device_class="gpu.nvidia.com", device_type="gpu", shareable=True)
H100 = group("H100", "nvidia", 79.6, NVIDIA)
H100_ALONE = group("H100", "nvidia", 79.6, NVIDIA.model_copy(update={"shareable": False}))
SLICED = group("H100", "nvidia", 79.6, None, shared=True)
MIG = group("H100", "nvidia", 19.6, NVIDIA, partition="1g.20gb")
MIG_ALONE = group("H100", "nvidia", 19.6, NVIDIA.model_copy(update={"shareable": False}), partition="1g.20gb")


def case(*classes, count=1, args=(), spec=None, **asked):
    stated = {**SMALL, "hardware": classes[0].product, **(spec or {})}
    one = Configuration(gpu_count=count, args=args)
    made = recipe(**stated).model_copy(update={"configurations": (one,)})
    requirements = Requirements(MODEL, **asked)
    return Case(requirements, Config(), "r", made, one, launch(made, one), classes, inventory=classes)


def verdict(*classes, **more):
    _, rule, rejection = apply_rules(case(*classes, **more))
    return (rule, rejection.requested, rejection.available) if rejection else ()


@pytest.mark.parametrize(
    ("classes", "asked", "by_claim"),
    [
        ((PLUGIN,), {}, False),
        ((EXTENDED,), {}, False),
        ((WHOLE,), {}, True),
        ((EXTENDED,), {"allocation": "DRA"}, True),
        ((EXTENDED,), {"allocation": "DevicePlugin"}, False),
        ((H100,), {"gpu_share": "40Gi"}, True),
        ((PLUGIN, WHOLE), {}, False),
        ((WHOLE, PLUGIN), {}, False),
        ((WHOLE, PLUGIN), {"allocation": "DRA"}, True),
    ],
)
def test_a_claim_is_taken_only_where_it_is_stated_or_needed(classes, asked, by_claim):
    checked, rule, _ = apply_rules(case(*classes, **asked))
    assert rule == ""
    assert taken(checked, checked.first_class).by_claim == by_claim
    resolved = resolve(checked, "k", Config())
    assert (resolved.device_claim is not None) == by_claim
    assert (resolved.resource is None) == by_claim
    assert not by_claim or (resolved.device_ids, resolved.node_labels, resolved.node_products) == ((), (), ())


CPX_EXTENDED = CPX.model_copy(
    update={"dynamic": OF_GPU.model_copy(update={"extended_resource": "amd.com/gpu"}), "resource": "amd.com/gpu"}
)


@pytest.mark.parametrize(
    ("one", "count", "of_one_gpu"),
    [
        (CPX, 2, True),
        (CPX_EXTENDED, 1, False),
        (CPX_EXTENDED, 2, True),
        (CPX_EXTENDED, 8, True),
        (CPX_EXTENDED, 16, False),
        (EXTENDED, 2, False),
        (MIG, 2, False),
    ],
)
def test_several_partitions_are_claimed_together_where_one_gpu_has_as_many(one, count, of_one_gpu):
    made = case(one, count=count)
    assert taken(made, one).by_claim == (of_one_gpu or one is MIG or one is CPX)
    claim = claim_of(made, one)
    assert bool(claim and claim.one_gpu) == of_one_gpu
    assert ("of one GPU" in allocation_text(made)) == of_one_gpu


def test_partitions_that_do_not_tell_of_which_gpu_they_are_are_not_claimed_together():
    """A constraint on an attribute that no device has would let the pods wait for ever."""
    assert verdict(ORPHANS) == ()
    assert verdict(ORPHANS, count=16) == ()
    rule, _, available = verdict(ORPHANS, count=2)
    assert rule == "allocation"
    assert "no attribute that all partitions of one GPU have in common; a configuration with one GPU" in available
    extended = EXTENDED.model_copy(update={"partition": "cpx_nps4", "memory_gib": 24.0})
    assert verdict(extended, count=2) == ()
    assert not taken(case(extended, count=2), extended).by_claim
    assert verdict(extended, count=2, allocation="DRA")[0] == "allocation"


def test_modes_of_a_product_that_no_table_has_are_the_usual_ones():
    one = CPX_EXTENDED.model_copy(update={"product": "MI999", "partition": "dpx_nps2"})
    assert taken(case(one, count=2), one).by_claim
    assert not taken(case(one, count=3), one).by_claim


def test_processors_have_neither():
    cpu = group("CPU", "cpu", 64, None, resource="cpu")
    made = case(cpu, count=0)
    assert claim_of(made, cpu) is None
    assert allocation_text(made) == ""
    assert gpus_used(made) == 0


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (verdict(PLUGIN, allocation="DRA"), ("allocation", "MI300X by a ResourceClaim", "amd.com/gpu alone")),
        (verdict(WHOLE, allocation="DevicePlugin"), ("allocation", "MI300X by a resource", "DeviceClass gpu.amd.com")),
        (verdict(H100_ALONE, gpu_share="40Gi"), ("share", "a share of 40 GiB", "given out whole")),
        (
            verdict(H100, count=2, gpu_share="40Gi"),
            ("share", "a share of 40 GiB", "none: a share is of one GPU; this configuration has 2"),
        ),
        (verdict(H100, gpu_share="4G"), ("memory", "", "usable of a share of 3.725 GiB on H100")),
        (
            verdict(MIG_ALONE, gpu_share="10Gi"),
            (
                "share",
                "10 GiB",
                "MIG devices of H100, which are given out whole; the cluster has H100 1g.20gb (19.6 GiB):",
            ),
        ),
        (
            verdict(MIG_ALONE, H100_ALONE, gpu_share="10Gi"),
            (
                "share",
                "10 GiB",
                "given out whole; NVIDIA's DRA driver shares them (--consumable-shares=memory); the clus",
            ),
        ),
        (
            verdict(SLICED, time_sliced=True, gpu_share="40Gi"),
            ("share", "40 GiB", "H100 that are time-sliced; NVIDIA's DRA driver shares them"),
        ),
        (verdict(SLICED, gpu_share="40Gi"), ("hardware", "", "only (of their memory nobody gives out shares)")),
        (verdict(H100, gpu_share="100G"), ("share", "a share of 93.13 GiB", "79.19 GiB in all on H100")),
        (verdict(H100, gpu_share="80Gi"), ("share", "a share of 80 GiB", "79.19 GiB in all on H100")),
        (verdict(CPX, WHOLE, gpu_share="20Gi"), ("share", "a share of 20 GiB", "MI300X cpx_nps4 (24 GiB): leave out")),
        (verdict(WHOLE, gpu_share="20Gi"), ("share", "a share of 20 GiB", "as dpx (96 GiB), qpx (48 GiB)")),
        (
            verdict(H100, gpu_share="8Gi"),
            ("memory", "11.4 GiB per device", "7.4 GiB usable of a share of 8 GiB on H100"),
        ),
        (verdict(SLICED), ("hardware", "not time-sliced", "accelerators.allowTimeSliced")),
        (verdict(SLICED, time_sliced=True, count=2), ("hardware", "can combine", "time-sliced GPUs only")),
        (verdict(MIG, SLICED, time_sliced=True, count=2), ("hardware", "", "MIG devices and time-sliced GPUs only")),
        (verdict(H100, gpu_share="40Gi", args=("--kv-cache-memory-bytes=9",)), ("share", "", "no share bounds")),
        (verdict(H100, gpu_share="40Gi", args=("--kv-cache-memory-bytes=-5",)), ("share", "", "no share bounds")),
        (
            verdict(H100, gpu_share="1Mi", spec={"facts": None}),
            (
                "share",
                "a share of 0.0009766 GiB",
                "at least 0.079 GiB for the engine, which takes whole thousandths of",
            ),
        ),
        (
            verdict(H100, gpu_share="1e-9", spec={"facts": None}),
            ("share", "a share of 9.313e-19 GiB", "79.19 GiB on"),
        ),
        (verdict(H100, gpu_share="1Gi", spec={"facts": None}), ()),
        (verdict(H100, gpu_share="40Gi"), ()),
        (verdict(SLICED, time_sliced=True), ()),
    ],
)
def test_what_cannot_be_had_so_is_rejected_with_what_there_is(found, expected):
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


def test_partitions_of_a_product_that_no_table_has_are_not_named():
    unknown = group("MI999")
    assert "partition its nodes, and leave out gpuShare" in verdict(unknown, gpu_share="20Gi")[2]
    nothing = case(unknown, gpu_share="20Gi")._replace(classes=(unknown,))
    assert apply_rules(nothing, ("share",))[2].available.startswith("MI999, of which AMD's driver")


def test_names_that_no_expression_may_have_are_asked_for_by_a_resource_alone():
    hostile = {"product_name": 'x" || true'}
    alone = group(dynamic=AMD.model_copy(update=hostile))
    extended = EXTENDED.model_copy(update={"dynamic": EXTENDED.dynamic.model_copy(update=hostile)})
    assert verdict(alone)[0] == "allocation"
    assert verdict(extended) == ()
    assert "none: their driver" in verdict(extended, allocation="DRA")[2]
    shared = group("H100", "nvidia", 79.6, NVIDIA.model_copy(update=hostile))
    assert verdict(shared, gpu_share="40Gi")[0] == "allocation"


def test_an_engine_gets_its_fraction_of_the_share_and_no_more():
    made = case(H100, gpu_share="40Gi", args=("--gpu-memory-utilization=0.9", "--max-model-len=4096"))
    assert bounded_arguments(made) == ("--max-model-len", "4096", "--gpu-memory-utilization", "0.454")
    assert 0.454 * 79.19 <= 40 * 0.9
    assert bounded_arguments(case(H100)) == ()


def test_a_share_and_a_partition_are_parts_of_a_gpu():
    shared = case(H100, gpu_share="20Gi")
    assert memory_part(shared, H100) == compute_part(shared, H100) == pytest.approx(20 / 79.19)
    assert memory_part(case(CPX), CPX) == compute_part(case(CPX), CPX) == 1 / 8
    assert (memory_part(case(MIG), MIG), compute_part(case(MIG), MIG)) == pytest.approx((19.6 / 79.19, 1 / 7), rel=0.02)
    assert memory_part(case(WHOLE), WHOLE) == compute_part(case(WHOLE), WHOLE) == 1
    odd = MIG.model_copy(update={"partition": "odd"})
    assert compute_part(case(odd), odd) == memory_part(case(odd), odd)
    unknown = group("MI999", gib=24.0, partition="cpx_nps4")
    assert memory_part(case(unknown)._replace(classes=()), unknown) == 1


def test_bandwidth_and_peak_scale_with_the_part_of_a_gpu():
    whole, part = estimated(case(WHOLE)), estimated(case(CPX))
    assert part.throughput < whole.throughput
    slow = deployed(case(CPX))
    assert (slow.share, slow.compute_share) == (1 / 8, 1 / 8)
    mig = deployed(case(MIG))
    assert mig.compute_share < mig.share


def test_no_published_figure_of_a_whole_gpu_is_taken_for_a_partition():
    """The roofline's own value is corrected instead."""
    assert estimated(case(CPX)).rate.published is None


@pytest.mark.parametrize(
    ("classes", "goal", "more", "kept"),
    [
        ((WHOLE, CPX), None, {}, "cpx_nps4"),
        ((WHOLE, CPX), "cost", {}, "cpx_nps4"),
        ((WHOLE, CPX), "latency", {}, None),
        ((WHOLE, CPX), "throughput", {}, None),
        ((WHOLE, CPX), None, {"spec": {"facts": {**FACTS, "weightsGiB": 15}}}, None),
        ((WHOLE, CPX), None, {"spec": {"facts": None}}, None),
        ((WHOLE, CPX.model_copy(update={"shared": True})), None, {}, None),
        ((WHOLE,), None, {}, None),
        ((CPX,), None, {}, "cpx_nps4"),
        ((CPX, CPX.model_copy(update={"partition": "dpx_nps2", "memory_gib": 96.0})), None, {}, "cpx_nps4"),
    ],
)
def test_the_smallest_partition_that_holds_the_workload_is_taken_unless_the_goal_is_speed(classes, goal, more, kept):
    found = on_best_kind(case(*classes, **more), goal)
    assert found.first_class.partition == kept


def test_larger_partitions_come_first_where_none_holds_the_workload():
    large = CPX.model_copy(update={"partition": "dpx_nps2", "memory_gib": 96.0})
    assert case(CPX, large).first_class == large


def test_that_a_partition_is_enough_is_told_only_beside_larger_devices():
    assert "a partition is enough, MI300X cpx_nps4 (24 GiB), 0.125 of a GPU" in part_text(
        on_best_kind(case(WHOLE, CPX), None)
    )
    assert part_text(case(CPX)) == ""
    assert part_text(case(WHOLE)) == ""
    cramped = case(CPX, WHOLE, spec={"facts": {**FACTS, "weightsGiB": 15}}).narrowed(lambda one: one is CPX)
    assert part_text(cramped) == ""


def test_time_sliced_devices_come_last_and_are_recorded():
    own = group("H100", "nvidia", 79.6, None)
    both = case(SLICED, own, time_sliced=True)
    assert both.first_class == own
    assert resolve(both, "k", Config()).time_sliced is None
    assert resolve(case(SLICED, time_sliced=True), "k", Config()).time_sliced is True


def test_a_share_is_told_in_the_words_of_a_decision():
    made = case(H100, gpu_share="40Gi")
    assert allocation_text(made) == (
        "; a share of 40 GiB of H100 (79.6 GiB), to which --gpu-memory-utilization is scaled: 0.464; by a "
        "ResourceClaim, which alone can ask for a share"
    )
