"""The VerticalPodAutoscaler's CRDs, from its published Go module."""

from pathlib import Path

from tests.cluster.go_modules import module

VERSION = "k8s.io/autoscaler/vertical-pod-autoscaler@v1.8.1"
SUM = "h1:Pe8bV1wozN4gOKO1rleiIY5alIyAXN+DnXDbXQcL4fI="


def crd_file() -> Path:
    """The file with the CRDs of VerticalPodAutoscalers and of their checkpoints."""
    return module(VERSION, SUM) / "deploy" / "vpa-v1-crd-gen.yaml"


def rights_file() -> Path:
    """The file with the roles of its programs."""
    return module(VERSION, SUM) / "deploy" / "vpa-rbac.yaml"
