"""A second model that drafts: who gets one, and what it takes of memory, of the node and of time."""

import pytest

from aimlib.api.draft import RecipeDraft, RequestedDraft
from aimlib.api.model_facts import Drafting, ModelFacts
from aimlib.derive.sources import checkpoints, filled_cells
from aimlib.kube.quantity import GIB
from aimlib.selection.gpu_memory import Layout, required_memory
from aimlib.selection.launch import launch
from aimlib.selection.parallel import Parallel
from tests.aimlib.make import FACTS, configuration, listed, recipe
from tests.aimlib.selection.test_roofline import DENSE, ONE, placed, predict, speed
from tests.aimlib.selection.test_rules import small, verdict

HEAD = {"weightsGiB": 3, "layers": 1, "attentionHeads": 64, "keyValueHeads": 8, "headDim": 128, "maxContext": 40960}
DRAFT = {"repository": "acme/draft", "method": "eagle3", "tokens": 3, "facts": HEAD}
FOUND = "acme/draft, which drafts tokens"


def drafted(*configurations, **fields):
    return recipe(*(configurations or (configuration(1),)), draft=DRAFT | fields)


def head(accepted=None):
    acceptance = Drafting(tokens=3, accepted=accepted, source="a test") if accepted is not None else None
    return RecipeDraft.model_validate(DRAFT).model_copy(update={"acceptance": acceptance})


@pytest.mark.parametrize(
    "requested", [{}, {"repository": "acme/draft"}, {"repository": "acme/draft", "revision": "v1"}]
)
def test_an_endpoint_gets_the_draft_that_it_requests(requested):
    assert verdict(drafted(), draft=RequestedDraft(**requested)) == ()


def test_a_recipe_that_is_named_comes_with_its_draft():
    assert verdict(drafted(), recipe="r") == ()
    assert verdict(recipe(), recipe="r") == ()


@pytest.mark.parametrize(
    ("spec", "asked", "words"),
    [
        (drafted(), {}, ("no second model, since recipe.draft is left out", FOUND)),
        (recipe(), {"draft": RequestedDraft()}, ("any draft", "no draft")),
        (drafted(), {"draft": RequestedDraft(repository="acme/other")}, ("draft acme/other", FOUND)),
        (drafted(), {"recipe": "r", "draft": RequestedDraft(repository="acme/other")}, ("draft acme/other", FOUND)),
        (
            drafted(),
            {"draft": RequestedDraft(), "revision": "s3://models/qwen"},
            ("s3://models/qwen as Qwen/Qwen3-32B", "draft acme/draft, which is not there"),
        ),
        (
            drafted(configuration(1, args=["--trust-remote-code"])),
            {"draft": RequestedDraft(repository="acme/draft", revision="pr/1")},
            ("revision pr/1 of draft acme/draft", "--trust-remote-code, which runs its default branch only"),
        ),
    ],
)
def test_another_draft_than_requested_is_a_rejection_with_both(spec, asked, words):
    assert verdict(spec, **asked) == ("draft", *words)


def test_a_draft_is_divided_among_the_ranks_like_its_model():
    odd = drafted(configuration(8), facts=HEAD | {"attentionHeads": 12})
    rule, _, found = verdict(odd, draft=RequestedDraft())
    assert (rule, found) == ("tensorParallel", "draft acme/draft with 12 attention heads, which 8 does not divide")


def test_a_node_to_which_both_are_downloaded_has_room_for_both():
    asked = {"downloads": True, "draft": RequestedDraft()}
    assert verdict(drafted(), small(**{"ephemeral-storage": "64Gi"}), **asked) == ()
    rule, requested, _ = verdict(drafted(), small(**{"ephemeral-storage": "63Gi"}), **asked)
    assert (rule, requested[:6]) == ("oneNode", "64 GiB")


@pytest.mark.parametrize("args", [["--speculative-config.method=mtp"], ["--spec-tokens=3"]])
def test_arguments_about_drafts_are_the_operators_where_the_recipe_has_a_draft(args):
    spec = drafted(configuration(1, args=args))
    [problem] = launch(spec, spec.configurations[0]).problems
    assert problem.endswith("and draft of the recipe: the operator sets it from draft")


def test_memory_has_the_weights_and_the_cache_of_both():
    facts, size = ModelFacts.model_validate(FACTS), ModelFacts.model_validate(HEAD)
    plain = required_memory(facts, Layout(Parallel(2), 4096), 80)
    both = required_memory(facts, Layout(Parallel(2), 4096, drafted=3, draft=size), 80)
    assert both.weights - plain.weights == pytest.approx(1.5)
    assert both.cache - plain.cache == pytest.approx(2 * 8 * 128 * 2 / 2 * 4096 / GIB)
    spec = drafted()
    started = launch(spec, spec.configurations[0])
    assert (started.drafted, started.layout.draft) == (3, spec.draft.facts)


def test_accepted_tokens_of_a_second_model_are_faster_and_unknown_ones_only_cost():
    plain = speed().per_token
    costs = [
        predict(DENSE, placed()._replace(drafted=3, draft=head(accepted)), ONE).per_token for accepted in (None, 2)
    ]
    assert costs[1] < plain < costs[0] < plain * 1.25
    assert costs[0] / costs[1] == pytest.approx(3)


def test_nothing_is_derived_from_a_variant_with_a_draft_and_it_fills_no_cell():
    entries = [listed("variant", draft=DRAFT)]
    assert checkpoints(entries) == []
    assert filled_cells(entries) == set()
