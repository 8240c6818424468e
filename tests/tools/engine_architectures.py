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
VLLM_MODELS = "vllm.model_executor.models"
VLLM_ADAPTERS = "SupportsLoRA"
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


def vllm_without_adapters(source: WheelSource) -> list[str]:
    """Those of which it is known that they take no LoRA adapters: their class does not have the interface for it."""
    table = source.find(VLLM_REGISTRY, VLLM_TABLE).node
    found: dict[str, bool | None] = {}
    for part in (one.id for one in table.values if isinstance(one, ast.Name) and one.id not in NOT_SERVED):
        entries = source.find(VLLM_REGISTRY, part).node
        for key, value in zip(entries.keys, entries.values, strict=True):
            if not isinstance(key, ast.Constant):
                continue
            folder, name = source.value(VLLM_REGISTRY, value)
            module = folder if folder.startswith("vllm.") else f"{VLLM_MODELS}.{folder}"
            takes = _inherits(source, module, name, VLLM_ADAPTERS)
            found[key.value] = found.get(key.value) or takes
    return sorted(name for name, takes in found.items() if takes is False)


def _inherits(source: WheelSource, module: str, name: str, wanted: str) -> bool | None:
    """Whether a class has another among its bases; None where the package does not have the class by that name."""
    try:
        found = source.find(module, name)
    except UnreadableError:
        return None
    if not isinstance(found.node, ast.ClassDef):
        return None
    bases = [base.value if isinstance(base, ast.Subscript) else base for base in found.node.bases]
    names = [base.id for base in bases if isinstance(base, ast.Name)]
    return wanted in names or any(_inherits(source, found.module, base, wanted) for base in names)


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


def sglang_without_adapters(_: WheelSource) -> list[str]:
    """SGLang has adapters for layers, whichever model they are of."""
    return []


def sglang_former(_: WheelSource) -> dict[str, str]:
    """SGLang keeps no list of what it removed."""
    return {}
