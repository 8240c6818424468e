"""Objects and logs of a cluster without secrets and without what users wrote to models, for a report that is sent on.

What is known to be harmless is kept, and the rest is hidden: values of variables, of annotations, and lines of a log
that no engine has written.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.diagnosis.log_lines import Line, read_lines
from aimlib.diagnosis.secret_patterns import HIDDEN, hide_secrets, is_secret
from aimlib.naming import TOKEN_ANNOTATION

TEXT_LENGTH = 1024
"""Characters of a text in an object that are kept."""
ARGUMENT_LENGTH = 256
"""Characters of an argument beyond which it is hidden whole: a chat template may have a system prompt."""
SHARED_LINE_LENGTH = 2000
"""Characters of a line of a log that are kept."""
KEPT_ANNOTATIONS = re.compile(rf"{re.escape(GROUP)}/|deployment\.kubernetes\.io/|prometheus\.io/")
"""What the operator and Kubernetes write; others are whatever somebody put there, such as whole objects as applied."""
KEPT_VARIABLES = re.compile(
    r"(?:VLLM|SGLANG|SGL|NCCL|RCCL|HIP|ROCR|ROCM|HSA|CUDA|TORCH|PYTORCH|TRITON|AITER|OMP|MIOPEN|AIM|GPU|RAY)_"
    r"|HF_(?:HOME|HUB_OFFLINE|HUB_CACHE|HUB_DISABLE_XET|HUB_DISABLE_TELEMETRY|ENDPOINT)$|(?:HOME|XDG_CACHE_HOME)$"
)
"""Variables that tune engines; the values of others are hidden, as are those of these whose names are a secret's."""
NAMES_OF_OBJECTS = frozenset({"key", "secretName", "tokenSecret"})
"""Fields with a secret's word in them whose value is a name."""
RANDOM = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{16,}(?![A-Za-z0-9])")
"""A run of letters and digits as long as a key."""
HEX_KEY = re.compile(r"(?<![\w:@-])[0-9a-fA-F]{32}(?![\w-])")
"""A key of 32 hexadecimal digits; commits have 40, and digests 64."""
CHANGES = 4
"""Changes between letters and digits from which on a run is a key, and no name such as DeepseekV32ForCausalLM."""
WRITTEN = re.compile(
    r"(?i)(?<![\w-])['\"]?(?:input_value|input_text|messages?|content|prompts?|prompt_token_ids|text|completion|output|body)"
    r"['\"]?\s*[:=]\s*(?=[\[{'\"(])"
)
"""What in a line comes before a text of a user, or of a model."""
ENGINES_OWN = re.compile(
    r"\s*(?:Traceback \(most recent call last\)|File \"[^\"]{1,400}\", line \d+|[~^]{2,}"
    r"|[\w.]{0,120}(?:Error|Exception|Interrupt|Exit)\b"
    r"|During handling of the above|The above exception was)"
)
"""Lines without a prefix that belong to a traceback."""


def shareable_object(raw: Raw) -> Raw:
    """An object of Kubernetes as a report may have it; a Secret keeps nothing but its name."""
    if raw.get("kind") == "Secret":
        return {"kind": "Secret", "metadata": {"name": (raw.get("metadata") or {}).get("name")}}
    return {str(key): _field(str(key), value) for key, value in raw.items()}


def shareable_log(text: str, limit: int) -> str:
    """The last lines of a log within `limit` characters, without requests, secrets, and lines that no engine writes."""
    kept: list[str] = []
    for line in _engine_lines(read_lines(text, limit)):
        if line != HIDDEN or kept[-1:] != [HIDDEN]:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def shareable_records(text: str) -> str:
    """A log of JSON lines, as the operator writes it, without possible secrets."""
    return "".join(f"{_record(line)}\n" for line in text.splitlines())


def _record(line: str) -> str:
    try:
        found = json.loads(line)
    except ValueError:
        return _hide(line)
    return json.dumps(_field("", found)) if isinstance(found, dict) else _hide(line)


def shareable_text(text: str) -> str:
    """A text of several lines without possible secrets."""
    return "\n".join(map(_hide, text.splitlines()))


def _engine_lines(lines: Sequence[Line]) -> Iterator[str]:
    code = False
    for line in lines:
        own = bool(line.stamp) or ENGINES_OWN.match(line.text) is not None
        # Below `File …` stands the line of the program, with more indentation.
        if own or (code and line.text.startswith("    ")):
            yield f"{line.stamp} {_hide(line.text)}".lstrip()
        else:
            yield HIDDEN
        code = ENGINES_OWN.match(line.text) is not None and line.text.lstrip().startswith("File ")


def _hide(line: str) -> str:
    written = WRITTEN.search(line)
    known = hide_secrets(f"{line[: written.end()]}{HIDDEN}" if written else line[:SHARED_LINE_LENGTH])
    return HEX_KEY.sub(HIDDEN, RANDOM.sub(_hide_random, known))[:SHARED_LINE_LENGTH]


def _hide_random(found: re.Match[str]) -> str:
    text = found.group()
    kinds = [str.isupper, str.islower, str.isdigit]
    mixed = all(any(map(kind, text)) for kind in kinds)
    changes = sum(one.isdigit() != other.isdigit() for one, other in pairwise(text))
    return HIDDEN if mixed and changes >= CHANGES else text


def _field(name: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """A field's value, by the rule for its name where there is one."""
    if rule := RULES.get(name):
        return rule(value)
    if isinstance(value, str):
        return HIDDEN if is_secret(name) and name not in NAMES_OF_OBJECTS else shareable_text(value)[:TEXT_LENGTH]
    if isinstance(value, Mapping):
        return {_hide(str(key)): _field(str(key), one) for key, one in value.items()}
    if isinstance(value, list):
        return [_field(name, one) for one in value]
    return value


def _annotations(value: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, Mapping):
        return HIDDEN
    return {
        key: _field("", one) if KEPT_ANNOTATIONS.match(key) and key != TOKEN_ANNOTATION else HIDDEN
        for key, one in value.items()
    }


def _variables(value: Any) -> Any:  # noqa: ANN401 - JSON
    return [_variable(one) for one in value] if isinstance(value, list) else HIDDEN


def _variable(one: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(one, Mapping):
        return HIDDEN
    name = str(one.get("name", ""))
    if "value" not in one:
        return _field("", one)
    kept = KEPT_VARIABLES.match(name) is not None and not is_secret(name)
    return {"name": _hide(name), "value": _field("", one["value"]) if kept else HIDDEN}


def _headers(value: Any) -> Any:  # noqa: ANN401 - JSON
    names = [one.get("name") for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
    return [{"name": name, "value": HIDDEN} for name in names]


def _arguments(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Words of a command line: what follows a flag with a secret's name is hidden, up to the next flag."""
    if not isinstance(value, list):
        return HIDDEN
    words, secret = [], False
    for word in map(str, value):
        flag, _, _ = word.partition("=")
        if word.startswith("-"):
            secret = is_secret(flag)
            words.append(f"{flag}={HIDDEN}" if secret and "=" in word else _argument(word))
        else:
            words.append(HIDDEN if secret else _argument(word))
    return words


def _argument(word: str) -> str:
    return HIDDEN if len(word) > ARGUMENT_LENGTH else shareable_text(word)


def _nothing(_: Any) -> str:  # noqa: ANN401 - JSON
    return HIDDEN


RULES: Mapping[str, Callable[[Any], Any]] = {
    "annotations": _annotations,
    "env": _variables,
    "args": _arguments,
    "command": _arguments,
    "httpHeaders": _headers,
    "managedFields": _nothing,
    "binaryData": _nothing,
    "stringData": _nothing,
    "caBundle": lambda value: _field("", value) if isinstance(value, Mapping) else HIDDEN,
    "stated": _nothing,  # status.history: a spec as text
}
"""Fields of objects that have rules of their own, wherever they are."""
