"""Decisions are stored for all tenants of a process: one's request never answers another's."""

import pytest

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.model_facts import ModelFacts
from aimlib.config import Config
from aimlib.derive.described import Described
from aimlib.derive.sources import Checkpoint
from aimlib.selection.steps import decided_for
from hooks.endpoint import decision
from hooks.endpoint.suggestions import Asker
from tests.aimlib.make import FACTS
from tests.world import catalogue

WORLD = {"recipes": ["qwen3-32b-mi300x-bf16"], "inventory": "mi300x"}


@pytest.fixture
def decide():
    objects = catalogue(WORLD)
    recipes, inventories = ([one for one in objects if one["kind"] == kind] for kind in ("AIMRecipe", "AIMInventory"))

    def call(before=None, **spec):
        parsed = EndpointSpec.model_validate({"modelId": "Qwen/Qwen3-32B", **spec})
        return decision.decide_for(parsed, before or {}, recipes, inventories, Config(), asker=Asker("a"))

    return call


def test_requests_with_the_same_digest_have_decisions_of_their_own(decide, monkeypatch):
    monkeypatch.setattr(decision, "decided_for", lambda _: "b8b6a8e7")
    monkeypatch.setattr("aimlib.selection.select.decided_for", lambda _: "b8b6a8e7")
    impossible = decide(gpuCount=64)
    assert (impossible.resolved, impossible.verdict.met) == (None, False)
    assert decide().resolved is not None


def test_what_is_derived_for_a_model_is_of_no_other_with_the_same_checkpoint():
    inventories = [one for one in catalogue(WORLD) if one["kind"] == "AIMInventory"]
    for model in ("example/first", "example/second"):
        facts = ModelFacts.model_validate(FACTS)
        described = Described((Checkpoint(model, "example/weights", "bf16", facts, "AIMModel it"),), ())
        spec = EndpointSpec.model_validate({"modelId": model})
        asker = Asker("a")
        found = decision.decide_for(spec, {}, [], inventories, Config(), asker=asker, models=described)
        assert found.resolved.model_id == model


def test_a_configuration_that_an_earlier_release_pinned_stays_and_is_written_with_the_whole_digest(decide):
    first = decide()
    key = decided_for(EndpointSpec.model_validate({"modelId": "Qwen/Qwen3-32B"}))
    old = {"resolved": {**first.resolved.wire(), "decidedFor": key[:8], "image": "example.com/earlier:1"}}
    old["selection"] = {"decidedFor": key[:8], "message": "as it was", "considered": 1}
    kept = decide(before=old)
    assert (kept.resolved.image, kept.resolved.decided_for) == ("example.com/earlier:1", key)
    assert kept.selection == old["selection"] | {"decidedFor": key}
    assert (kept.verdict.met, kept.verdict.message) == (True, "as it was")
    assert decide(before=old, gpuCount=64).resolved.decided_for == key[:8]


def test_a_recipe_is_read_again_where_its_text_or_its_name_is_another(monkeypatch):
    read = []
    found = decision.read_entry
    monkeypatch.setattr(decision, "read_entry", lambda name, *rest: read.append(name) or found(name, *rest))
    objects = catalogue(WORLD)
    [recipe] = [one for one in objects if one["kind"] == "AIMRecipe"]
    inventories = [one for one in objects if one["kind"] == "AIMInventory"]
    spec = EndpointSpec.model_validate({"modelId": "Qwen/Qwen3-32B"})

    def decide(version, name="one", **changed):
        metadata = {**recipe["metadata"], "name": name, "resourceVersion": version}
        one = {**recipe, "metadata": metadata, "spec": {**recipe["spec"], **changed}}
        return decision.decide_for(spec, {}, [one], inventories, Config(), asker=decision.Asker("a"))

    for version in ("1", "2", "3"):  # as where its status or its labels are written
        assert decide(version).resolved.recipe == "one"
    assert read == ["one"]
    assert decide("4", name="two").resolved.recipe == "two"
    assert decide("5", description="another").resolved.recipe == "one"
    for version in ("6", "7"):  # half of a pair of surrogates, which no text has
        assert decide(version, description="\ud800").resolved is None
    assert read == ["one", "two", "one", "one", "one"]
