"""The arguments by which an engine serves LoRA adapters: what it reserves room for, and where each is."""

from collections.abc import Iterable, Sequence

from aimlib.api.adapter import Adapter
from aimlib.engines.catalogue import Engine
from aimlib.engines.flags import flag_table

SEPARATOR = ","
"""What no folder of an adapter may have: with it, vLLM takes name=folder for JSON (vLLM 0.33,
entrypoints/common/cli_args.py, LoRAParserAction)."""


def reserved_rank(engine: Engine, adapters: Iterable[Adapter]) -> int:
    """The rank that the engine reserves room for: the smallest that it takes, of those that suffice; 0 for none."""
    needed = max((one.largest_rank for one in adapters), default=0)
    flags = engine.flags.adapters
    taken = flag_table(engine.name).flags[flags.rank].choices if flags and needed else ()
    return min((int(one) for one in taken if int(one) >= needed), default=needed)


def reserving_arguments(engine: Engine, adapters: Sequence[Adapter]) -> tuple[str, ...]:
    """The arguments that reserve room for all adapters at once; none where there are none, or the engine cannot."""
    flags = engine.flags.adapters
    if flags is None or not adapters:
        return ()
    return flags.enable, flags.most, str(len(adapters)), flags.rank, str(reserved_rank(engine, adapters))
