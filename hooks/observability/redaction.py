"""What may not stand in a log: values of environment variables and arguments that may be secrets.

Names decide, and those of variables are allowed rather than forbidden: what nobody knows is hidden.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from aimlib.api.meta import Raw
from aimlib.diagnosis.secret_patterns import HIDDEN, is_secret, without_forms
from hooks.observability.changes import listed, mapping

SAFE_ENV = re.compile(
    r"(VLLM|SGLANG|SGL|NCCL|RCCL|HSA|HIP|ROCM|AMDGCN|AITER|MIOPEN|TORCH|PYTORCH|TRITON|CUDA|OMP)_[A-Z0-9_]+"
)
"""Variables of engines, compilers and GPU libraries, which set a behaviour."""
SHORTEST = 6
"""Characters from which on a hidden value is hidden wherever it stands: a 1 stands everywhere."""


def is_safe(variable: str) -> bool:
    """Whether the value of an environment variable may be shown."""
    return bool(SAFE_ENV.fullmatch(variable)) and not is_secret(variable)


def secrets(resolved: object) -> Iterator[str]:
    """The values in a pinned choice that may be secrets."""
    chosen = mapping(resolved)
    for variable in listed(chosen.get("env")):
        if not is_safe(str(variable.get("name"))) and isinstance(value := variable.get("value"), str):
            yield value
    args = chosen.get("args")
    yield from _of_args([one for one in args if isinstance(one, str)] if isinstance(args, list) else [])


def _of_args(args: list[str]) -> Iterator[str]:
    """Values of flags: behind `=`, or all arguments up to the next flag."""
    secret = False
    for one in args:
        flag, equals, value = one.partition("=") if one.startswith("-") else ("", "=", one)
        secret = is_secret(flag) if flag else secret
        if equals:
            yield from [value] if secret else _of_json(value)


def _of_json(text: str) -> Iterator[str]:
    """An argument that is an object with secrets: the whole of it, since it may spell them otherwise, and each."""
    if text.startswith("{"):
        try:
            found = list(_below(json.loads(text)))
        except (ValueError, RecursionError):
            found = [text]  # nobody knows what is in it
        yield from [text, *found] if found else []


def _below(value: Any, *, secret: bool = False) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _below(one, secret=secret or is_secret(name))
    elif isinstance(value, list):
        for one in value:
            yield from _below(one, secret=secret)
    elif secret:
        yield str(value)


def redacted(resolved: object) -> object:
    """A pinned choice without the values that may be secrets. Its places stay, so that a patch of it makes sense."""
    if not isinstance(resolved, dict):
        return resolved
    found = dict(resolved)
    if "env" in found:
        found["env"] = [_variable(one) for one in listed(found["env"])]
    if isinstance(found.get("args"), list):
        hidden = sorted(_of_args([one for one in found["args"] if isinstance(one, str)]), key=len, reverse=True)
        found["args"] = [_without(str(one), hidden) for one in found["args"]]
    return found


def _variable(one: Raw) -> Raw:
    return {**one, "value": HIDDEN} if "value" in one and not is_safe(str(one.get("name"))) else one


def _without(argument: str, hidden: Iterable[str]) -> str:
    flag, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    for secret in hidden:
        value = value.replace(secret, HIDDEN) if len(secret) >= SHORTEST or value == secret else value
    return f"{flag}{equals}{value}"


def changed_out_of_sight(before: object, after: object) -> list[str]:
    """Names of variables whose hidden values are otherwise than before."""
    were, are = (
        {str(one.get("name")): one.get("value") for one in listed(mapping(side).get("env"))} for side in (before, after)
    )
    return sorted(name for name in were.keys() & are.keys() if not is_safe(name) and were[name] != are[name])


def clean(value: Any, hidden: Iterable[str]) -> Any:  # noqa: ANN401 - any JSON
    """`value` without these secrets and without what has the form of one, in any text of it."""
    long = sorted({one for one in hidden if len(one) >= SHORTEST}, key=len, reverse=True)
    return _clean(value, long)


def _clean(value: Any, hidden: list[str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, HIDDEN)
        return without_forms(value)
    if isinstance(value, dict):
        return {key: _clean(one, hidden) for key, one in value.items()}
    if isinstance(value, list):
        return [_clean(one, hidden) for one in value]
    return value
