"""Reads the attention of a model from its config.json: its layers by kind, and what each keeps of a token."""

from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any, TypeGuard

from aimlib.data import load_data


def value_of(part: Mapping[str, Any], fact: str) -> int | None:
    """The number of a fact, under the first of its names that has one."""
    found = (part.get(name) for name in load_data("architectures")["keys"][fact])
    return next((one for one in found if is_size(one)), None)


def most_of(part: Mapping[str, Any], fact: str) -> int | None:
    """As value_of, where a file may list a number for each layer or kind of input: the largest of them."""
    found = (part.get(name) for name in load_data("architectures")["keys"][fact])
    lists = (one if isinstance(one, list) else [one] for one in found)
    return next((max(one) for one in lists if one and all(map(is_size, one))), None)


def is_size(value: object) -> TypeGuard[int]:
    """Whether a value is a number of something, as the API server stores them."""
    return type(value) is int and 0 <= value < 2**31


def attention_facts(text: Mapping[str, Any]) -> dict[str, Any]:
    """Layers by kind, and the heads of those that keep a KV cache."""
    heads, layers = value_of(text, "attentionHeads"), value_of(text, "layers") or len(_listed(text))
    layers = layers * _modules(text) - (value_of(text, "sharedLayers") or 0)
    kinds = _kinds(text, layers)
    linear = kinds["linear"] + kinds["both"]
    window, chunk = value_of(text, "slidingWindow"), value_of(text, "chunk")
    found: dict[str, Any] = {"layers": layers - kinds["linear"] - kinds["none"] or None, "attentionHeads": heads}
    if kinds["sliding"] and window:
        found["slidingWindow"] = {"layers": kinds["sliding"], "tokens": window}
    if kinds["chunked"] and chunk:
        found["chunkedAttention"] = {"layers": kinds["chunked"], "tokens": chunk}
    if linear:
        found["linearAttention"] = {"layers": linear, "stateKiB": _state_kib(text)}
    if latent := _latent(text):
        return {**found, "latentAttention": latent}
    hidden = value_of(text, "hiddenSize")
    width = value_of(text, "headDim") or _uncompressed(text) or (hidden // heads if hidden and heads else None)
    return {**found, **_widest(text, _key_value_heads(text, heads), width)}


def _modules(text: Mapping[str, Any]) -> int:
    """How many attention modules a layer has."""
    return int(load_data("architectures")["attentionsOfLayer"].get(str(text.get("model_type")), 1))


def _key_value_heads(text: Mapping[str, Any], heads: int | None) -> int | None:
    """The most key-value heads of any layer, where blocks differ (DeciLM states how many heads share one)."""
    shared = [size for size in map(_heads_in_group, _blocks(text)) if size]
    if shared and heads:
        return heads // min(shared) or None
    if text.get("multi_query") is True and not text.get("new_decoder_architecture"):
        return 1  # Falcon and StarCoder, whatever the number of heads beside
    return value_of(text, "keyValueHeads") or heads


def _blocks(text: Mapping[str, Any]) -> list[Any]:
    found = text.get("block_configs")
    return found if isinstance(found, list) else []


def _heads_in_group(block: object) -> int:
    """The heads that share one key-value head in a block; 0 where it has no attention."""
    attention = block.get("attention") if isinstance(block, Mapping) else None
    size = attention.get("n_heads_in_group") if isinstance(attention, Mapping) else None
    return size if is_size(size) else 0


def _uncompressed(text: Mapping[str, Any]) -> int | None:
    """The width of a key that latent attention would have, in models whose cache engines do not compress."""
    parts = [text.get("qk_nope_head_dim"), text.get("qk_rope_head_dim")]
    numbers = [one for one in parts if is_size(one)]
    return sum(numbers) if len(numbers) == len(parts) else None


def _latent(text: Mapping[str, Any]) -> dict[str, int]:
    """The entry of latent attention; none without.

    Where entries of several tokens are compressed into one (compress_ratios), each counts as if it was not, so that
    what is computed is more than what the engine keeps.
    """
    rank, rope, index = text.get("kv_lora_rank"), text.get("qk_rope_head_dim"), text.get("index_head_dim")
    if not is_size(rope) or text.get("model_type") in load_data("architectures")["uncompressed"]:
        return {}
    if text.get("compress_ratios") and (width := value_of(text, "headDim")) and width > rope:
        rank = width - rope
    if not is_size(rank):
        return {}
    indexed = {"indexHeadDim": index} if is_size(index) and index else {}
    return {"kvLoraRank": rank, "qkRopeHeadDim": rope, **indexed}


def _widest(text: Mapping[str, Any], heads: int | None, width: int | None) -> dict[str, int | None]:
    """Heads and width of the layers that keep most, where kinds of layers differ; values may be narrower than keys."""
    if not heads or not width:
        return {"keyValueHeads": heads, "headDim": width}
    values = value_of(text, "valueHeadDim")
    width = -(-(width + values) // 2) if values else width
    others = value_of(text, "otherHeadDim")
    found = [(heads, width), (value_of(text, "otherKeyValueHeads") or heads, others or width)]
    most = max(found, key=lambda one: one[0] * one[1])
    return {"keyValueHeads": most[0], "headDim": most[1]}


def _kinds(text: Mapping[str, Any], layers: int) -> Counter[str]:
    """Layers by kind: as listed, else by the pattern of sliding windows, else one window for all."""
    listed = _listed(text)
    if listed:
        return Counter(listed[: layers or None])
    if text.get("model_type") in load_data("architectures")["bothInEachLayer"]:
        return Counter(both=layers)
    interval, pattern = text.get("full_attention_interval"), _pattern(text)
    if is_size(interval) and interval > 1:
        return Counter(linear=layers - layers // interval)
    if is_size(pattern) and pattern > 1:
        return Counter(sliding=layers - layers // pattern)
    if text.get("compress_ratios"):
        return Counter()
    windowed = value_of(text, "slidingWindow") and text.get("use_sliding_window", True)
    first = text.get("max_window_layers") if text.get("use_sliding_window") else 0
    return Counter(sliding=max(layers - (first if is_size(first) else 0), 0) if windowed else 0)


def _pattern(text: Mapping[str, Any]) -> object:
    """Each how-manieth layer has no window: as stated, by the letters of a period, or as usual for the family."""
    found = text.get("sliding_window_pattern")
    if isinstance(found, str):
        return len(found)
    return found or load_data("architectures")["windowPatterns"].get(str(text.get("model_type")))


def _listed(text: Mapping[str, Any]) -> list[str]:
    """The kind of each layer, where the file lists them in one of its ways; layers without attention are `none`."""
    usual = load_data("architectures")["layerTypes"]
    if blocks := _blocks(text):
        return ["full" if _heads_in_group(block) else "none" for block in blocks]
    for key, own in load_data("architectures")["layerLists"].items():
        found, table = text.get(key), {**usual, **own}
        if isinstance(found, list | str) and found:
            return [table.get(str(one), "full") if isinstance(one, str) or is_size(one) else "full" for one in found]
    linear = text.get("linear_attn_config")
    if isinstance(linear, Mapping):
        parts = (("linear", linear.get("kda_layers")), ("full", linear.get("full_attn_layers")))
        return [kind for kind, layers in parts if isinstance(layers, list) for _ in layers]
    return _computed(text)


def _computed(text: Mapping[str, Any]) -> list[str]:
    """The kind of each layer, where the file has a rule for them.

    Jamba has a period and the place in it, Ling groups whose last layer has full attention, LFM2 and Bamba places.
    """
    layers = min(value_of(text, "layers") or 0, MOST_LAYERS)
    period, offset, group = (text.get(name) for name in ("attn_layer_period", "attn_layer_offset", GROUPS))
    if is_size(group) and group > 1:
        return ["full" if (at + 1) % group == 0 or at >= layers - layers % group else "linear" for at in range(layers)]
    places = text.get("full_attn_idxs", text.get("attn_layer_indices"))
    if is_size(period) and period > 1 and is_size(offset):
        return ["full" if at % period == offset else "linear" for at in range(layers)]
    if isinstance(places, list) and places and all(map(is_size, places)):
        full = frozenset(places)  # of a file of megabytes there may be a million
        return ["full" if at in full else "linear" for at in range(layers)]
    return []


MOST_LAYERS = 4096
"""More than any model has."""
GROUPS = "layer_group_size"
LIGHTNING = (GROUPS, "attn_type_list")
"""What the files of models have whose layers of linear attention keep heads x width x width."""


def _state_kib(text: Mapping[str, Any]) -> float:
    """The state of one layer of linear attention or of a state space, in KiB: heads x width x width, in 16 bit.

    In 32 bit where the file says so; 0 where it does not tell what the state is.
    """
    if any(key in text for key in LIGHTNING):
        heads, hidden = value_of(text, "attentionHeads") or 0, value_of(text, "hiddenSize") or 0
        width = value_of(text, "headDim") or (hidden // heads if heads else 0)
        return round(2 * heads * width**2 / 1024, 1)
    one = text.get("linear_attn_config")
    whole = [one.get(name) for name in ("num_heads", "head_dim", "head_dim")] if isinstance(one, Mapping) else []
    named = ([text.get(name) for name in names] for names in STATES)
    numbers = ([one for one in sizes if is_size(one)] for sizes in (whole, *named))
    size = next((prod(found) for found in numbers if len(found) == WIDTHS), 0)
    wide = "float32" in (text.get("mamba_ssm_cache_dtype"), text.get("mamba_ssm_dtype"))
    return round((4 if wide else 2) * size / 1024, 1)


STATES = (
    ("linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim"),
    ("mamba_num_heads", "mamba_head_dim", "ssm_state_size"),
    ("mamba_n_heads", "mamba_d_head", "mamba_d_state"),
    ("mamba_expand", "hidden_size", "mamba_d_state"),
)
"""What the size of a state is the product of: gated delta attention, Mamba 2 as Nemotron and as Granite state it, and
Mamba 1 as Jamba does."""
WIDTHS = 3
"""Factors of each."""
