"""The predicted speed: what it grows and falls with, and when there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.api.model_facts import Drafting, ModelFacts
from aimlib.hardware.products import known_products
from aimlib.selection.parallel import Parallel
from aimlib.selection.roofline import PEAK_FRACTION, REACHED_FRACTION, Placed, Workload, matrix_flops, predict
from tests.aimlib.make import FACTS

H100 = known_products().product("H100")
DENSE = ModelFacts.model_validate(FACTS | {"parametersBillions": 32.8, "hiddenSize": 5120})
EXPERTS = ModelFacts.model_validate(
    FACTS
    | {"parametersBillions": 32.8, "activeParametersBillions": 3.3, "hiddenSize": 5120}
    | {"experts": {"count": 128, "active": 8}}
)
ONE = Workload(1000, 500, 1)


def placed(name="H100", tensor=1, tokens=200_000, precision="bf16", **fields):
    return Placed(known_products().product(name), precision, Parallel(tensor, **fields), 2.0, tokens)


def speed(facts=DENSE, workload=ONE, at=None):
    return predict(facts, at or placed(), workload)


def test_one_request_reads_all_weights_for_each_token():
    found = speed()
    reading = 61 * 2**30 / (3.35e12 * 0.6)
    assert found.per_token == pytest.approx(reading + 0.003, rel=0.02)
    assert found.throughput == pytest.approx(500 / (500 * found.per_token + found.first_token - found.per_token))


def test_one_request_reads_only_the_experts_that_it_uses_and_many_read_all():
    assert speed(EXPERTS).per_token < speed().per_token / 3
    many = Workload(10, 10, 400)
    assert speed(EXPERTS, many).per_token > speed(DENSE, ONE).per_token * 0.9


def test_what_has_no_room_in_the_cache_waits():
    crowded = Workload(1000, 500, 100)
    roomy, tight = speed(workload=crowded, at=placed(tokens=200_000)), speed(workload=crowded, at=placed(tokens=15_000))
    assert tight.throughput < roomy.throughput
    assert tight.first_token > roomy.first_token
    assert tight.per_token < roomy.per_token
    assert speed(at=placed(tokens=0)).throughput == pytest.approx(speed().throughput)


def drafting(tokens=3, accepted=2.0):
    return EXPERTS.model_copy(update={"drafting": Drafting(tokens=tokens, accepted=accepted, source="a test")})


def test_accepted_drafts_are_faster_for_few_requests_and_cost_under_load():
    plain, drafts = placed(), placed()._replace(drafted=3)
    for workload, faster in ((ONE, True), (Workload(100, 100, 32), True), (Workload(100, 100, 64), False)):
        one, other = predict(drafting(), plain, workload), predict(drafting(), drafts, workload)
        assert (other.throughput > one.throughput) is faster
        assert (other.per_token < one.per_token) is faster


@pytest.mark.parametrize("facts", [EXPERTS, drafting(accepted=0.0)])
def test_drafts_that_are_not_accepted_or_of_unknown_acceptance_only_cost(facts):
    assert predict(facts, placed()._replace(drafted=3), ONE).per_token > predict(facts, placed(), ONE).per_token


def test_fewer_drafts_than_were_measured_are_accepted_in_part_and_more_as_measured():
    def gain(drafted):
        without = predict(EXPERTS, placed()._replace(drafted=drafted), ONE).per_token
        return without / predict(drafting(), placed()._replace(drafted=drafted), ONE).per_token - 1

    assert [gain(drafted) for drafted in (1, 3, 9)] == pytest.approx([2 / 3, 2.0, 2.0])


def test_more_ranks_are_faster_for_one_request_but_not_by_as_much():
    one, eight = speed(), speed(at=placed(tensor=8))
    assert one.throughput < eight.throughput < 8 * one.throughput
    slow = predict(DENSE, placed(tensor=8)._replace(hardware=H100.model_copy(update={"link_gbs": None})), ONE)
    assert slow.first_token > eight.first_token


def test_groups_of_ranks_divide_the_requests():
    many = Workload(1000, 500, 64)
    assert speed(workload=many, at=placed(data=2, tokens=400_000)).throughput == pytest.approx(
        2 * speed(workload=many._replace(concurrency=32)).throughput
    )


def test_windows_chunks_and_linear_layers_read_less():
    window = {"slidingWindow": {"layers": 48, "tokens": 512}}
    chunk = {"chunkedAttention": {"layers": 48, "tokens": 512}}
    long = Workload(30_000, 100, 6)
    for fewer in (window, chunk):
        facts = ModelFacts.model_validate(DENSE.wire() | fewer)
        assert speed(facts, long).per_token < speed(DENSE, long).per_token
    linear = ModelFacts.model_validate(DENSE.wire() | {"layers": 16, "linearAttention": {"layers": 48, "stateKiB": 1}})
    assert speed(linear, long).per_token < speed(DENSE, long).per_token


def test_without_the_facts_of_size_the_size_of_the_files_tells():
    bare = ModelFacts.model_validate(FACTS)
    assert speed(bare).per_token == pytest.approx(speed().per_token, rel=0.02)
    latent = {"latentAttention": {"kvLoraRank": 512, "qkRopeHeadDim": 64}}
    shape = {name: value for name, value in FACTS.items() if name not in {"keyValueHeads", "headDim"}}
    assert speed(ModelFacts.model_validate(shape | latent)).throughput > 0
    whole = {"parametersBillions": 32.8, "experts": {"count": 8, "active": 8}}
    assert speed(ModelFacts.model_validate(FACTS | whole)).per_token == pytest.approx(speed().per_token, rel=0.02)
    assert speed(ModelFacts.model_validate(FACTS | {"weightsGiB": 0})).throughput > 0


def test_matrix_products_reach_what_was_measured_and_a_part_of_the_peak_elsewhere():
    assert matrix_flops(H100, "fp8") == 1280e12 * REACHED_FRACTION
    assert matrix_flops(H100, "int4") == 720e12 * REACHED_FRACTION
    assert matrix_flops(known_products().product("A100"), "fp8") == 312e12 * PEAK_FRACTION
    assert matrix_flops(known_products().product("T4"), "fp16") == 65e12 * PEAK_FRACTION


def test_nothing_is_predicted_for_what_has_no_published_figures():
    assert predict(DENSE, placed("CPU"), ONE) is None
    assert predict(DENSE, placed()._replace(hardware=H100.model_copy(update={"bandwidth_tbs": None})), ONE) is None


def test_a_part_of_a_device_is_slower():
    assert predict(DENSE, placed()._replace(share=0.5), ONE).per_token > speed().per_token * 1.8


@given(
    st.sampled_from([DENSE, EXPERTS]),
    st.sampled_from(["MI300X", "MI325X", "MI210", "H100", "L40S"]),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 10**7),
    st.builds(Workload, st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**5)),
)
def test_every_prediction_is_a_positive_number(facts, name, tensor, tokens, workload):
    found = predict(facts, placed(name, tensor, tokens), workload)
    assert all(0 < value < float("inf") for value in found)


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 4000))
def test_more_requests_at_once_are_never_slower_together(inputs, outputs, requests):
    fewer, more = (speed(workload=Workload(inputs, outputs, count)) for count in (requests, requests * 2))
    assert more.throughput >= fewer.throughput * 0.999
    assert more.per_token >= fewer.per_token * 0.999
