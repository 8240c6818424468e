"""`python -m tests.chaos [MINUTES] [--endpoints COUNT] [--seed SEED]`: everything is killed, and the numbers of it."""

import argparse
import secrets
import sys

from tests.chaos.run import run

ENDPOINTS = 60


def main() -> int:
    """Run, and report; 1 where something was lost or is not as it was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--endpoints", type=int, default=ENDPOINTS)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    given = parser.parse_args()
    report = run(given.minutes * 60, given.endpoints, given.seed)
    print(f"{report.seconds:.0f} s, and {report.settled:.0f} s more until everything was as it was asked for")
    for title, counts in (("endpoints", report.did), ("killed", report.killed)):
        print(f"{title}: {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}")
    print(
        f"kills: {sum(report.killed.values())}; endpoints at the end: {report.alive}; children seen: {report.watched}"
    )
    for title, found in (("lost", report.lost), ("not as asked for", report.wrong)):
        print(f"{title}: {len(found)}", *found[:20], sep="\n  ")
    return int(bool(report.lost or report.wrong))


if __name__ == "__main__":
    sys.exit(main())
