"""The table of rules by which candidates are derived, as the data file has it."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from pydantic import ConfigDict

from aimlib.api.base import Model
from aimlib.api.model_facts import ModelFacts
from aimlib.api.recipe import Backend, EnvVar
from aimlib.data import load_data
from aimlib.hardware.products import Product

UNQUANTIZED = "bf16"
"""The precision of weights that are not quantized."""


class Where(Model):
    """Checkpoints and GPUs that a row is about; what is left out is any."""

    model_config = ConfigDict(extra="forbid")

    models: tuple[str, ...] | None = None
    quantizations: tuple[str | None, ...] | None = None
    head_dims: tuple[int, ...] | None = None
    vendors: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None

    def holds(self, product: Product, facts: ModelFacts) -> bool:
        """Whether a model of these facts on a product is among them."""
        stated = (
            (self.models, facts.architecture),
            (self.quantizations, facts.quantization),
            (self.head_dims, facts.head_dim),
            (self.vendors, product.vendor),
            (self.architectures, product.architecture),
        )
        return all(allowed is None or found in allowed for allowed, found in stated)


class Default(Where):
    """Arguments and variables for an engine there."""

    engine: Backend
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}


class Rules(Model):
    """The data file; its first lines describe each key."""

    model_config = ConfigDict(extra="forbid")

    degrees: tuple[int, ...]
    contexts: tuple[int, ...]
    formats: Mapping[str, str]
    defaults: tuple[Default, ...]
    kernels: Mapping[str, tuple[Where, ...]]
    portable: Mapping[str, tuple[str, ...]]
    families: tuple[frozenset[str], ...]
    alike: Mapping[str, tuple[str, ...]]
    own: Mapping[str, tuple[str, ...]]
    recommended: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    sequences: Mapping[str, str]


@cache
def rules() -> Rules:
    """The table, read once."""
    return Rules.model_validate(load_data("derive"))


class Settings(NamedTuple):
    """Arguments and variables of an engine."""

    args: tuple[str, ...]
    env: tuple[EnvVar, ...]


def default_settings(engine: str, product: Product, facts: ModelFacts) -> Settings:
    """What the table has for a model on an engine and a product."""
    rows = [row for row in rules().defaults if row.engine == engine and row.holds(product, facts)]
    env = {name: value for row in rows for name, value in row.env.items()}
    return Settings(
        tuple(arg for row in rows for arg in row.args), tuple(EnvVar(name=name, value=env[name]) for name in env)
    )


def precision_of(facts: ModelFacts) -> str:
    """The precision that a recipe for a checkpoint states."""
    return rules().formats[facts.quantization] if facts.quantization else UNQUANTIZED


def computes(product: Product, precision: str, facts: ModelFacts) -> bool:
    """Whether an engine can run a checkpoint of this format on a product."""
    kernels = rules().kernels.get(facts.quantization or "", (Where(),))
    return product.serves(precision) and any(one.holds(product, facts) for one in kernels)


def lengths(facts: ModelFacts) -> tuple[int, ...]:
    """The context lengths that are tried for a model, longest first."""
    longest = rules().contexts[0]
    shorter = tuple(length for length in rules().contexts if length < facts.max_context)
    return shorter if facts.max_context > longest else (facts.max_context, *shorter)
