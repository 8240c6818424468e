"""The command line: `python -m hooks.gateway_agent`, in the pods of a gateway."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from aimlib.gateway.render import ANY, TLS_FOLDER
from aimlib.gateway.routed import METRICS_PORT
from hooks.gateway_agent.envoy_admin import EnvoyAdmin
from hooks.gateway_agent.program import Program
from hooks.gateway_agent.rounds import Places, Rounds
from hooks.observability.logs import logger


def agent_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the options; exits with a usage message where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m hooks.gateway_agent",
        description="Writes the files of the Envoy in the same pod, and holds requests for models without a replica.",
        allow_abbrev=False,
    )
    folders = {
        "table": ("/etc/gateway/table", "where the ConfigMap with the table is mounted"),
        "clients": ("/etc/gateway/clients", "where the Secret with the API keys is mounted: a file for each client"),
        "tls": (TLS_FOLDER, "where the Secret with the certificate is mounted"),
        "files": ("/run/envoy", "the folder that Envoy reads"),
    }
    for name, (default, what) in folders.items():
        parser.add_argument(f"--{name}", type=Path, default=Path(default), metavar="FOLDER", help=f"{what} ({default})")
    ports = {
        "port": (8080, "where Envoy serves clients"),
        "hold-port": (8081, "where Envoy sends requests for models without a replica, on loopback"),
        "metrics-port": (METRICS_PORT, "for /metrics, /healthz and /ready"),
        "admin-port": (9901, "Envoy's own page, on loopback"),
    }
    for name, (number, what) in ports.items():
        parser.add_argument(f"--{name}", type=int, default=number, metavar="PORT", help=f"{what} ({number})")
    parser.add_argument("--address", default=ANY, help=f"where Envoy and the metrics listen ({ANY})")
    parser.add_argument(
        "--drain-seconds", type=float, default=590.0, metavar="SECONDS",
        help="how long requests may take to end after SIGTERM; 0 ends at once (590)",
    )  # fmt: skip
    parser.add_argument("--once", action="store_true", help="write the files, and end: before Envoy is started")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0; with --once 1 where Envoy cannot be started, after logging why."""
    args = agent_arguments(argv)
    admin = EnvoyAdmin(args.admin_port)
    places = Places(args.table, args.clients, args.tls, args.files, args.port, args.admin_port, args.address)
    rounds = Rounds(places, admin)
    if not args.once:
        program = Program(rounds, admin, args.drain_seconds)
        return asyncio.run(program.run(args.address, args.metrics_port, args.hold_port))
    rounds.run()
    if not rounds.complete:
        logger().log(logging.ERROR, "Envoy cannot be started without its files")
    return int(not rounds.complete)


if __name__ == "__main__":
    sys.exit(main())
