"""Standard error of a download: a line for each sentence, and on a terminal one more that is written anew."""

from shutil import get_terminal_size
from typing import TextIO

from aimlib.printable import printable

ERASE = "\r\x1b[K"
"""Returns to the beginning of the line, and erases what stands there."""


class Console:
    """Prints to one stream; standard output is for the snapshot's path."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.open = False

    def print_sentence(self, sentence: str) -> None:
        """Prints a line, below the one that is written anew."""
        self._write(("\n" if self.open else "") + printable(sentence) + "\n")
        self.open = False

    def rewrite(self, sentence: str) -> None:
        """Writes the line anew, as far as the terminal is wide."""
        self._write(ERASE + printable(sentence)[: get_terminal_size().columns - 1])
        self.open = True

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
