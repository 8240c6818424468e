"""A prefix cache as vLLM has one: whole blocks of tokens, each known by all tokens up to its end."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

BLOCK_TOKENS = 16
"""vLLM's own on GPUs."""


class PrefixCache:
    """So many blocks; the one that was used least recently makes room."""

    def __init__(self, blocks: int = 4096) -> None:
        self.room = blocks
        self.blocks: OrderedDict[bytes, None] = OrderedDict()
        self.lock = threading.Lock()

    def take(self, tokens: Sequence[str]) -> int:
        """How many tokens at the beginning were there; afterwards all whole blocks are.

        The last token is always computed, as in the engines: an answer begins with it.
        """
        with self.lock:
            found, missed, name = 0, False, b""
            for at in range(0, len(tokens) - BLOCK_TOKENS + 1, BLOCK_TOKENS):
                block = "\0".join(tokens[at : at + BLOCK_TOKENS]).encode()
                name = hashlib.blake2b(name + block, digest_size=16).digest()
                missed = missed or name not in self.blocks
                found += 0 if missed else BLOCK_TOKENS
                self.blocks[name] = None
                self.blocks.move_to_end(name)
            while len(self.blocks) > self.room:
                self.blocks.popitem(last=False)
            return min(found, max(len(tokens) - 1, 0))

    @property
    def used(self) -> float:
        """The part that is in use, 0 to 1."""
        return len(self.blocks) / self.room
