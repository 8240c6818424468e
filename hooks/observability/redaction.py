"""Removes values of environment variables and arguments that may be secrets.

Variables are shown only if their names are known to be safe; arguments are hidden if their flags may name secrets.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from aimlib.api.meta import Raw
from aimlib.diagnosis.secret_patterns import HIDDEN, hide_tokens, is_secret
from hooks.observability.changes import as_mapping, objects_in

SAFE_ENV = re.compile(
    r"(VLLM|SGLANG|SGL|NCCL|RCCL|HSA|HIP|ROCM|AMDGCN|AITER|MIOPEN|TORCH|PYTORCH|TRITON|CUDA|OMP|SAFETENSORS)_[A-Z0-9_]+"
)
"""Variables of engines, compilers and GPU libraries."""
SHORTEST = 6
"""Values of at least so many characters are hidden in all texts; shorter ones would match by chance."""


def is_safe(variable: str) -> bool:
    """Whether the value of an environment variable may be shown."""
    return bool(SAFE_ENV.fullmatch(variable)) and not is_secret(variable)


def secret_values(resolved: object) -> Iterator[str]:
    """The values in a pinned configuration that may be secrets."""
    resolved_fields = as_mapping(resolved)
    for variable in objects_in(resolved_fields.get("env")):
        if not is_safe(str(variable.get("name"))) and isinstance(value := variable.get("value"), str):
            yield value
    args = resolved_fields.get("args")
    yield from _secrets_of_args([arg for arg in args if isinstance(arg, str)] if isinstance(args, list) else [])


def _secrets_of_args(args: list[str]) -> Iterator[str]:
    """The values of secret flags: after `=`, or all arguments up to the next flag."""
    secret = False
    for arg in args:
        flag, equals, value = arg.partition("=") if arg.startswith("-") else ("", "=", arg)
        secret = is_secret(flag) if flag else secret
        if equals:
            yield from [value] if secret else _secrets_of_json(value)


def _secrets_of_json(text: str) -> Iterator[str]:
    """The secrets in an argument that is a JSON object: the whole text, since it may escape them, and each."""
    if text.startswith("{"):
        try:
            found = list(_secrets_below(json.loads(text)))
        except (ValueError, RecursionError):
            found = [text]  # not JSON: hide all of it
        yield from [text, *found] if found else []


def _secrets_below(value: Any, *, secret: bool = False) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _secrets_below(one, secret=secret or is_secret(name))
    elif isinstance(value, list):
        for one in value:
            yield from _secrets_below(one, secret=secret)
    elif secret:
        yield str(value)


def redacted(resolved: object) -> object:
    """A pinned configuration with secrets replaced. Its structure stays, so that patches apply."""
    if not isinstance(resolved, dict):
        return resolved
    found = dict(resolved)
    if "env" in found:
        found["env"] = [_redacted_variable(one) for one in objects_in(found["env"])]
    if isinstance(found.get("args"), list):
        hidden = sorted(_secrets_of_args([one for one in found["args"] if isinstance(one, str)]), key=len, reverse=True)
        found["args"] = [_redacted_argument(str(arg), hidden) for arg in found["args"]]
    return found


def _redacted_variable(one: Raw) -> Raw:
    return {**one, "value": HIDDEN} if "value" in one and not is_safe(str(one.get("name"))) else one


def _redacted_argument(argument: str, hidden: Iterable[str]) -> str:
    flag, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    for secret in hidden:
        value = value.replace(secret, HIDDEN) if len(secret) >= SHORTEST or value == secret else value
    return f"{flag}{equals}{value}"


def changed_hidden_variables(before: object, after: object) -> list[str]:
    """The names of variables whose hidden values changed."""
    before_values, after_values = (
        {str(one.get("name")): one.get("value") for one in objects_in(as_mapping(side).get("env"))}
        for side in (before, after)
    )
    return sorted(
        name
        for name in before_values.keys() & after_values.keys()
        if not is_safe(name) and before_values[name] != after_values[name]
    )


def redact_secrets(value: Any, hidden: Iterable[str]) -> Any:  # noqa: ANN401 - any JSON
    """`value` with these secrets, and texts that look like secrets, removed from all strings."""
    long = sorted({one for one in hidden if len(one) >= SHORTEST}, key=len, reverse=True)
    return _redact_secrets(value, long)


def _redact_secrets(value: Any, hidden: list[str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, HIDDEN)
        return hide_tokens(value)
    if isinstance(value, dict):
        return {key: _redact_secrets(one, hidden) for key, one in value.items()}
    if isinstance(value, list):
        return [_redact_secrets(one, hidden) for one in value]
    return value
