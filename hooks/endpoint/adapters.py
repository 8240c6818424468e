"""The LoRA adapters of an endpoint: whether its cache has each of them, and whether each fits what the engine reserves.

A server is started with all of them or not at all, so the Deployment is held for an adapter as it is for the model.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aimlib.api.adapter import Adapter, AdapterFacts, AdapterStatus
from aimlib.api.resolved import Resolved
from aimlib.caching.choice import CacheCandidate, CacheChoice, CacheRequest, cache_uses
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.usage import Use
from aimlib.engines.adapters import SEPARATOR, reserved_rank
from aimlib.engines.catalogue import engine
from aimlib.protocol.conditions import Verdict
from hooks.endpoint.cache_messages import cache_ready, listing
from hooks.endpoint.children.loaded_files import LoadedAdapter
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.world import World, remembered_adapters

LACKS = "it has no adapter_config.json with peft_type LORA beside an adapter_model.safetensors"
BEYOND_LORA = {
    "use_dora": "is trained with DoRA",
    "modules_to_save": "has whole modules of its own, such as embeddings of new tokens",
    "bias": "has biases of its own",
}
"""By the key of adapter_config.json, what engines load from no adapter."""
MERGE_IT = "and no engine loads that: merge it into a copy of the model and serve that, or train it without"
OR_SAME = "list another adapter, or, where both are the same model, state in adapters baseModel"
NO_COMMIT = "has no commit by which its files are found: take it out of spec.models of the cache, and add it again"
WITHOUT_SEPARATOR = "the engine takes no path with a comma, so change mountPath of the cache"


class AdapterUse(NamedTuple):
    """How an endpoint uses the adapters of its cache."""

    objection: Verdict | None = None
    """CacheReady of the first that cannot be loaded yet; None where all can."""
    loaded: tuple[LoadedAdapter, ...] = ()
    """Those whose commit is known."""
    uses: tuple[Use, ...] = ()
    statuses: tuple[AdapterStatus, ...] = ()


def use_adapters(world: World, owner: Owner, choice: CacheChoice, used_now: Sequence[Use], *, runs: bool) -> AdapterUse:
    """Each adapter in the chosen cache. `used_now` is what pods use already, `runs` whether any pod does run."""
    objections: list[Verdict] = []
    loaded, uses, statuses = [], [], []
    before = {(one.name, one.repository, one.revision): one.commit for one in remembered_adapters(world)}
    for one in owner.resolved.adapters or ():
        repository = one.source.repository
        request = CacheRequest(repository, repository, owner.resolved.recipe, one.revision, adapter=one.name)
        found = choice.found
        used = found.used(request) if found and found.serves(request) else None
        use = cache_uses(used, request.checkpoint)[0] if used else None
        own = CacheChoice(choice.name, request, used, found, in_use=choice.in_use and use in used_now)
        verdict = cache_ready(own, owner.namespace, running=runs)
        facts = own.model.adapter if own.model else None
        refused = _refusal(one, facts, own, owner.resolved) if verdict.met else ""
        if refused:
            verdict = Verdict("CacheReady", False, "AdapterRefused", refused)
        revision = (use.revision if use else one.revision) or DEFAULT_REVISION
        there = own.model.commit if own.model and own.model.status == "Ready" else None
        commit = _commit(there) or _commit(before.get((one.name, request.checkpoint, revision)))
        if commit:
            loaded.append(LoadedAdapter(one.name, request.checkpoint, revision, commit))
        objections += [] if verdict.met else [verdict]
        uses += [use] if use else []
        statuses.append(
            AdapterStatus(
                name=one.name,
                repository=request.checkpoint,
                revision=revision,
                commit=commit,
                cache=choice.name,
                rank=facts.rank if facts else None,
                state="Ready" if verdict.met else "Refused" if refused else "Waiting",
            )
        )
    return AdapterUse(next(iter(objections), None), tuple(loaded), tuple(uses), tuple(statuses))


def _commit(text: str | None) -> str | None:
    """A commit as a part of the path of files; None for another text: anybody may write a report."""
    return text if text and text.isascii() and text.isalnum() else None


def _refusal(one: Adapter, facts: AdapterFacts | None, choice: CacheChoice, resolved: Resolved) -> str:
    """Why an engine would not load what is cached, or would answer nonsense with it: the first row that applies."""
    repository = one.source.repository
    where = f"adapter {one.name} ({repository})"
    room = reserved_rank_of(resolved)
    model = resolved.model_id
    mount = choice.used.mount_path if choice.used else ""
    config = "by its adapter_config.json"
    rank, base = (facts.rank, facts.base_model) if facts else (None, None)
    beyond = facts.unloadable if facts else None
    same = {name.casefold() for name in (model, resolved.checkpoint, one.base_model) if name}
    table = (
        (
            facts is None,
            f"{where} in cache {choice.name} is no LoRA adapter that an engine loads: {LACKS}",
        ),
        (
            beyond is not None,
            f"{where} {BEYOND_LORA.get(beyond or '')} ({beyond} in its adapter_config.json), {MERGE_IT}",
        ),
        (_commit(choice.model.commit if choice.model else None) is None, f"{where} in cache {choice.name} {NO_COMMIT}"),
        (rank is None, f"{where} has no rank from 1 to 512 {config}, so that no engine loads it"),
        (
            rank is not None and rank > room,
            f"{where} has rank {rank} {config}, and there is room for {room}: state rank: {rank} in adapters",
        ),
        (
            base is not None and base.casefold() not in same,
            f"{where} is for {base} {config}, and this endpoint serves {model}: {OR_SAME}: {base}",
        ),
        (
            SEPARATOR in mount,
            f"{where} cannot be loaded from {mount}, where cache {choice.name} is mounted: {WITHOUT_SEPARATOR}",
        ),
    )
    return next((text for applies, text in table if applies), "")


def reserved_rank_of(resolved: Resolved) -> int:
    """The rank that the engine of a configuration is started for."""
    return reserved_rank(engine(resolved.backend), resolved.adapters or ())


def without_cache(owner: Owner, caches: Sequence[CacheCandidate], request: CacheRequest) -> Verdict:
    """That adapters need a cache, where the endpoint uses none: which one lacks what, else what to list."""
    near = next((cache for cache in caches if cache.serves(request.parts[0])), None)
    wanted = (*request.repositories, *request.adapters)
    missing = [one for one in wanted if not (near and near.lists(one))]
    lacking = (
        f"add {listing(missing)} to spec.models of cache {near.name}" if near and missing else "list all of them in one"
    )
    text = (
        f"adapters are loaded from an AIMCache, and none in namespace {owner.namespace} has all of "
        f"{listing(wanted)}: {lacking}"
    )
    return Verdict("CacheReady", False, "AdaptersNeedCache", text)


def own_download(owner: Owner, source: str) -> Verdict:
    """That adapters need a cache of somebody's, where the endpoint makes one for the model alone."""
    text = (
        f"adapters are loaded from an AIMCache that lists them, and {owner.resolved.checkpoint} is downloaded from "
        f"{source} to one of this endpoint's own: list it with that source, and the adapters, in an AIMCache, and "
        "name that in cache.name"
    )
    return Verdict("CacheReady", False, "AdaptersNeedCache", text)


def adapters_there(statuses: Sequence[AdapterStatus]) -> str:
    """That they are in the cache, to be appended to what is told of the model; empty without any."""
    names = [one.name for one in statuses]
    return f"; so {'are its adapters' if len(names) > 1 else 'is its adapter'} {listing(names)}" if names else ""


def adapter_warnings(statuses: Sequence[AdapterStatus], resolved: Resolved) -> Iterator[str]:
    """That more room is reserved than any adapter needs, which the KV cache could have."""
    ranks, room = [one.rank for one in statuses], reserved_rank_of(resolved)
    known = [rank for rank in ranks if rank]
    if known and len(known) == len(ranks) and 2 * max(known) < room:
        yield (
            f"adapters: room for rank {room} is reserved, and the largest of them has rank {max(known)}: state that "
            "as rank, and the KV cache has more room"
        )
