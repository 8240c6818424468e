"""Starts a simulated engine by a real one's command line: `vllm serve MODEL`, `python3 -m sglang.launch_server`."""

import os
import signal
import sys
import time
from collections.abc import Sequence

from aimlib.engines.arguments import ParsedArgs, parse_args
from aimlib.engines.catalogue import Engine, engines
from tests.dataplane.simulated import behaviour
from tests.dataplane.simulated.server import Server

POOLING = (("--runner", str, "pooling"), ("--is-embedding", bool, True))
"""Flags of the two engines for models that compute embeddings."""
CONTEXT = 32768
"""Tokens, where the command line does not state them."""


def server(words: Sequence[str]) -> Server:
    """The server for these words; SystemExit with the engine's code and its last line where they are refused."""
    engine = next((one for one in engines() if tuple(words[: len(one.command)]) == one.command), None)
    if not engine:
        raise SystemExit(f"simulated: {' '.join(words[:3])} starts no engine")
    root, arguments = _model(engine, [*words[len(engine.command) :]])
    parsed = parse_args(engine.name, arguments)
    if parsed.errors:
        print(f"{engine.name}: error: {'; '.join(parsed.errors)}", file=sys.stderr)
        raise SystemExit(2)
    flags = engine.flags
    names = parsed.value(flags.served_model_name, list) or parsed.value(flags.served_model_name, str) or root
    listed = [names] if isinstance(names, str) else names
    host, port = parsed.value(flags.host, str) or "127.0.0.1", parsed.value(flags.port, int)
    context = parsed.value(flags.max_model_len, int) or CONTEXT
    adapters = _adapters(engine, parsed)
    made = Server((host, engine.port if port is None else port), engine, listed, root, context)
    made.adapters = adapters
    made.pooling = any(parsed.value(flag, kind) == value for flag, kind, value in POOLING)
    return made


def _adapters(engine: Engine, parsed: ParsedArgs) -> dict[str, str]:
    """The folder of each adapter by its name. SystemExit where a real engine would not start."""
    flags = engine.flags.adapters
    words = (parsed.value(flags.paths, list) or []) if flags else []
    found = dict(str(word).split("=", 1) for word in words if "=" in str(word) and "," not in str(word))
    if len(found) < len(words) or not all(folder.startswith("/") for folder in found.values()):
        raise SystemExit(f"simulated: of {words} some are no name=folder, or two have one name")
    if (
        flags
        and found
        and not (parsed.value(flags.enable, bool) and (parsed.value(flags.most, int) or 1) >= len(found))
    ):
        raise SystemExit(f"simulated: there is no room for {len(found)} adapters")
    return found


def _model(engine: Engine, words: list[str]) -> tuple[str, list[str]]:
    """The model, which follows the engine's own words for it, and the other words."""
    before = len(engine.model_words)
    if len(words) <= before or tuple(words[:before]) != engine.model_words:
        raise SystemExit(f"simulated: {engine.title} is given no model")
    return words[before], words[before + 1 :]


def main(words: Sequence[str]) -> None:
    """Do what the image's tag has it do first, and answer until SIGTERM."""
    first = behaviour.start(os.environ.get(behaviour.IMAGE, ""))
    if first.last_words:
        print(first.last_words, file=sys.stderr)
        raise SystemExit(1)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(first.load_seconds)
    with server(words) as started:
        started.command({"healthy": first.ready, **first.commands})
        print(
            f"simulated {started.engine.title} serves {', '.join(started.models)} at {started.server_address}",
            flush=True,
        )
        started.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
