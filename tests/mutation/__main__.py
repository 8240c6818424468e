"""`python -m tests.mutation [COUNT] [--seed SEED] [--show NUMBER]`: many bodies, and what came of them."""

import argparse
import secrets
import sys
from collections import Counter

from tests.mutation.judge import run
from tests.mutation.requests import mutated, originals

SHOWN = 40


def main() -> int:
    """Run, and report; 1 where an answer is not what it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--show", type=int, metavar="NUMBER", help="print the body of this number, and make no other")
    given = parser.parse_args()
    if given.show is not None:
        made = mutated(given.seed, given.show, originals())
        sys.stdout.write(made.body.decode(errors="backslashreplace"))
        return 0
    report = run(given.count, given.seed)
    print(f"seed {report.seed}: {given.count} bodies in {report.seconds:.0f} s, each answered twice")
    for (way, code), count in sorted(report.codes.items()):
        print(f"{way:15} {code} {count:8}")
    kinds = Counter((one.route, one.words.partition(" at ")[2] or one.words[:60]) for one in report.findings)
    print(f"{len(report.findings)} answers are not what they must be, of {len(kinds)} kinds")
    for (route, words), count in kinds.most_common():
        print(f"{count:6} {route} {words}")
    for one in report.findings[:SHOWN]:
        print(f"{one.number}: {one.way} to {one.route}: {one.words}")
    return int(bool(report.findings))


if __name__ == "__main__":
    sys.exit(main())
