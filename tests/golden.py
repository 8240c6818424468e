"""The expected answers of the golden cases: whole in their files, or as the difference to the answer of another case.

A response.yaml with a `base` is a patch (tests/merge_patch.py) on the answer of the case of that name. What may be a
base is listed in testdata/bases.yaml, and may itself be a patch on one above it. Each file has the base that takes the
fewest lines. Children stand by kind and name and conditions by type: their order is not part of an answer, and
everything else is.

`python -m tests.golden endpoint/sync/NAME` prints the whole answer that is expected of a case.
"""

import sys
from collections.abc import Callable
from copy import deepcopy
from difflib import unified_diff
from functools import cache
from pathlib import Path
from typing import Any

from tests.files import TESTDATA, parsed, read, written
from tests.merge_patch import apply, difference, same, size

RESPONSE = "response.yaml"
Envelope = dict[str, Any]
"""The code of an answer and the answer itself."""


def keyed(envelope: Envelope) -> Envelope:
    """An answer in the form of its file. ValueError where two children or two conditions would be one."""
    answer = dict(envelope["answer"])
    for part in {"children", "attachments"} & answer.keys():
        answer[part] = _by(answer[part], lambda child: f"{child['kind']}/{child['metadata']['name']}")
    if "conditions" in (answer.get("status") or {}):
        conditions = _by(answer["status"]["conditions"], lambda condition: condition["type"])
        answer["status"] = {**answer["status"], "conditions": conditions}
    return {**envelope, "answer": answer}


def _by(items: list[Any], key: Callable[[Any], str]) -> dict[str, Any]:
    found = {key(item): item for item in items}
    if len(found) < len(items):
        raise ValueError(f"two of a name among {', '.join(map(key, items))}")
    return found


def plain(envelope: Envelope) -> Envelope:
    """An answer as the hook gives it, but for the order of children and conditions."""
    answer = dict(envelope["answer"])
    for part in {"children", "attachments"} & answer.keys():
        answer[part] = list(answer[part].values())
    if "conditions" in (answer.get("status") or {}):
        answer["status"] = {**answer["status"], "conditions": list(answer["status"]["conditions"].values())}
    return {**envelope, "answer": answer}


_parsed = cache(parsed)


def expected(name: str) -> Envelope:
    """The whole answer that is expected of a case, in the form of its file."""
    return deepcopy(_whole(name))


def _whole(name: str) -> Envelope:
    patch = dict(_parsed((TESTDATA / name / RESPONSE).read_text(encoding="utf-8")))
    base = patch.pop("base", None)
    return apply(_whole(base), patch) if base else patch


@cache
def bases() -> tuple[str, ...]:
    """The cases that others are written against."""
    return tuple(read(TESTDATA / "bases.yaml"))


def bases_of(name: str) -> tuple[str, ...]:
    """The bases that a case may have: those of its hook, and of those only the ones above it where it is one itself."""
    above = bases()[: bases().index(name)] if name in bases() else bases()
    return tuple(base for base in above if Path(base).parent == Path(name).parent)


def nearest(name: str, found: Envelope, answer: Callable[[str], Envelope]) -> Envelope:
    """An answer as its file has it: whole, or on the base where that takes the fewest lines."""
    patches = ({"base": base, **difference(answer(base), found)} for base in bases_of(name))
    return min([found, *patches], key=size)


def update(name: str, answer: Callable[[str], Envelope]) -> None:
    """Write the answer of a case, and those of its bases, which it would not be read with otherwise."""
    content = nearest(name, answer(name), answer)
    (TESTDATA / name / RESPONSE).write_text(written(content), encoding="utf-8")
    if "base" in content:
        update(content["base"], answer)


def check(name: str, found: Envelope, folder: Path) -> None:
    """AssertionError with the lines that differ from the answer that is expected; a folder gets both, whole."""
    assert (TESTDATA / name / RESPONSE).exists(), f"{name} has no {RESPONSE} yet: run make golden and review it"
    if same(_whole(name), found):
        return
    texts = {"expected": written(_whole(name), sort=True), "found": written(found, sort=True)}
    paths = [folder / f"{title}.yaml" for title in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    lines = unified_diff(*(text.splitlines() for text in texts.values()), *map(str, paths), lineterm="", n=8)
    raise AssertionError("\n".join([f"{name} answers otherwise:", *lines]))


if __name__ == "__main__":
    print(written(expected(sys.argv[1])), end="")
