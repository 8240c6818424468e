"""Writes the bill of materials of each image: CycloneDX JSON of what its lock file installs, with hashes and licences.

    .venv/bin/python tests/tools/sbom.py dist
    .venv/bin/python tests/tools/sbom.py dist --image=aim-downloader

Equal locks give equal bytes. What is in the image besides, Python and Debian, is the base image's own to say.
"""

import argparse
import importlib.metadata
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation import make_schemabased_validator
from license_expression import ExpressionError, get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SPEC = SchemaVersion.V1_6
IMAGES = {"aim-hooks": "requirements.lock", "aim-downloader": "requirements-download.lock"}
MACHINES = ("x86_64", "aarch64")
"""The image is built for Linux on these."""
LICENSING = get_spdx_licensing()
Raw = dict[str, Any]


class BillError(Exception):
    """Why there is no bill of materials; the message has a line for each package that is to blame."""


def bill(lock: Path) -> str:
    """The bill of what a lock file installs, as JSON; BillError when a licence is not known or not allowed."""
    made = _from_lock(lock)
    markers = {canonicalize_name(one.name): one for one in map(Requirement, _entries(lock))}
    kept = [one for one in made["components"] if _installed(markers[canonicalize_name(one["name"])])]
    licences = {one["name"]: licence(one["name"]) for one in sorted(kept, key=lambda one: one["name"])}
    if wrong := [line for package, found in licences.items() if (line := objection(package, found))]:
        raise BillError("\n".join([f"{lock.name}:", *wrong]))
    made["components"] = [_described(one, licences[one["name"]]) for one in sorted(kept, key=lambda one: one["name"])]
    made["dependencies"] = [{"ref": one["bom-ref"]} for one in (made["metadata"]["component"], *made["components"])]
    text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    if error := make_schemabased_validator(OutputFormat.JSON, SPEC).validate_str(text):
        raise BillError(f"{lock.name}: what was made is no CycloneDX {SPEC.to_version()}: {error}")
    return text


def objection(package: str, found: str | None) -> str | None:
    """What is wrong with a package's licence; None when nothing is."""
    if found is None:
        return f"{package}: its metadata name no licence that is known; say in licenses.yaml which it is"
    if not _allowed(LICENSING.parse(found)):
        return f"{package}: {found} is not among {', '.join(_policy()['allowed'])}"
    return None


def _allowed(expression: Any) -> bool:
    """One side of an OR is enough, of an AND both are needed."""
    if isinstance(expression, LICENSING.OR):
        return any(map(_allowed, expression.args))
    if isinstance(expression, LICENSING.AND):
        return all(map(_allowed, expression.args))
    return str(expression) in _policy()["allowed"]


@cache
def _policy() -> Raw:
    return yaml.safe_load((HERE / "licenses.yaml").read_text(encoding="utf-8"))


def licence(package: str) -> str | None:
    """As it is stated, else as the package's metadata say, where that is an SPDX expression."""
    if package in _policy()["stated"]:
        return str(_policy()["stated"][package]["license"])
    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    said = str(metadata.get("License-Expression") or metadata.get("License") or "")
    try:
        expression = LICENSING.parse(said, validate=True)
    except ExpressionError:
        return None
    return None if expression is None else str(expression)


def _from_lock(lock: Path) -> Raw:
    project, version = ROOT / "pyproject.toml", SPEC.to_version()
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", f"--pyproject={project}"]
    command += [f"--spec-version={version}", "--output-reproducible", "--no-validate", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BillError(f"cyclonedx-py read no {lock}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def _entries(lock: Path) -> list[str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [line.removesuffix("\\").strip() for line in lines if line[:1].isalnum()]


def _installed(entry: Requirement) -> bool:
    """Whether pip installs it into an image."""
    images = [{"sys_platform": "linux", "platform_machine": machine} for machine in MACHINES]
    return entry.marker is None or any(entry.marker.evaluate({**one}) for one in images)


def _described(component: Raw, found: str | None) -> Raw:
    """A component with its licence, and without the words and the addresses of the machine that read the lock."""
    hashes = [one for reference in component["externalReferences"] for one in reference.get("hashes", ())]
    files = {"type": "distribution", "url": component["purl"], "hashes": hashes, "comment": "any of these files"}
    return {
        **{key: component[key] for key in ("type", "name", "version", "purl")},
        "bom-ref": component["purl"],
        "licenses": [{"expression": found}],
        "externalReferences": [files],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--image", action="append", choices=IMAGES, help="not all of them, but this one")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        for image in given.image or IMAGES:
            (given.folder / f"{image}.cdx.json").write_text(bill(ROOT / IMAGES[image]), encoding="utf-8")
    except BillError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
