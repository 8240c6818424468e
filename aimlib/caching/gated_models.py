"""The repositories that the hub gives to those alone whose token has access, by the recipes' facts."""

from collections.abc import Iterable, Iterator

from aimlib.api.endpoint_choice import TokenSecret
from aimlib.api.meta import Raw
from aimlib.caching.weight_files import draft_of, loaded_model


def gated_models(recipes: Iterable[Raw]) -> frozenset[str]:
    """The gated ones among the repositories that recipes load."""
    return frozenset(name for recipe in recipes for name in _gated(recipe.get("spec") or {}) if name)


def _gated(spec: Raw) -> Iterator[str | None]:
    if _needs_access(spec):
        yield loaded_model(spec)
    drafting, draft = draft_of(spec)
    if _needs_access(draft):
        yield drafting


def _needs_access(loaded: Raw) -> bool:
    return (loaded.get("facts") or {}).get("gated") is True


def token_advice(secret: TokenSecret, field: str) -> str:
    """Where a token with access goes: the default Secret, or the one that a field of the spec names."""
    place = f"key {secret.key} of Secret {secret.name}"
    return f"at the hub, and provide a token with access in {place}, or name another one in {field}"
