"""Architectures are read out of an engine's source, without what drafts for another model."""

import engine_architectures
import pytest
from test_wheel_source import wheel
from wheel_source import UnreadableError

VLLM = {
    "vllm/model_executor/models/registry.py": """
_TEXT_GENERATION_MODELS = {"B": ("b", "B"), "A": ("a", "A")}
_MULTIMODAL_MODELS = {"C": ("c", "C")}
_SPECULATIVE_DECODING_MODELS = {"AMTP": ("a", "AMTP")}
_TRANSFORMERS_BACKEND_MODELS = {"Transformers": ("t", "T")}
_VLLM_MODELS = {
    **_TEXT_GENERATION_MODELS, **_MULTIMODAL_MODELS, **_SPECULATIVE_DECODING_MODELS, **_TRANSFORMERS_BACKEND_MODELS
}
_PREVIOUSLY_SUPPORTED_MODELS = {"Z": "0.9", "Y": "0.8"}
"""
}
SGLANG = {
    "sglang/srt/models/a.py": "class A: pass\nEntryClass = A",
    "sglang/srt/models/deep/b.py": "EntryClass = [B, BMTP, LlamaForCausalLMEagle3]",
    "sglang/srt/models/none.py": "x = 1",
    "sglang/srt/layers/c.py": "EntryClass = C",
}


def test_vllm_has_them_in_tables(tmp_path):
    source = wheel(tmp_path, VLLM)
    assert engine_architectures.vllm(source) == ["A", "B", "C"]
    assert engine_architectures.vllm_former(source) == {"Y": "0.8", "Z": "0.9"}


def test_what_takes_adapters_has_the_interface_for_it(tmp_path):
    models = {
        "vllm/model_executor/models/interfaces.py": "class SupportsLoRA: pass",
        "vllm/model_executor/models/a.py": "from .b import Base\nclass A(Base[int]): pass",
        "vllm/model_executor/models/b.py": """
from .interfaces import SupportsLoRA
import torch
class Base(torch.nn.Module, SupportsLoRA): pass
class B(torch.nn.Module): pass
""",
        "vllm/model_executor/models/c.py": "from .b import B\nC = B if True else None",
    }
    assert engine_architectures.vllm_without_adapters(wheel(tmp_path, VLLM | models)) == ["B"]
    assert engine_architectures.sglang_without_adapters(wheel(tmp_path, SGLANG)) == []


def test_another_registry_is_not_guessed(tmp_path):
    with pytest.raises(UnreadableError):
        engine_architectures.vllm(wheel(tmp_path, {"vllm/model_executor/models/registry.py": "_VLLM_MODELS = 3"}))


def test_sglang_has_them_in_modules(tmp_path):
    source = wheel(tmp_path, SGLANG)
    assert engine_architectures.sglang(source) == ["A", "B"]
    assert engine_architectures.sglang_former(source) == {}
