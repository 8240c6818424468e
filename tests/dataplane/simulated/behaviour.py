"""What a simulated engine does besides answering, and how it is commanded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

IMAGE = "AIM_TEST_IMAGE"
"""The variable in which the kubelet here tells the image of the container, from which no process is made."""
LAST_WORDS = (
    "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 12.95 GiB. GPU 0 has a total capacity of 191.98 GiB"
)


@dataclass
class Behaviour:
    """The commands; POST /simulation changes those that it names."""

    first_token_seconds: float = 0.0
    """From a request to its first token."""
    token_seconds: float = 0.0
    """From each token to the next."""
    tokens: int = 19
    """How many an answer has, where the request allows them."""
    status: int = 200
    """What requests of the API are answered with; above 399 an error in OpenAI's form."""
    failing: float = 1.0
    """The part of the requests that get this status, evenly spread."""
    healthy: bool = True
    """Whether /health is 200."""
    crash_after_tokens: int | None = None
    """The process ends, as when killed, once it has sent so many tokens; 0: before the next answer."""
    parallel: int = 256
    """How many requests are computed at once; the others wait."""

    def change(self, given: dict[str, Any]) -> None:
        """Take over what is given; ValueError names what there is no command for, before anything changes."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(given.keys() - known):
            raise ValueError(f"there are no commands {', '.join(unknown)}: {', '.join(sorted(known))}")
        for name, value in given.items():
            setattr(self, name, value)


@dataclass(frozen=True)
class Start:
    """What the tag of the image has a process do before it answers, in the words of tests/cluster/stages.yaml."""

    load_seconds: float = 0.0
    last_words: str | None = None
    """It prints these, and ends with code 1."""
    ready: bool = True
    commands: Mapping[str, Any] = field(default_factory=dict)
    """What it does from the first request on."""


def start(image: str) -> Start:
    """By the tag: `crash-loop`, `out-of-memory`, `never-ready`, `loads-in-5s`, `answers-in-50ms`, `fails-half`.

    With `runs-3-at-once` other requests wait, with `token-every-80ms` an answer has a length. Several may stand in one.
    """
    tag = image.rpartition("/")[2].partition(":")[2]
    loads, waits = re.search(r"loads-in-(\d+)s", tag), re.search(r"answers-in-(\d+)ms", tag)
    commands = {"first_token_seconds": int(waits[1]) / 1000} if waits else {}
    commands |= {"token_seconds": int(every[1]) / 1000} if (every := re.search(r"token-every-(\d+)ms", tag)) else {}
    commands |= {"parallel": int(runs[1])} if (runs := re.search(r"runs-(\d+)-at-once", tag)) else {}
    commands |= {"status": 500, "failing": 0.5} if "fails-half" in tag else {}
    crash = {"crash-loop": "simulated: it ends", "out-of-memory": LAST_WORDS}
    last_words = next((words for word, words in crash.items() if word in tag), None)
    return Start(float(loads[1]) if loads else 0.0, last_words, "never-ready" not in tag, commands)
