"""How an engine is told of a second model that drafts: in words that its own parser knows."""

import json

import pytest

from aimlib.api.draft import DraftModel
from aimlib.engines.catalogue import parse_args
from aimlib.engines.draft_arguments import DRAFT_FLAGS, draft_arguments

METHODS = {"eagle": ("eagle", "EAGLE"), "eagle3": ("eagle3", "EAGLE3"), "model": ("draft_model", "STANDALONE")}


def told(backend, method="eagle3", revision=None):
    draft = DraftModel(repository="acme/draft", method=method, tokens=3)
    words = draft_arguments(backend, draft, revision)
    parsed = parse_args(backend, words)
    assert parsed.errors == ()
    assert all(one.flag.startswith(DRAFT_FLAGS) for one in parsed.arguments)
    return words


@pytest.mark.parametrize("revision", [None, "v1"])
@pytest.mark.parametrize("method", METHODS)
def test_vllm_is_told_by_one_object(method, revision):
    flag, stated = told("vllm", method, revision)
    at = {"revision": revision} if revision else {}
    known = {"method": METHODS[method][0], "model": "acme/draft", "num_speculative_tokens": 3}
    assert (flag, json.loads(stated)) == ("--speculative-config", known | at)


@pytest.mark.parametrize("revision", [None, "v1"])
@pytest.mark.parametrize("method", METHODS)
def test_sglang_is_told_by_a_flag_for_each_and_checks_one_token_more(method, revision):
    words = told("sglang", method, revision)
    known = dict(zip(words[::2], words[1::2], strict=True))
    assert known.pop("--speculative-draft-model-revision", None) == revision
    assert known == {
        "--speculative-algorithm": METHODS[method][1],
        "--speculative-draft-model-path": "acme/draft",
        "--speculative-num-steps": "3",
        "--speculative-eagle-topk": "1",
        "--speculative-num-draft-tokens": "4",
    }
