"""What the adapter_config.json of a cached repository tells: that it is a LoRA adapter, of what, and of which rank.

Whoever may upload the repository writes that file, so it is bounded, and nothing of it is trusted but its form.
"""

import json
from collections.abc import Iterable
from typing import Any, Literal

from aimlib.api.adapter import AdapterFacts
from aimlib.api.formats import MODEL_ID
from hooks.jobs.volume.layout import Repo

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""The files of an adapter, as the PEFT library writes them."""
MAX_ADAPTER_CONFIG = 1 << 20
"""Most bytes of the first; they have a few KiB."""
MOST_RANK = 512
"""The largest rank that an engine takes (vLLM 0.33, config/lora.py)."""


def is_adapter(paths: Iterable[str]) -> bool:
    """Whether a repository with these files may be an adapter that an engine loads."""
    return {CONFIG, WEIGHTS} <= {*paths}


def adapter_facts(repo: Repo, commit: str, paths: Iterable[str]) -> AdapterFacts | None:
    """What the configuration of a LoRA adapter tells; None where the repository is none, or it cannot be read."""
    if not is_adapter(paths):
        return None
    blob = repo.linked_blob(repo.snapshot(commit) / CONFIG)
    try:
        found = json.loads(repo.files.read_file(blob, MAX_ADAPTER_CONFIG)) if blob else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("peft_type") != "LORA":
        return None
    base = found.get("base_model_name_or_path")
    return AdapterFacts(
        base_model=base if isinstance(base, str) and MODEL_ID.matches(base) else None,
        rank=_largest_rank(found),
        unloadable=_unloadable(found),
    )


def _largest_rank(config: dict[str, Any]) -> int | None:
    """The rank that an engine must have room for; None where one of its ranks is none that engines take."""
    patterns = config.get("rank_pattern") or {}
    ranks = [config.get("r"), *(patterns.values() if isinstance(patterns, dict) else [None])]
    valid = [one for one in ranks if type(one) is int and 1 <= one <= MOST_RANK]
    return max(valid) if len(valid) == len(ranks) else None


def _unloadable(config: dict[str, Any]) -> Literal["use_dora", "modules_to_save", "bias"] | None:
    """What vLLM refuses when it starts (vLLM 0.33, lora/peft_helper.py, validate_legal)."""
    if config.get("use_dora"):
        return "use_dora"
    if config.get("modules_to_save"):
        return "modules_to_save"
    return None if config.get("bias", "none") == "none" else "bias"
