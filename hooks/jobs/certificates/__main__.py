"""The command line: `python -m hooks.jobs.certificates`, as the Job and the CronJob `aim-certificates` run it."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hooks.jobs.certificates.cluster import CertificateCluster
from hooks.jobs.certificates.run import Options, reconcile
from hooks.kube_client import ApiServerError
from hooks.observability.logs import logger

SERVICE_NAME = "aim-hooks"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the options; exits with a usage message where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m hooks.jobs.certificates",
        description="Creates and renews the certificates of the hook server and the tokens of its clients.",
        allow_abbrev=False,
    )
    parser.add_argument("--namespace", default="aim-system", help="where the hook server and its Secrets are")
    parser.add_argument(
        "--host", action="append", default=[], help="another name or address of the hook server; may be repeated"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, help="seconds to wait for controllers and webhooks to be installed"
    )
    parser.add_argument(
        "--issued-elsewhere",
        action="store_true",
        help="another program, such as cert-manager, issues the certificates: distribute its authority",
    )
    return parser.parse_args(argv)


def server_names(namespace: str, hosts: Sequence[str]) -> frozenset[str]:
    """The names of the hook server within the cluster, and `hosts`."""
    service = f"{SERVICE_NAME}.{namespace}"
    return frozenset((service, f"{service}.svc", f"{service}.svc.cluster.local", *hosts))


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 when every required client is configured, else 1 after logging why."""
    args = arguments(argv)
    options = Options(server_names(args.namespace, args.host), args.issued_elsewhere)
    until = time.monotonic() + args.wait
    try:
        cluster = CertificateCluster(args.namespace)
        while (missing := reconcile(cluster, options, datetime.now(UTC), log_event)) and time.monotonic() < until:
            time.sleep(1)
    except ApiServerError as error:
        log_event(str(error), level=logging.ERROR)
        return 1
    for client in missing:
        log_event("not installed", level=logging.ERROR if client.required else logging.INFO, client=client.name)
    return int(any(client.required for client in missing))


def log_event(event: str, /, *, level: int = logging.INFO, **facts: Any) -> None:  # noqa: ANN401 - what JSON holds
    """Writes one line to the log."""
    logger().log(level, event, extra={"facts": facts})


if __name__ == "__main__":
    sys.exit(main())
