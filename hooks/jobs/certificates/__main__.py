"""The command line: `python -m hooks.jobs.certificates`, as the Job and the CronJob `aim-certificates` run it."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hooks.jobs.certificates.cluster import Cluster, ClusterError
from hooks.jobs.certificates.run import Wish, settle
from hooks.observability.logs import logger

SERVICE = "aim-hooks"


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; the process ends with a sentence where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m hooks.jobs.certificates",
        description="Makes and renews the certificates of the hook server and the tokens of its callers.",
        allow_abbrev=False,
    )
    parser.add_argument("--namespace", default="aim-system", help="where the hook server and its Secrets are")
    parser.add_argument(
        "--host", action="append", default=[], help="another name or address of the hook server; may be repeated"
    )
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for controllers and webhooks to be installed"
    )
    parser.add_argument(
        "--issued-elsewhere",
        action="store_true",
        help="another program, such as cert-manager, issues the certificates: hand out its authority",
    )
    return parser.parse_args(words)


def names(namespace: str, hosts: Sequence[str]) -> frozenset[str]:
    """What the hook server is called by within the cluster, and these."""
    service = f"{SERVICE}.{namespace}"
    return frozenset((service, f"{service}.svc", f"{service}.svc.cluster.local", *hosts))


def main(words: Sequence[str] | None = None) -> int:
    """0 where everything that must have it has it; 1 with a sentence where not."""
    asked = arguments(words)
    wish = Wish(names(asked.namespace, asked.host), asked.issued_elsewhere)
    until = time.monotonic() + asked.patience
    try:
        cluster = Cluster(asked.namespace)
        while (missing := settle(cluster, wish, datetime.now(UTC), say)) and time.monotonic() < until:
            time.sleep(1)
    except ClusterError as error:
        say(str(error), level=logging.ERROR)
        return 1
    for target in missing:
        say("not installed", level=logging.ERROR if target.required else logging.INFO, what=target.name)
    return int(any(target.required for target in missing))


def say(what: str, /, *, level: int = logging.INFO, **facts: Any) -> None:  # noqa: ANN401 - what JSON holds
    """One line of the log."""
    logger().log(level, what, extra={"facts": facts})


if __name__ == "__main__":
    sys.exit(main())
