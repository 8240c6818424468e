"""The engine's own parser of arguments: reads command lines as JSON, {name: [word...]}, and prints what it says.

Run by the engine's Python. `flags` are those that the parser knows, with their names. `errors` are the command lines
that it refuses, and why.
"""

import json
import sys
import warnings
from typing import NoReturn

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.utils.argparse_utils import FlexibleArgumentParser


class RefusedError(Exception):
    """The parser would end the program, with this as its last words."""


class Parser(FlexibleArgumentParser):
    """One that goes on after an error."""

    def error(self, message: str) -> NoReturn:
        raise RefusedError(message)


def refusal(parser: Parser, words: list[str]) -> str | None:
    """Why `vllm serve` refuses these words before it looks at the model; None where it does not."""
    try:
        parsed = parser.parse_args(words)
        validate_parsed_serve_args(parsed)
        AsyncEngineArgs.from_cli_args(parsed)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - each is a refusal
        return f"{type(error).__name__}: {error}"
    return None


def main() -> None:
    """Answer one request."""
    warnings.simplefilter("ignore")
    parser = make_arg_parser(Parser(prog="vllm serve"))
    options = (action.option_strings for action in parser._actions if action.option_strings)
    flags = {names[0]: names for names in options}
    refusals = {name: refusal(parser, words) for name, words in json.load(sys.stdin).items()}
    errors = {name: why for name, why in refusals.items() if why}
    sys.stdout.write(json.dumps({"flags": flags, "errors": errors}))


if __name__ == "__main__":
    main()
