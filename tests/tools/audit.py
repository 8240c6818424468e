"""Asks whether there are known vulnerabilities in what is locked, by pip-audit; exceptions are in audit.yaml.

    .venv/bin/python tests/tools/audit.py             fails also when nobody could be asked (code 3)
    .venv/bin/python tests/tools/audit.py --offline-is-fine    says so then, and goes on

The versions in the lock files are what is asked about: nothing is resolved and nothing is installed. A whole answer
about equal locks is good for the day, in the user's cache.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from lock_installs import LOCKS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVICES = ("osv", "pypi")
"""Whom to ask, in turn until one answers for every package."""
ATTEMPTS = 2
"""How often each is asked, where it is not reached."""
TIMEOUT = 15
"""Seconds for one answer."""
Raw = dict[str, Any]


class Verdict(NamedTuple):
    """What is said, and the exit code: 0, 1 when something must be done, 3 when nobody could be asked."""

    lines: tuple[str, ...]
    code: int


class Unanswered(NamedTuple):
    """Why a service did not answer for every package."""

    why: str
    again: bool = True
    """Whether it may be another time."""


Ask = Callable[[str], list[Raw] | Unanswered]


def asked(ask: Ask) -> list[Raw] | Unanswered:
    """The first answer that is whole, else why there is none."""
    said = []
    for service in SERVICES:
        for attempt in range(ATTEMPTS):
            found = ask(service)
            if not isinstance(found, Unanswered):
                return found
            if attempt == ATTEMPTS - 1 or not found.again:
                said.append(f"{service}: {found.why}")
                break
    return Unanswered("; ".join(said))


def remembered(ask: Ask, memory: Path, today: date) -> Ask:
    """`ask`, but for what was answered today about equal locks."""
    locks = "".join((ROOT / lock).read_text(encoding="utf-8") for lock in LOCKS)
    key = f"{today} {hashlib.sha256(locks.encode()).hexdigest()}"

    def asking(service: str) -> list[Raw] | Unanswered:
        kept: Raw = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
        if key in kept:
            return list(kept[key])
        found = ask(service)
        if not isinstance(found, Unanswered):
            memory.parent.mkdir(parents=True, exist_ok=True)
            memory.write_text(json.dumps({key: found}), encoding="utf-8")
        return found

    return asking


def verdict(answer: list[Raw] | Unanswered, exceptions: Iterable[Raw], today: date) -> Verdict:
    """What to make of an answer: packages with their `vulns`."""
    if isinstance(answer, Unanswered):
        return Verdict((f"NOT AUDITED for known vulnerabilities, since nobody could be asked: {answer.why}",), 3)
    allowed = {one["id"]: one for one in exceptions}
    found = [(package, vuln, {vuln["id"], *vuln["aliases"]}) for package in answer for vuln in package["vulns"]]
    wrong = [_described(package, vuln) for package, vuln, names in found if not names & allowed.keys()]
    known = {name for _, _, names in found for name in names}
    wrong += [
        f"the exception for {name} has expired on {one['until']}: {one['reason']}"
        for name, one in allowed.items()
        if one["until"] < today and name in known
    ]
    wrong += [f"the exception for {name} is not needed any more" for name in allowed if name not in known]
    counted = f"{len(answer)} packages audited, {len(found)} known vulnerabilities, {len(allowed)} exceptions"
    return Verdict((*wrong, counted), 1 if wrong else 0)


def _described(package: Raw, vuln: Raw) -> str:
    fixed = f"fixed in {', '.join(vuln['fix_versions'])}" if vuln["fix_versions"] else "not fixed yet"
    names = ", ".join([vuln["id"], *sorted(vuln["aliases"])])
    return f"{package['name']} {package['version']}: {names}; {fixed}"


def pip_audit(service: str) -> list[Raw] | Unanswered:
    """What pip-audit says of the lock files. A package that its service does not know counts as no answer."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off", f"--timeout={TIMEOUT}"]
    command += [f"--vulnerability-service={service}", "--require-hashes", "--disable-pip", "--desc=off", "--aliases=on"]
    command += [f"--requirement={ROOT / lock}" for lock in LOCKS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return read(done.stdout, done.stderr)


def read(output: str, errors: str) -> list[Raw] | Unanswered:
    """What pip-audit wrote. It ends with a traceback where it reaches nobody, whose last line is why."""
    try:
        packages: list[Raw] = json.loads(output)["dependencies"]
    except ValueError:
        return Unanswered(next(reversed(errors.strip().splitlines()), "no answer")[:300])
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    if skipped:
        return Unanswered(
            f"it does not know {len(skipped)} of {len(packages)} packages, such as {skipped[0]}", again=False
        )
    return packages


def main(arguments: list[str] | None = None, ask: Ask = pip_audit) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offline-is-fine", action="store_true", help="do not fail when nobody could be asked")
    given = parser.parse_args(arguments)
    exceptions = yaml.safe_load((HERE / "audit.yaml").read_text(encoding="utf-8"))["exceptions"]
    cache, today = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"), datetime.now(UTC).date()
    lines, code = verdict(asked(remembered(ask, cache / "aim-engine" / "audit.json", today)), exceptions, today)
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return 0 if code == 3 and given.offline_is_fine else code


if __name__ == "__main__":
    sys.exit(main())
