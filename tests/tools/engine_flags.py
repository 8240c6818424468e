"""Writes aimlib/data/engines/<engine>-<version>.yaml: an engine's flags, and the model architectures that it loads.

    .venv/bin/python tests/tools/engine_flags.py vllm==0.33.0 sglang==0.5.23
    .venv/bin/python tests/tools/engine_flags.py vllm==0.33.0 --wheel vllm-0.33.0-….whl

The published wheel is fetched by pip and read as text; the engine is neither installed nor imported, and only names,
types, choices and defaults are taken from it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import engine_architectures
import sglang_flags
import vllm_flags
import yaml
from wheel_source import WheelSource, download

DATA = Path(__file__).parents[2] / "aimlib" / "data" / "engines"
PYTHON = "3.11"
READERS = {"vllm": vllm_flags.flags, "sglang": sglang_flags.flags}
ARCHITECTURES = {"vllm": engine_architectures.vllm, "sglang": engine_architectures.sglang}
FORMER = {"vllm": engine_architectures.vllm_former, "sglang": engine_architectures.sglang_former}
WITHOUT_ADAPTERS = {
    "vllm": engine_architectures.vllm_without_adapters,
    "sglang": engine_architectures.sglang_without_adapters,
}
ORDER = ("type", "style", "nargs", "choices", "aliases", "default", "nullable", "auto", "fold", "repeat")
HEADER = """\
# Every flag of {package} {version}, as its argument parser knows it. Made by tests/tools/engine_flags.py; do not edit.
# What the words mean is described at aimlib.engines.flags.Flag. At the end, the model architectures that it loads, and
# those that it loaded up to a version, and those that take no LoRA adapters.
package: {package}
version: "{version}"
wheel: {wheel}
sha256: {sha256}
flags:
"""


def record(keywords: dict[str, object]) -> dict[str, object]:
    """One flag as it stands in the file: what goes without saying left out, words in one order."""
    found = {"type": "str", **keywords}
    found["nullable"] = found.pop("none", False)
    if found["type"] == "bool":
        found.pop("nullable")
    elif isinstance(found.get("default"), bool):
        found.pop("default")
    if "choices" in found:
        found["type"] = "choice"
    said = {word: found[word] for word in ORDER if found.get(word) not in (None, [], "")}
    return {word: value for word, value in said.items() if value is not False}


def text(source: WheelSource, package: str, version: str) -> str:
    flags = READERS[package](source)
    header = HEADER.format(package=package, version=version, wheel=source.path.name, sha256=source.sha256)
    lines = [f"  {name}: {one_line(record(flags[name]))}\n" for name in sorted(flags)]
    loaded = yaml.safe_dump({"architectures": ARCHITECTURES[package](source)}, width=118, default_flow_style=None)
    former = yaml.safe_dump({"formerArchitectures": FORMER[package](source)}, width=118)
    alone = yaml.safe_dump({"withoutAdapters": WITHOUT_ADAPTERS[package](source)}, width=118, default_flow_style=None)
    return "".join((header, *lines, loaded, former, alone))


def one_line(found: dict[str, object]) -> str:
    return yaml.safe_dump(found, default_flow_style=True, sort_keys=False, width=10**6).strip()


def requirement(given: str) -> tuple[str, str]:
    package, _, version = given.partition("==")
    if package not in READERS or not version:
        raise argparse.ArgumentTypeError(f"{given!r} is none of {', '.join(f'{name}==VERSION' for name in READERS)}")
    return package, version


def asked(description: str) -> Iterator[tuple[str, str, WheelSource]]:
    """The engines that the command line names, their versions and wheels, one after the other."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "requirements", nargs="+", type=requirement, metavar="ENGINE==VERSION", help="such as vllm==0.33.0"
    )
    parser.add_argument("--wheel", type=Path, help="read this file instead of downloading the (single) package")
    options = parser.parse_args()
    if options.wheel and (len(options.requirements) > 1 or not options.wheel.is_file()):
        parser.error(f"--wheel {options.wheel} must be a file, and goes with one engine")
    for package, version in options.requirements:
        yield package, version, WheelSource(options.wheel or download(f"{package}=={version}", PYTHON))


def main() -> None:
    for package, version, source in asked(__doc__.splitlines()[0]):
        target = DATA / f"{package}-{version}.yaml"
        target.write_text(text(source, package, version))
        found = yaml.safe_load(target.read_text())
        print(f"{target}: {len(found['flags'])} flags, {len(found['architectures'])} architectures")


if __name__ == "__main__":
    main()
