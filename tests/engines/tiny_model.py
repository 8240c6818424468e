"""A model of half a megabyte that a real engine loads: Qwen3's architecture, random weights, and one token per byte.

What it answers has no meaning. It takes no library and no download to make, and is the same every time.
"""

import json
import math
import random
import struct
from typing import Any

LAYERS, HIDDEN, INNER, HEADS, KEY_VALUE_HEADS, HEAD = 2, 256, 128, 4, 2, 64
"""64 is the smallest head for which vLLM has an attention kernel on CPUs."""
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = 256 + len(SPECIAL)
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def files(**config: Any) -> dict[str, bytes]:
    """The files of its repository; `config` changes its config.json."""
    described = _config() | config
    texts = {
        "config.json": described,
        "generation_config.json": {"eos_token_id": WORDS - 1, "pad_token_id": 256},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "chat_template": TEMPLATE,
            "eos_token": SPECIAL[2],
            "pad_token": SPECIAL[0],
            "model_max_length": 40960,
        },
    }
    return {
        **{name: json.dumps(text, indent=1).encode() for name, text in texts.items()},
        "model.safetensors": _weights(described["head_dim"]),
    }


def _config() -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "torch_dtype": "bfloat16",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000,
        "max_position_embeddings": 40960,
        "tie_word_embeddings": True,
        "vocab_size": WORDS,
        "eos_token_id": WORDS - 1,
        "pad_token_id": 256,
    }


def _tokenizer() -> dict[str, Any]:
    """Byte-level BPE without a merge: a token is a byte."""
    # Which characters stand for the 256 bytes: the printable ones for themselves, the others for those from 256 on.
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    letters = {byte: chr(byte) for byte in shown} | {byte: chr(256 + at) for at, byte in enumerate(others)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": 256 + at, "content": word, **usual} for at, word in enumerate(SPECIAL)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "vocab": {letters[byte]: byte for byte in range(256)},
            "merges": [],
        },
    }


def _weights(head: int) -> bytes:
    """Weights in the format of safetensors: the length of the header, the header, and numbers as bfloat16."""
    attention = {
        "self_attn.q_proj": (HEADS * head, HIDDEN),
        "self_attn.k_proj": (KEY_VALUE_HEADS * head, HIDDEN),
        "self_attn.v_proj": (KEY_VALUE_HEADS * head, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HEADS * head),
        "self_attn.q_norm": (head,),
        "self_attn.k_norm": (head,),
    }
    mlp = {"mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN), "mlp.down_proj": (HIDDEN, INNER)}
    norms = {"input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,)}
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (WORDS, HIDDEN), "model.norm": (HIDDEN,)}
    for layer in range(LAYERS):
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in {**attention, **mlp, **norms}.items()}
    drawn, header, body = random.Random(0), {}, b""  # noqa: S311 - no secret
    for name, shape in shapes.items():
        data = _numbers(drawn, math.prod(shape), norm=len(shape) == 1)
        offsets = [len(body), len(body) + len(data)]
        header[f"{name}.weight"] = {"dtype": "BF16", "shape": shape, "data_offsets": offsets}
        body += data
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + body


def _numbers(drawn: random.Random, count: int, *, norm: bool) -> bytes:
    """1 for what scales, else numbers of about a hundredth, either sign."""
    if norm:
        return b"\x80\x3f" * count
    data = bytearray(drawn.randbytes(2 * count))
    data[1::2] = bytes(0x3C | byte & 0x80 for byte in data[1::2])
    return bytes(data)
