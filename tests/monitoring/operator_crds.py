"""The CRDs of the Prometheus operator, from its published Go module."""

from functools import cache
from typing import Any

import yaml

from tests.cluster.go_modules import module

VERSION = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="


@cache
def schema(plural: str) -> dict[str, Any]:
    """The schema of a kind of monitoring.coreos.com/v1."""
    file = module(VERSION, SUM) / "example" / "prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"
    [version] = yaml.safe_load(file.read_text())["spec"]["versions"]
    assert version["name"] == "v1"
    return version["schema"]["openAPIV3Schema"]
