"""Envoy as the tests run it: what it has to check, and where its program is."""

import json
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from aimlib.gateway.render import bootstrap


def program() -> Path:
    """Its executable, in the wheel."""
    found = find_spec("envoy")
    assert found
    assert found.origin
    return Path(found.origin).with_name("_bin") / "envoy"


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Replace the files one by one, as those who watch the folder expect it."""
    for name, text in files.items():
        new = folder / f".{name}"
        new.write_text(text)
        new.replace(folder / name)


def objections(folder: Path, files: Mapping[str, str]) -> str:
    """What Envoy has against these files; empty where it would take them.

    `--mode validate` reads nothing that is watched, so they are checked as parts of one file.
    """
    clusters, [routes], listeners = (json.loads(files[f"{name}.json"])["resources"] for name in ("cds", "rds", "lds"))
    chains = [one["filter_chains"][0] for one in listeners]
    if socket := chains[0].get("transport_socket"):  # where a certificate is comes from a file that has to be there
        (folder / "sds.json").write_text(files["sds.json"])
        common = socket["typed_config"]["common_tls_context"]
        for one in common["tls_certificate_sds_secret_configs"]:
            source = {"path": str(folder / "sds.json"), "watched_directory": {"path": str(folder)}}
            one["sds_config"]["path_config_source"] = source
    for resource in (routes, *listeners, *clusters):
        del resource["@type"]
    for chain in chains:
        [http] = chain["filters"]
        del http["typed_config"]["rds"]
        http["typed_config"]["route_config"] = routes
    whole = folder / "whole.json"
    resources = {"listeners": listeners, "clusters": clusters}
    started = json.loads(bootstrap(str(folder), 1))
    del started["dynamic_resources"]
    whole.write_text(json.dumps({**started, "static_resources": resources}))
    command = [program(), "--mode", "validate", "--log-level", "warning", "--config-path", whole]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr
