"""The numbers in the texts of a selection, for programs: statuses have them in words."""

import re
from collections.abc import Iterator, Mapping

from aimlib.api.endpoint_status import Candidate

DECIMAL = r"(\d+(?:\.\d+)?)"
TERMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "memory": (
        rf"{DECIMAL} of {DECIMAL} GiB per device \(KV cache: {DECIMAL} tokens, {DECIMAL} sequences\)",
        ("memoryGiB", "usableMemoryGiB", "cacheTokens", "cacheSequences"),
    ),
    "context": (rf"{DECIMAL} tokens", ("contextTokens",)),
    "latency": (rf"{DECIMAL} ms per token, the first after {DECIMAL} ms", ("latencyMs", "firstTokenMs")),
    "throughput": (rf"{DECIMAL} tokens/s", ("tokensPerSecond",)),
    "cost": (
        rf"(?:{DECIMAL} tokens/s per GPU|{DECIMAL} per million tokens)",
        ("tokensPerSecondPerGPU", "pricePerMillionTokens"),
    ),
    "speed": (rf"{DECIMAL} tokens/s per GPU", ("tokensPerSecondPerGPU",)),
}
"""The form of each term of a score, and what its numbers are."""
SIDES = (("asked", "requestedNumber"), ("found", "availableNumber"))
"""The sides of a rejection, and the name of the number that each begins with."""
COUNT = re.compile(rf"(?:at most )?{DECIMAL}(?: |$)")


def numbers_of(candidate: Candidate) -> dict[str, float | int]:
    """The numbers of a candidate's score or rejection by name; without those that its texts do not have."""
    return dict(_terms(candidate) if candidate.rule is None else _sides(candidate))


def _terms(candidate: Candidate) -> Iterator[tuple[str, float | int]]:
    for term in candidate.score:
        form, names = TERMS.get(term.name, ("", ()))
        found = re.match(form, term.value)
        numbers = zip(names, found.groups(), strict=True) if found else ()
        yield from ((name, _number(number)) for name, number in numbers if number is not None)


def _sides(candidate: Candidate) -> Iterator[tuple[str, float | int]]:
    for field, name in SIDES:
        if found := COUNT.match(getattr(candidate, field) or ""):
            yield name, _number(found[1])


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)


def counts(text: str | None) -> list[int]:
    """The numbers in a list of them, such as `1,2,4`."""
    return [int(found) for found in re.findall(r"\d+", text or "")]
