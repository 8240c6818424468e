"""Requirements about speed: the budget, the room for the workload, and the objectives; each says both numbers."""

import pytest

from aimlib.config import Config
from aimlib.selection.select import select
from aimlib.selection.speeds import workload_of
from aimlib.selection.steps import decided_for
from tests.aimlib.make import FACTS, amd, configuration, endpoint, inventory, listed, nvidia

SIZES = [configuration(count, args=["--max-model-len=32768"]) for count in (1, 2, 4, 8)]
CLUSTER = inventory(amd(name="a"), amd(name="b"))


def asked(recipe, *entries, cluster=CLUSTER):
    return select(endpoint(recipe=recipe), entries or (listed("r", *SIZES),), cluster, Config(listed_candidates=100))


def rejected(recipe, *entries, **more):
    candidates = asked(recipe, *entries, **more).selection.candidates
    return {one.gpu_count: (one.rule, one.asked, one.found) for one in candidates if one.rule}


def test_what_is_more_than_the_budget_is_rejected():
    assert rejected({"gpuBudget": 4}) == {8: ("gpuBudget", "at most 4 GPUs", "8 GPUs")}


def test_the_message_says_how_many_replicas_the_budget_is_for():
    found = asked({"gpuBudget": 8, "goal": "throughput"})
    assert found.resolved.gpu_count == 2
    assert found.selection.message.endswith(
        "; gpuBudget 8 is for 4 replicas, which spec.replicas or spec.scaling asks for"
    )
    alone = asked({"gpuBudget": 1}).selection.message
    assert alone.endswith("; gpuBudget 1 is for 1 replica, which spec.replicas or spec.scaling asks for")


def test_there_are_no_more_replicas_than_the_cluster_has_gpus_for():
    found = asked({"gpuBudget": 64, "goal": "throughput"}, listed("r", configuration(8)))
    assert "gpuBudget 64 is for 2 replicas" in found.selection.message


@pytest.mark.parametrize(
    ("workload", "counts", "requested"),
    [
        ({"inputTokens": 32000, "outputTokens": 1000}, {1, 2, 4, 8}, "33000 tokens per request"),
        ({"outputTokens": 40000}, {1, 2, 4, 8}, "41024 tokens per request"),
        ({"inputTokens": 3000, "outputTokens": 1000, "concurrency": 200}, {1}, "200 requests at once of 4000 tokens"),
        ({"concurrency": 20}, set(), ""),
        ({"inputTokens": 3000}, set(), ""),
    ],
    ids=str,
)
def test_a_stated_workload_must_have_room(workload, counts, requested):
    found = rejected({"workload": workload})
    assert found.keys() == counts
    assert all(rule == "workload" and asked == requested for rule, asked, _ in found.values())


def test_the_replicas_of_a_budget_share_the_requests():
    workload = {"inputTokens": 3000, "outputTokens": 1000, "concurrency": 200}
    assert 1 not in rejected({"workload": workload, "gpuBudget": 8})


def test_room_for_requests_of_a_recipe_without_facts_is_not_known_and_not_rejected():
    assert not rejected({"workload": {"concurrency": 99999, "inputTokens": 9}}, listed("r", facts=None))


def test_who_misses_an_objective_is_rejected_with_both_numbers():
    found = rejected({"objectives": {"timePerOutputToken": "20ms"}})
    assert found.keys() == {1}
    rule, requested, available = found[1]
    assert (rule, requested) == ("objectives", "at most 20 ms per output token")
    assert available.endswith(" ms (predicted; 1024 tokens in, 512 out, 32 at once)")
    assert float(available.split()[0]) > 20
    first = rejected({"objectives": {"timeToFirstToken": "1ms"}})
    assert {requested for _, requested, _ in first.values()} == {"at most 1 ms to first token"}
    assert not rejected({"objectives": {"timeToFirstToken": "20s", "timePerOutputToken": "1s"}})


def test_what_cannot_be_predicted_is_not_known_to_meet_an_objective():
    found = rejected({"objectives": {"timeToFirstToken": "20s"}}, listed("r", facts=None))
    assert found[1][2] == "no prediction: the recipe has no facts, or its hardware no published speed"


def test_a_published_figure_decides_of_an_objective_for_its_workload():
    figure = {"latencyMs": 14, "workload": "w", "source": "s"}
    figure |= {"inputTokens": 1024, "outputTokens": 512, "concurrency": 32}
    measured = listed("r", configuration(1, measurements=[figure]))
    wanted = {"objectives": {"timePerOutputToken": "15ms"}}
    assert not rejected(wanted, measured)
    assert rejected(wanted | {"workload": {"concurrency": 16}}, measured)


def test_arguments_of_the_endpoint_are_another_command():
    figure = {"latencyMs": 14, "workload": "w", "source": "s"}
    figure |= {"inputTokens": 1024, "outputTokens": 512, "concurrency": 32}
    spec = endpoint(recipe={"goal": "latency", "workload": {"concurrency": 32}}, engine={"args": ["--seed=7"]})
    found = select(spec, [listed("r", configuration(1, measurements=[figure]))], CLUSTER, Config())
    assert "predicted, corrected by 1 published figure" in found.selection.candidates[0].score[1].value


def test_a_partition_has_its_part_of_the_device():
    small = FACTS | {"weightsGiB": 4.0, "parametersBillions": 2.0}
    entry = listed("r", configuration(1, args=["--max-model-len=2048"]), hardware="H100", facts=small)
    parts = nvidia("NVIDIA-H100-80GB-HBM3", memory=40448)
    parts["metadata"]["labels"]["nvidia.com/gpu.product"] += "-MIG-3g.40gb"
    whole, part = (
        asked({"goal": "latency"}, entry, cluster=inventory(one)).selection.candidates[0].score[1].value
        for one in (nvidia(), parts)
    )
    assert float(part.split()[0]) > 1.3 * float(whole.split()[0])


def test_figures_of_unknown_products_or_without_what_is_needed_do_not_count():
    figure = {"tokensPerSecond": 1, "workload": "w", "source": "s"}
    figure |= {"inputTokens": 1, "outputTokens": 1, "concurrency": 1}
    assert listed("r", configuration(1, measurements=[figure]), hardware="X9").published == ((), ())
    assert listed("r", configuration(1, measurements=[figure]), facts=None).published == ((), ())


def test_the_usual_workload_is_by_goal_and_what_is_stated_replaces_it():
    assert workload_of(endpoint().recipe) == (1024, 512, 32)
    assert workload_of(endpoint(recipe={"goal": "latency"}).recipe) == (1024, 512, 8)
    assert workload_of(endpoint(recipe={"goal": "cost", "workload": {"inputTokens": 7}}).recipe) == (7, 512, 256)


def test_each_new_requirement_needs_a_new_decision():
    changes = [{}, {"gpuBudget": 8}, {"workload": {"concurrency": 9}}, {"objectives": {"timeToFirstToken": "1s"}}]
    assert len({decided_for(endpoint(recipe=change)) for change in changes}) == 4
