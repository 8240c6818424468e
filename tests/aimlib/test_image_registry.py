"""Images by the names of their copies."""

import pytest
from pydantic import ValidationError

from aimlib.config import Config
from aimlib.image_registry import mirrored

REGISTRY = "registry.example.com/aim"


@pytest.mark.parametrize(
    ("image", "copy"),
    [
        ("vllm/vllm-openai:v1", "registry.example.com/aim/vllm/vllm-openai:v1"),
        ("docker.io/envoyproxy/envoy:v1", "registry.example.com/aim/envoyproxy/envoy:v1"),
        ("busybox:1", "registry.example.com/aim/library/busybox:1"),
        ("ghcr.io/a/b/c@sha256:12", "registry.example.com/aim/a/b/c@sha256:12"),
        ("localhost/a:1", "registry.example.com/aim/a:1"),
        ("registry.local:5000/a:1", "registry.example.com/aim/a:1"),
        ("registry.example.com/aim/a:1", "registry.example.com/aim/a:1"),
        ("registry.example.com/own/a:1", "registry.example.com/own/a:1"),
    ],
)
def test_an_image_keeps_its_path_below_the_registry(image, copy):
    assert mirrored(image, REGISTRY) == copy
    assert mirrored(copy, REGISTRY) == copy
    assert mirrored(image, "") == image


@pytest.mark.parametrize("registry", ["", "registry.example.com", "registry.local:5000/a/b-c_d"])
def test_a_registry_is_a_host_and_maybe_a_path(registry):
    assert Config.model_validate({"imageRegistry": registry}).image_registry == registry


@pytest.mark.parametrize(
    "registry", ["https://a.example", "a.example/", "a.example:port", "A.example", "a b", "a.example/b:1"]
)
def test_anything_else_is_none(registry):
    with pytest.raises(ValidationError, match="imageRegistry"):
        Config.model_validate({"imageRegistry": registry})
