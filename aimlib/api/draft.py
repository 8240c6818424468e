"""A second model that drafts tokens, which the model then checks together (speculative decoding)."""

from typing import Annotated, Literal

from pydantic import Field

from aimlib.api.base import FieldRule, Model, ModelId, Revision, Ruled
from aimlib.api.model_facts import FACTS_RULES, Drafting, ModelFacts

DraftMethod = Literal["eagle", "eagle3", "model"]
"""What drafts: a head that was made for the model, by EAGLE or EAGLE-3, or a smaller model of the same tokens."""


class DraftModel(Model):
    """A second model that drafts tokens: what the engine is told of it."""

    repository: ModelId
    """The repository whose files are loaded beside the model's."""
    revision: Revision | None = None
    """Branch, tag or commit of the repository; the default branch when left out."""
    method: DraftMethod
    """What drafts: a head that was made for the model, by EAGLE (eagle) or EAGLE-3 (eagle3), or a smaller model of the
    same tokens (model)."""
    tokens: Annotated[int, Field(ge=1, le=32)]
    """Tokens that it drafts in each step."""


class RecipeDraft(Ruled, DraftModel):
    """A second model that drafts tokens, with what its memory and its gain are computed from."""

    rules = FACTS_RULES

    facts: ModelFacts
    """Facts of its checkpoint. Where it has its own vocabulary, weightsGiB has that, too."""
    acceptance: Drafting | None = None
    """How many of its tokens the model accepts, where that is published. Without it no gain is predicted."""


class RequestedDraft(Ruled):
    """The second model that is to draft tokens: {} for any that a recipe of the model has."""

    rules = (
        FieldRule(
            "!has(self.revision) || has(self.repository)",
            "draft.revision is of a repository: state draft.repository, too",
            lambda raw: "revision" not in raw or "repository" in raw,
        ),
    )

    repository: ModelId | None = None
    """The repository whose files draft, as a recipe of the model has it."""
    revision: Revision | None = None
    """Branch, tag or commit of that repository, instead of the recipe's."""
