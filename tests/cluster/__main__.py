"""The control plane's command line: `python -m tests.cluster up|demo|binaries`."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.cluster import binaries, demo
from tests.cluster.plane import KubectlError
from tests.cluster.processes import StartError
from tests.cluster.toolchain import MissingToolError
from tests.dataplane import network


def stop_on_signals() -> None:
    """Turn a request to end into an exception, so that whatever was started is stopped on the way out."""
    requests = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

    def leave(number: int, _frame: object) -> None:
        for each in requests:
            signal.signal(each, signal.SIG_IGN)  # an impatient second Ctrl-C would leave processes behind
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    for number in requests:
        signal.signal(number, leave)


def main() -> int:
    """Run one command; 0 when it did what it says, 1 with a sentence when not."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("binaries", help="build the programs into the user's cache and print where they are")
    for name, text in (
        ("up", "start the control plane with the operator and stay up until Ctrl-C"),
        ("demo", "start it, serve an example endpoint, show what came of it; stay up only on a terminal"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--metacontroller-as-admin",
            action="store_true",
            help="let Metacontroller do everything instead of what its shipped role allows",
        )
    arguments = parser.parse_args()
    stop_on_signals()
    try:
        if arguments.command == "binaries":
            for programs in (binaries.control_plane(), binaries.monitoring()):
                for name, path in binaries.ensure(programs).items():
                    print(f"{name}\t{path}")
        elif arguments.command == "demo" and not (network.inside() or network.refusal()):
            binaries.ensure()  # nothing is reached from there
            with tempfile.TemporaryDirectory(prefix="aim-network-") as folder:
                return network.run_inside([sys.executable, "-m", "tests.cluster", *sys.argv[1:]], Path(folder))
        else:
            demo.run(serve=arguments.command == "demo", as_admin=arguments.metacontroller_as_admin)
    except (KubectlError, MissingToolError, StartError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
