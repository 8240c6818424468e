"""What pydantic found wrong, as sentences for people."""

from pydantic import ValidationError


def sentences(error: ValidationError) -> tuple[str, ...]:
    """One sentence per finding: where, what is wrong, and what was found there."""
    return tuple(_sentence(one["loc"], one["msg"], one["input"]) for one in error.errors(include_url=False))


def _sentence(location: tuple[int | str, ...], message: str, found: object) -> str:
    where = ".".join(str(step) for step in location) or "spec"
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    shown = "" if isinstance(found, dict | list) else f", found {str(found)[:80]!r}"
    return f"{where}: {text}{shown}"
