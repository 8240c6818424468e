"""KEDA's CRDs, from its published Go module, which its programs are built from, too (binaries.keda)."""

from pathlib import Path

from tests.cluster.go_modules import module

VERSION = "github.com/kedacore/keda/v2@v2.21.0"
SUM = "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="
KINDS = ("scaledobjects", "scaledjobs", "triggerauthentications", "clustertriggerauthentications")


def folder() -> Path:
    """Where the module is."""
    return module(VERSION, SUM)


def events_files() -> list[Path]:
    """The files with the CRDs of its events, without which its operator does not start."""
    return sorted((folder() / "config" / "crd" / "bases").glob("eventing.keda.sh_*.yaml"))


def crd_file(plural: str) -> Path:
    """The file with the CRD of a kind."""
    return folder() / "config" / "crd" / "bases" / f"keda.sh_{plural}.yaml"
