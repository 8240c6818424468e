"""The CRDs of Gateway API, from its published Go module."""

from pathlib import Path

from tests.cluster.go_modules import module

VERSION = "sigs.k8s.io/gateway-api@v1.6.3"
SUM = "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="
KINDS = ("gatewayclasses", "gateways", "httproutes", "referencegrants")


def crd_file(plural: str) -> Path:
    """The file with the CRD of a kind, of the standard channel."""
    return module(VERSION, SUM) / "config" / "crd" / "standard" / f"gateway.networking.k8s.io_{plural}.yaml"
