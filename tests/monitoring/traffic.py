"""What happens at a simulated model server: the figures that its metrics move by."""

from dataclasses import dataclass


@dataclass
class Traffic:
    """The load of one replica; a test may change any of it while the server runs."""

    requests: float = 2.0
    """Requests that finish, per second."""
    errors: float = 0.0
    """The part of the requests that is answered with a 500."""
    seconds: float = 4.0
    """Mean time from request to last token; that to the first token is a tenth of it."""
    queue_seconds: float = 0.05
    """Mean time in the queue."""
    prompt_tokens: int = 512
    output_tokens: int = 128
    running: int = 8
    """Requests being computed."""
    waiting: int = 0
    """Requests in the queue."""
    cache: float = 0.35
    """Part of the KV cache that is in use, 0 to 1."""
    known: float = 0.25
    """The part of each prompt that the KV cache has already, 0 to 1."""
    preempted: float = 0.0
    """Requests that are thrown out of the KV cache, per request that finishes."""
    gpu: float = 82.0
    """Use of each GPU, percent."""


IDLE = Traffic(requests=0, running=0, cache=0, gpu=0)
"""A server that nobody asks."""
