"""The arguments of LoRA adapters: flags of the engine, and a rank that it takes."""

import pytest

from aimlib.api.adapter import Adapter
from aimlib.engines.adapters import reserved_rank, reserving_arguments
from aimlib.engines.arguments import parse_args
from aimlib.engines.catalogue import engine
from aimlib.engines.flags import flag_table


def adapters(*ranks):
    return tuple(
        Adapter.model_validate({"name": f"a{at}", "source": {"repository": f"acme/a{at}"}, "rank": rank})
        for at, rank in enumerate(ranks)
    )


def test_its_flags_are_flags_of_the_engine():
    flags = engine("vllm").flags.adapters.model_dump()
    assert set(flags.values()) <= set(flag_table("vllm").flags)


@pytest.mark.parametrize(
    ("ranks", "room"), [((), 0), ((None,), 16), ((8,), 8), ((9, 4), 16), ((65, None), 128), ((512,), 512)]
)
def test_there_is_room_for_the_smallest_rank_that_suffices(ranks, room):
    assert reserved_rank(engine("vllm"), adapters(*ranks)) == room


def test_there_is_room_for_all_of_them_in_one_batch():
    given = reserving_arguments(engine("vllm"), adapters(None, 40, 8))
    assert given == ("--enable-lora", "--max-loras", "3", "--max-lora-rank", "64")
    assert parse_args("vllm", given).errors == ()


@pytest.mark.parametrize(("backend", "listed"), [("vllm", ()), ("sglang", (16,))])
def test_without_adapters_or_flags_for_them_there_are_no_arguments(backend, listed):
    assert reserving_arguments(engine(backend), adapters(*listed)) == ()


def test_an_engine_without_flags_for_them_reserves_what_is_needed():
    assert reserved_rank(engine("sglang"), adapters(48)) == 48
