"""The arguments by which an engine is told of a second model that drafts tokens.

Sources: vLLM 0.33, its page on speculative decoding (--speculative-config); SGLang's guide of it (docs.sglang.io,
advanced_features/speculative_decoding). With one branch per step, as vLLM drafts, SGLang
checks one token more than it drafts.
"""

import json
from collections.abc import Callable, Mapping

from aimlib.api.draft import DraftMethod, DraftModel

DRAFT_FLAGS = ("--speculative-", "--spec-")
"""What the flags about drafts begin with, of either engine."""
VLLM_METHODS: Mapping[DraftMethod, str] = {"eagle": "eagle", "eagle3": "eagle3", "model": "draft_model"}
SGLANG_METHODS: Mapping[DraftMethod, str] = {"eagle": "EAGLE", "eagle3": "EAGLE3", "model": "STANDALONE"}


def _vllm(draft: DraftModel, revision: str | None) -> list[str]:
    stated = {
        "method": VLLM_METHODS[draft.method],
        "model": draft.repository,
        **({"revision": revision} if revision else {}),
        "num_speculative_tokens": draft.tokens,
    }
    return ["--speculative-config", json.dumps(stated)]


def _sglang(draft: DraftModel, revision: str | None) -> list[str]:
    return [
        *("--speculative-algorithm", SGLANG_METHODS[draft.method]),
        *("--speculative-draft-model-path", draft.repository),
        *(("--speculative-draft-model-revision", revision) if revision else ()),
        *("--speculative-num-steps", str(draft.tokens)),
        *("--speculative-eagle-topk", "1"),
        *("--speculative-num-draft-tokens", str(draft.tokens + 1)),
    ]


_RENDERED: Mapping[str, Callable[[DraftModel, str | None], list[str]]] = {"vllm": _vllm, "sglang": _sglang}


def draft_arguments(engine: str, draft: DraftModel, revision: str | None) -> list[str]:
    """The arguments of an engine, vllm or sglang; `revision` is of the draft's files, None for the default branch."""
    return _RENDERED[engine](draft, revision)
