"""The model architectures that an engine loads, read from its source; config.json names a model's in `architectures`.

vLLM lists them in tables of its registry. SGLang imports every module of its models, each of which names its classes
in EntryClass. What only drafts tokens for another model is left out.
"""

import ast

from wheel_source import UnreadableError, WheelSource

VLLM_REGISTRY = "vllm.model_executor.models.registry"
VLLM_TABLE = "_VLLM_MODELS"
NOT_SERVED = {"_SPECULATIVE_DECODING_MODELS", "_TRANSFORMERS_BACKEND_MODELS"}
"""Tables of drafting models, and of the classes that stand in for an architecture."""
VLLM_FORMER = "_PREVIOUSLY_SUPPORTED_MODELS"
SGLANG_MODELS = "sglang.srt.models"


def vllm(source: WheelSource) -> list[str]:
    """The names in the tables that vLLM's registry is made of."""
    table = source.find(VLLM_REGISTRY, VLLM_TABLE).node
    if not isinstance(table, ast.Dict):
        raise UnreadableError(VLLM_TABLE)
    parts = [part.id for part in table.values if isinstance(part, ast.Name) and part.id not in NOT_SERVED]
    found: set[str] = set()
    for part in parts:
        entries = source.find(VLLM_REGISTRY, part).node
        found |= {key.value for key in entries.keys if isinstance(key, ast.Constant)}
    return sorted(found)


def vllm_former(source: WheelSource) -> dict[str, str]:
    """The last version that loaded each of the architectures that were removed."""
    found = source.value(VLLM_REGISTRY, source.find(VLLM_REGISTRY, VLLM_FORMER).node)
    return dict(sorted(found.items()))


def sglang(source: WheelSource) -> list[str]:
    """The classes that SGLang's models export."""
    folder = SGLANG_MODELS.replace(".", "/") + "/"
    files = sorted(name for name in source.files if name.startswith(folder) and name.endswith(".py"))
    found: set[str] = set()
    for file in files:
        for node in ast.parse(source.archive.read(file)).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="EntryClass")], value=value):
                    items = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
                    found |= {item.id for item in items if isinstance(item, ast.Name)}
    return sorted(name for name in found if not name.endswith(DRAFTS) and "Eagle3" not in name)


DRAFTS = ("MTP", "NextN", "Eagle", "DFlashDraftModel")
"""How the names of SGLang's drafting classes end."""


def sglang_former(_: WheelSource) -> dict[str, str]:
    """SGLang keeps no list of what it removed."""
    return {}
