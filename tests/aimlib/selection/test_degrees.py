"""Arguments about degrees, processes and nodes that an engine refuses, or with which it waits for ever."""

import pytest

from aimlib.selection.launch import launch
from aimlib.selection.parallel import Parallel, layout_text
from tests.aimlib.make import FACTS, configuration, endpoint, recipe

EXPERTS = FACTS | {"attentionHeads": 64, "experts": {"count": 128, "active": 8}}


def started(args, count=8, nodes=1, backend="vllm", **fields):
    spec = recipe(configuration(count, nodes=nodes, args=args), backend=backend, **fields)
    return launch(spec, spec.configurations[0])


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--distributed-executor-backend=ray"], "ray with nodes: 2, which takes mp, uni, external_launcher only"),
        (["--data-parallel-backend=ray"], "--data-parallel-backend ray with nodes: 2, which takes mp only"),
        (["-dp=16", "--data-parallel-hybrid-lb"], "--data-parallel-hybrid-lb leaves requests to a load balancer"),
        (["-dp=16", "--data-parallel-external-lb"], "--data-parallel-external-lb leaves requests to a load"),
        (["-dp=16", "--data-parallel-rank=0"], "--data-parallel-rank leaves requests to a load balancer"),
        (["-dp=16", "--data-parallel-size-local=16"], "16, but each of 2 nodes has 8 of 16 data parallel ranks"),
        (["--api-server-count=2"], "--api-server-count with nodes: 2, whose workers have --headless, which refuses it"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_does_not_go_with_several_nodes(args, problem):
    [found] = started(args, count=16, nodes=2).problems
    assert problem in found


@pytest.mark.parametrize(
    ("args", "count", "nodes"),
    [
        (["--distributed-executor-backend=mp"], 16, 2),
        (["-tp=8", "-pp=2", "--data-parallel-backend=mp"], 16, 2),
        (["--distributed-executor-backend="], 16, 2),
        (["-dp=16", "--data-parallel-size-local=8", "--no-data-parallel-hybrid-lb"], 16, 2),
        (["-dp=2"], 16, 4),
        (["--distributed-executor-backend=ray", "--api-server-count=2"], 8, 1),
        (["-dp=8", "--data-parallel-size-local=8"], 8, 1),
    ],
    ids=str,
)
def test_what_goes_with_its_nodes(args, count, nodes):
    assert started(args, count, nodes).problems == ()


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["-dp=8", "--data-parallel-size-local=4"], "4, but the node has 8 of 8 data parallel ranks"),
        (["-dp=8", "--data-parallel-size-local=0"], "0, but the node has 8 of 8 data parallel ranks"),
        (["-dp=8", "--data-parallel-rank=0"], "--data-parallel-rank leaves requests to a load balancer"),
        (["-dp=8", "--data-parallel-start-rank=4"], "--data-parallel-start-rank leaves requests to a load balancer"),
        (["--api-server-count=0"], "--api-server-count 0 starts no API server"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_part_of_a_replica_is_none(args, problem):
    [found] = started(args).problems
    assert problem in found


def test_groups_of_data_parallelism_are_whole_on_each_node():
    [found] = started(["-dp=3"], count=12, nodes=2).problems
    assert found == "--data-parallel-size 3 with nodes: 2; one is a multiple of the other"
    [found] = started(["--tp-size=8", "--dp-size=2"], count=16, nodes=2, backend="sglang").problems
    assert found == "--dp-size 2 with nodes: 2, which needs --enable-dp-attention"
    args = ["--tp-size=16", "--dp-size=2", "--enable-dp-attention"]
    assert started(args, count=16, nodes=2, backend="sglang").problems == ()


@pytest.mark.parametrize("backend", ["vllm", "sglang"])
def test_the_flags_of_a_group_are_the_operators_on_one_node_too(backend):
    args = {
        "vllm": ["--headless", "--nnodes=2", "--node-rank=1", "--master-addr=10.0.0.1", "-dpa=10.0.0.1"],
        "sglang": ["--nnodes=2", "--node-rank=1", "--dist-init-addr=10.0.0.1:5000"],
    }[backend]
    found = started(args, backend=backend)
    assert (found.problems, len(found.args), len(found.notes)) == ((), 2, len(args))
    assert "--nnodes 2 is dropped: nodes of the configuration decides" in found.notes


def test_an_endpoint_may_not_state_them():
    spec = recipe(configuration(8))
    stated = endpoint(engine={"args": ["--headless"]}).engine
    assert launch(spec, spec.configurations[0], stated).refusals == (
        "engine.args: --headless cannot be set by an endpoint: nodes of the configuration decides",
    )


def test_ranks_that_compute_a_prompt_together_are_ranks():
    found = started(["-tp=4", "-pcp=2"], facts=EXPERTS)
    assert (found.problems, found.parallel.devices, found.parallel.expert_ranks) == ((), 8, 8)
    assert layout_text(found.parallel, None) == "TP 4 x PCP 2, each expert divided among 8"
    assert started(["-pcp=2"]).parallel == Parallel(4, context=2)
    [problem] = started(["-tp=8", "-pcp=2"]).problems
    assert problem == "tensor 8 x pipeline 1 x data 1 x prefill context 2 make 16 ranks for 8 GPUs"


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["-dcp=2"], ""),
        (["-dcp=1"], ""),
        (["-dcp=3"], "--decode-context-parallel-size 3 does not divide the tensor parallel degree of 8"),
        (["-dcp=0"], "--decode-context-parallel-size 0 does not divide the tensor parallel degree of 8"),
        (["-pcp=2", "-dcp=2"], ""),
        (["-pcp=2", "-dcp=8"], ""),
        (["-pcp=2", "-dcp=4"], "4 is not 1, 2 or 8, with 4 tensor and 2 prefill context parallel ranks"),
    ],
    ids=str,
)
def test_decoding_divides_the_context_among_ranks_that_there_are(args, problem):
    assert [problem in found for found in started(args).problems] == [True] * bool(problem)


def test_no_flag_that_is_gone_is_replaced_by_ray():
    [problem] = started(["--worker-use-ray"]).problems
    assert problem.endswith("leave it out: nodes of a configuration puts a replica on several nodes, without Ray")
