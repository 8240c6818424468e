"""Selection holds what it promises for any catalogue, any cluster and any wish."""

from hypothesis import given
from hypothesis import strategies as st

from aimlib.config import Config
from aimlib.hardware.products import known_products
from aimlib.selection.gpu_memory import required_memory
from aimlib.selection.rules import RULE_ORDER
from aimlib.selection.select import select
from tests.aimlib.make import inventory, listed
from tests.aimlib.strategies import catalogues, fleets, nodes, several_ways, specs

ALL = Config(listed_candidates=100)


def stepped(spec, step):
    """What was required in the end: the wish itself, or one of its fallbacks instead."""
    wanted = {name: getattr(spec.recipe, name) for name in ("gpu_count", "precision", "backend")}
    if step:
        wanted |= spec.recipe.fallback[step - 1].model_dump(exclude_none=True)
    return {name: None if value == "auto" else value for name, value in wanted.items()}


@given(specs, catalogues, fleets)
def test_the_winner_satisfies_everything_that_was_required(spec, catalogue, fleet):
    cluster = inventory(*fleet)
    resolved, selection = select(spec, catalogue, cluster, ALL)
    if resolved is None:
        return
    winner = next(one for one in catalogue if one.name == resolved.recipe)
    recipe, counts = winner.spec, [one.gpu_count for one in winner.spec.configurations]
    place = counts.index(resolved.gpu_count)
    way, launch = recipe.configurations[place], winner.launches[place]
    wanted = stepped(spec, selection.fallback)
    assert recipe.model_id == spec.requested_model.id
    assert way.enabled
    assert spec.recipe.custom_recipe is None or spec.recipe.custom_recipe.name == resolved.recipe
    assert resolved.gpu_count == (wanted["gpu_count"] if wanted["gpu_count"] is not None else resolved.gpu_count)
    assert resolved.precision == recipe.precision == (wanted["precision"] or recipe.precision)
    assert resolved.backend == recipe.backend == (wanted["backend"] or recipe.backend)
    assert (resolved.gpu_count == 0) == (resolved.product == "CPU") == (resolved.resource is None)
    assert wanted["gpu_count"] is not None or resolved.gpu_count > 0
    assert known_products().product(resolved.product).serves(resolved.precision)
    assert resolved.image
    assert any(serves(one, resolved, recipe.facts, launch) for one in cluster.classes)


def serves(one, resolved, facts, launch):
    """Whether a class of the cluster can take one replica of the choice; computed apart from the rules."""
    free = all(taint.key in resolved.tolerations or taint.effect == "PreferNoSchedule" for taint in one.taints)
    same = (one.product, one.partition) == (resolved.product, resolved.partition) and not one.shared
    enough = one.devices_per_node >= max(resolved.gpu_count, 1)
    needed = required_memory(facts, launch.layout, one.memory_gib).total if facts else 0
    return free and same and enough and needed <= launch.usable(one.memory_gib)


@given(specs, catalogues, fleets)
def test_every_candidate_is_explained(spec, catalogue, fleet):
    resolved, selection = select(spec, catalogue, inventory(*fleet), ALL)
    expected = sorted((one.name, way.gpu_count) for one in catalogue for way in one.spec.configurations)
    assert sorted((row.recipe, row.gpu_count) for row in selection.candidates) == expected
    assert selection.considered == len(expected)
    ranks = [row.rank for row in selection.candidates if row.rank]
    assert ranks == list(range(1, len(ranks) + 1))
    assert bool(ranks) == bool(resolved)
    for row in selection.candidates:
        if row.rank:
            assert row.score
            assert (row.rule, row.asked, row.found) == (None, None, None)
        else:
            assert row.rule in RULE_ORDER
            assert row.asked
            assert row.found
            assert not row.score
    if resolved:
        first = selection.candidates[0]
        assert (first.recipe, first.gpu_count) == (resolved.recipe, resolved.gpu_count)
    assert selection.message


@given(specs, catalogues, fleets, st.randoms())
def test_no_order_changes_the_answer(spec, catalogue, fleet, random):
    recipes_then, nodes_then = [*catalogue], [*fleet]
    cluster = inventory(*fleet)
    expected = select(spec, catalogue, cluster, ALL)
    random.shuffle(recipes_then)
    random.shuffle(nodes_then)
    classes = [*cluster.classes]
    random.shuffle(classes)
    assert select(spec, recipes_then, inventory(*nodes_then), ALL) == expected
    assert select(spec, catalogue, cluster.model_copy(update={"classes": tuple(classes)}), ALL) == expected


@given(specs, catalogues, fleets)
def test_a_requirement_is_relaxed_by_a_fallback_only_and_by_the_first_that_helps(spec, catalogue, fleet):
    cluster = inventory(*fleet)
    _, selection = select(spec, catalogue, cluster, ALL)
    for shorter in range(selection.fallback or 0):
        choice = spec.recipe.model_copy(update={"fallback": spec.recipe.fallback[:shorter]})
        assert select(spec.model_copy(update={"recipe": choice}), catalogue, cluster, ALL).resolved is None


@given(specs, catalogues, fleets, several_ways, st.sampled_from(["0", "z"]))
def test_a_recipe_for_another_model_changes_no_choice(spec, catalogue, fleet, ways, name):
    cluster, other = inventory(*fleet), listed(name, *ways, modelId="c/d")
    expected = select(spec, catalogue, cluster, ALL).resolved
    assert select(spec, [*catalogue, other], cluster, ALL).resolved == expected


@given(specs, catalogues, fleets, nodes)
def test_more_hardware_keeps_no_endpoint_from_fitting_and_needs_no_later_fallback(spec, catalogue, fleet, more):
    before, after = (select(spec, catalogue, inventory(*each), ALL) for each in (fleet, [*fleet, more]))
    if before.resolved:
        assert after.resolved
        assert (after.selection.fallback or 0) <= (before.selection.fallback or 0)


@given(specs, catalogues, fleets)
def test_a_goal_changes_which_of_those_that_fit_is_chosen_and_never_whether_one_does(spec, catalogue, fleet):
    free = spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"goal": None})})
    with_goal, without = (select(each, catalogue, inventory(*fleet), ALL) for each in (spec, free))
    assert (with_goal.resolved is None) == (without.resolved is None)
    fitting = [
        {(row.recipe, row.gpu_count) for row in one.selection.candidates if row.rank} for one in (with_goal, without)
    ]
    assert fitting[0] == fitting[1]


@given(specs, catalogues, fleets, st.integers(1, 5))
def test_the_bound_of_the_list_changes_nothing_but_the_list(spec, catalogue, fleet, bound):
    cluster = inventory(*fleet)
    whole, cut = (select(spec, catalogue, cluster, Config(listed_candidates=most)) for most in (100, bound))
    assert cut.resolved == whole.resolved
    assert cut.selection.candidates == whole.selection.candidates[:bound]
    assert cut.selection.considered == whole.selection.considered
