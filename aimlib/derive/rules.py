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


class Default(Model):
    """Arguments and variables for an engine on some GPUs; what is left out is any."""

    model_config = ConfigDict(extra="forbid")

    engine: Backend
    vendor: str | None = None
    architectures: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}

    def applies(self, engine: str, product: Product) -> bool:
        """Whether the row is about this engine on this product."""
        of_vendor = self.vendor in {None, product.vendor}
        return (
            self.engine == engine
            and of_vendor
            and (not self.architectures or product.architecture in self.architectures)
        )


class Kernel(Model):
    """Where weights of a format run; what is left out is any."""

    model_config = ConfigDict(extra="forbid")

    models: tuple[str, ...] | None = None
    vendors: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None

    def runs(self, product: Product, facts: ModelFacts) -> bool:
        """Whether it is for a model of these facts on a product."""
        stated = (
            (self.models, facts.architecture),
            (self.vendors, product.vendor),
            (self.architectures, product.architecture),
        )
        return all(allowed is None or found in allowed for allowed, found in stated)


class Rules(Model):
    """The data file; its first lines describe each key."""

    model_config = ConfigDict(extra="forbid")

    degrees: tuple[int, ...]
    contexts: tuple[int, ...]
    formats: Mapping[str, str]
    defaults: tuple[Default, ...]
    kernels: Mapping[str, tuple[Kernel, ...]]
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


def default_settings(engine: str, product: Product) -> Settings:
    """What the table has for an engine on a product."""
    rows = [row for row in rules().defaults if row.applies(engine, product)]
    env = {name: value for row in rows for name, value in row.env.items()}
    return Settings(
        tuple(arg for row in rows for arg in row.args), tuple(EnvVar(name=name, value=env[name]) for name in env)
    )


def precision_of(facts: ModelFacts) -> str:
    """The precision that a recipe for a checkpoint states."""
    return rules().formats[facts.quantization] if facts.quantization else UNQUANTIZED


def computes(product: Product, precision: str, facts: ModelFacts) -> bool:
    """Whether an engine can run a checkpoint of this format on a product."""
    kernels = rules().kernels.get(facts.quantization or "", (Kernel(),))
    return product.serves(precision) and any(one.runs(product, facts) for one in kernels)


def lengths(facts: ModelFacts) -> tuple[int, ...]:
    """The context lengths that are tried for a model, longest first."""
    longest = rules().contexts[0]
    shorter = tuple(length for length in rules().contexts if length < facts.max_context)
    return shorter if facts.max_context > longest else (facts.max_context, *shorter)
