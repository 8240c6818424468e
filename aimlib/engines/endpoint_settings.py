"""What endpoints may set of an engine: what tunes it, as `data/engines/endpoint_settings.yaml` lists.

Texts of an endpoint arrive as they stand: `$(HF_TOKEN)` in them is no reference, as it is in a recipe.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from aimlib.api.pod import EngineSettings, EngineVariable
from aimlib.api.recipe import EnvVar
from aimlib.data import load_data
from aimlib.engines.arguments import Argument, ParsedArgs, parse_args
from aimlib.engines.flags import flag_table
from aimlib.kube.expansion import escaped

FOR_RECIPES = "it is for recipes, which administrators write"


@cache
def allowed_flags(backend: str) -> frozenset[str]:
    """The flags of vllm or sglang that an endpoint may set; KeyError for another engine."""
    return frozenset(load_data("engines/endpoint_settings")["flags"][backend])


@cache
def _variables() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{form})" for form in load_data("engines/endpoint_settings")["env"]))


def is_allowed(variable: str) -> bool:
    """Whether an endpoint may set a variable of that name."""
    return _variables().fullmatch(variable) is not None


def parse_settings(backend: str, stated: EngineSettings) -> ParsedArgs:
    """The arguments of an endpoint, parsed like those of a recipe."""
    return parse_args(backend, stated.args) if stated.args else ParsedArgs(backend, (), ())


def unknown_flags(backend: str, stated: EngineSettings) -> tuple[str, ...]:
    """The names among the arguments of an endpoint that are no flags of this engine."""
    names = (word.partition("=")[0].partition(".")[0] for word in stated.args if word.startswith("--"))
    return tuple(name for name in names if flag_table(backend).find(name) is None)


def refusals(parsed: ParsedArgs, stated: EngineSettings, operator_flags: Mapping[str, str]) -> Iterator[str]:
    """Why an endpoint may not have these settings: what the engine does not know, and what is not the endpoint's.

    `operator_flags` are those that the operator sets, and where their values are from.
    """
    yield from (f"engine.args: {error}" for error in parsed.errors)
    foreign = dict.fromkeys(one.flag for one in parsed.arguments if one.flag not in allowed_flags(parsed.backend))
    for flag in foreign:
        yield f"engine.args: {flag} cannot be set by an endpoint: {operator_flags.get(flag, FOR_RECIPES)}"
    instead = load_data("engines/endpoint_settings")["instead"]
    for name in (variable.name for variable in stated.env if not is_allowed(variable.name)):
        why = f"{instead[name]} of the endpoint decides" if name in instead else FOR_RECIPES
        yield f"engine.env: {name} cannot be set by an endpoint: {why}"


def literal_args(parsed: ParsedArgs) -> ParsedArgs:
    """The arguments with texts in which nothing is expanded."""
    return ParsedArgs(parsed.backend, tuple(map(_literal_argument, parsed.arguments)), ())


def _literal_argument(one: Argument) -> Argument:
    return replace(one, key=escaped(one.key), texts=tuple(map(escaped, one.texts)))


def literal_variable(one: EngineVariable) -> EnvVar:
    """A variable of an endpoint as one of a recipe, with a text in which nothing is expanded."""
    wire = one.wire()
    return EnvVar.model_validate(wire | ({"value": escaped(wire["value"])} if "value" in wire else {}))
