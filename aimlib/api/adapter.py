"""LoRA adapters of an endpoint: small repositories of an AIMCache, each served beside the model under a name."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from aimlib.api import formats
from aimlib.api.base import FieldRule, Model, ModelId, Revision, Text
from aimlib.api.spelling import MISSING, lookup

MOST_ADAPTERS = 16
USUAL_RANK = 16
"""The rank that an engine is started for where no adapter states one: vLLM's own default."""
AdapterName = Annotated[str, formats.ADAPTER_NAME.field]
"""A name by which requests ask for an adapter."""
AdapterRank = Annotated[int, Field(ge=1, le=512)]


class AdapterSource(Model):
    """Where the files of an adapter are."""

    repository: ModelId
    """The id by which the AIMCache lists it in spec.models, such as acme/qwen3-sql. Its files are adapter_config.json
    and adapter_model.safetensors."""


class Adapter(Model):
    """A LoRA adapter that is served beside the model. The engine is started with all of them."""

    name: AdapterName
    """The name of the adapter in requests: their field `model` has it."""
    source: AdapterSource
    """Where its files are: in the AIMCache that has the model."""
    revision: Revision | None = None
    """Branch, tag or commit of its repository, as the cache lists it; any when left out."""
    rank: AdapterRank | None = None
    """Its rank, r in adapter_config.json; 16 when left out. The engine reserves memory for the largest of all."""
    base_model: ModelId | None = None
    """The model that its adapter_config.json names, where that is not the id of this endpoint's: such as a copy of the
    model in another repository. It states that both are the same model."""

    @property
    def largest_rank(self) -> int:
        """The rank that the engine must have room for."""
        return self.rank or USUAL_RANK


class AdapterFacts(Model):
    """What the adapter_config.json of a cached repository tells."""

    base_model: Text | None = None
    """base_model_name_or_path, where it may be a repository of a hub."""
    rank: AdapterRank | None = None
    """The largest rank of its layers; absent where it has none, or one that no engine takes."""
    unloadable: Literal["use_dora", "modules_to_save", "bias"] | None = None
    """The key of its adapter_config.json by which it has more than LoRA, and no engine loads it; the first of them."""


class AdapterStatus(Model):
    """An adapter, and where it is."""

    name: AdapterName
    """The name of the adapter in requests."""
    repository: ModelId
    """The id by which the AIMCache lists it."""
    revision: Text
    """The branch, tag or commit that the cache keeps."""
    commit: Text | None = None
    """The commit whose files the engine loads."""
    cache: Text | None = None
    """The AIMCache that has it."""
    rank: int | None = None
    """Its rank, by its adapter_config.json."""
    state: Literal["Ready", "Waiting", "Refused"]
    """Ready: its files are in the cache and fit. Waiting: for the cache. Refused: it cannot be served; CacheReady has
    the reason."""


def _names_differ(raw: Mapping[str, Any]) -> bool:
    """Whether each adapter has a name that neither another one nor the model has."""
    names = [one.get("name") for one in raw.get("adapters") or ()]
    own = {lookup(raw, ("modelId",)), lookup(raw, ("model", "id"))}
    aliases = lookup(raw, ("routing", "names"))
    own |= set() if aliases is MISSING else set(aliases)
    return len({*names}) == len(names) and own.isdisjoint(names)


def _come_from_a_cache(raw: Mapping[str, Any]) -> bool:
    """Whether the endpoint may use an AIMCache that lists its adapters."""
    if not raw.get("adapters"):
        return True
    free = lookup(raw, ("cache", "enabled")) is MISSING or lookup(raw, ("cache", "name")) is not MISSING
    return lookup(raw, ("model", "source")) is MISSING and free


ADAPTER_RULES = (
    FieldRule(
        "!has(self.adapters) || self.adapters.all(a, !(has(self.modelId) && a.name == self.modelId) && "
        "!(has(self.model) && has(self.model.id) && a.name == self.model.id) && "
        "!(has(self.routing) && has(self.routing.names) && a.name in self.routing.names))",
        "adapters: a name is served once, so an adapter has neither the id of the model, nor a name of routing.names, "
        "nor another adapter's: rename it",
        _names_differ,
    ),
    FieldRule(
        "!has(self.adapters) || size(self.adapters) == 0 || (!(has(self.model) && has(self.model.source)) && "
        "(!has(self.cache) || has(self.cache.name) || !has(self.cache.enabled)))",
        "adapters are loaded from an AIMCache that lists them beside the model: leave out model.source and "
        "cache.enabled, and list all of them in spec.models of a cache",
        _come_from_a_cache,
    ),
)
