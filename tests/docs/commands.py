"""The commands and files that a page shows, in their order."""

import re
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FILE = re.compile(r"# (\S+\.(?:yaml|json))\n")


class Step(NamedTuple):
    """A command with what it prints, a file to write, or a program in Python."""

    kind: str
    text: str
    printed: str = ""


def steps(page: Path) -> list[Step]:
    """What a reader does who does everything on a page."""
    found: list[Step] = []
    for language, text in BLOCK.findall(page.read_text()):
        if language == "console":
            found += [Step("command", command, printed) for command, printed in COMMAND.findall(text)]
        elif language == "python":
            found.append(Step("python", text))
        elif language == "yaml" and (named := FILE.match(text)):
            found.append(Step("file", named[1], text))
    return found
