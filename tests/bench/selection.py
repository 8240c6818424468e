"""Selection as a pure function, over few and many candidates."""

from functools import partial

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.memo import Memo, memoized, versions
from aimlib.selection.entries import CatalogueEntry, read_entry
from aimlib.selection.select import Decision, select
from tests.bench import bodies
from tests.bench.latency import MANY
from tests.bench.measure import cpu, p50, p99, turns
from tests.bench.report import Goal, Part, Row, Table
from tests.bench.stored import Raw, stored

SIZES = (10, 200, 2000)
LIMIT_MS = 60
"""The most that the largest number should take, warm."""
CONFIG = Config()
SPEC = EndpointSpec.model_validate({"modelId": MANY})


def recipes(candidates: int) -> list[Raw]:
    """The recipes of one model, copied under other names until they have so many configurations together."""
    found: list[Raw] = []
    originals = bodies.recipes_of(MANY)
    missing = candidates
    while missing:
        original = originals[len(found) % len(originals)]
        configurations = original["spec"]["configurations"][:missing]
        metadata = {**original["metadata"], "name": f"{original['metadata']['name']}-{len(found)}"}
        spec = {**original["spec"], "configurations": configurations}
        found.append(stored({**original, "metadata": metadata, "spec": spec}))
        missing -= len(configurations)
    return found


def run(seconds: float) -> Part:
    """Each size for `seconds`."""
    note = (
        "cold: recipes and inventory are read and decided on; warm: they have been read; "
        "remembered: nothing has changed since the last decision; all of it is time of the processor"
    )
    rows = [measured(size, seconds) for size in SIZES]
    goal = Goal(f"selection among {SIZES[-1]} candidates, warm: p50", float(rows[-1]["warm p50 ms"]), LIMIT_MS, "ms")
    return Part("selection", [Table("selection", rows, note)], [goal])


def measured(candidates: int, seconds: float) -> Row:
    """Cold, warm and remembered take turns."""
    raw = recipes(candidates)
    cluster = bodies.inventory_sync(len(bodies.NODES))["parent"]
    inventory = InventoryStatus.model_validate(cluster["status"])
    memo: Memo[Decision] = Memo(8)

    def read() -> list[CatalogueEntry]:
        return [read_entry(one["metadata"]["name"], one["spec"]) for one in raw]

    def cold() -> Decision:
        return select(SPEC, read(), InventoryStatus.model_validate(cluster["status"]), CONFIG)

    catalogue = read()
    warm = partial(select, SPEC, catalogue, inventory, CONFIG)

    def again() -> Decision:
        return memoized(memo, versions([cluster, *raw]), warm)

    again()
    contestants = {"cold": cold, "warm": warm, "remembered": again}
    found = turns({name: lambda _, work=work: cpu(work) for name, work in contestants.items()}, seconds)
    decision = warm()
    row: Row = {"candidates": decision.selection.considered, "recipes": len(raw)}
    for name, samples in found.items():
        row |= {f"{name} p50 ms": p50(samples) * 1000, f"{name} p99 ms": p99(samples) * 1000}
    return {**row, "warm µs each": p50(found["warm"]) * 1e6 / candidates}
