"""The example objects: that they parse, and that the full one leaves no field out."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from aimlib.api.cache import CACHE_SPELLINGS, AIMCache
from aimlib.api.endpoint import ENDPOINT_SPELLINGS, AIMEndpoint
from aimlib.api.gateway import AIMGateway
from tests.kustomize import ROOT

KINDS = {"AIMEndpoint": AIMEndpoint, "AIMCache": AIMCache, "AIMGateway": AIMGateway}
EXAMPLES = sorted(path for path in (ROOT / "manifests" / "examples").glob("*.yaml") if path.stem != "tenant")
"""All but the one of kinds of Kubernetes' own, which tests/e2e/test_access.py applies."""
SHORT = {".".join(spelling.path) for spelling in (*ENDPOINT_SPELLINGS, *CACHE_SPELLINGS)} | {"modelId"}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted paths of a schema's leaves, through arrays; a field with another spelling is left out."""
    schema = schema.get("items", schema)
    for name, inner in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        leaves = list(fields(inner, below))
        yield from leaves or ([] if below in SHORT or "properties" in inner else [below])


def given(value: object, path: str = "") -> Iterator[str]:
    """The dotted paths that a value has something at, those of inner objects included."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            for name, inner in item.items():
                below = f"{path}.{name}" if path else name
                yield below
                yield from given(inner, below)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_parses(path):
    found = [KINDS[raw["kind"]].model_validate(raw) for raw in yaml.safe_load_all(path.read_text())]
    assert {named(one) for one in found} <= {"Qwen/Qwen3-32B", None}


def named(one):
    """The model that an object is about; a gateway is about none."""
    if isinstance(one, AIMEndpoint):
        return one.spec.requested_model.id
    return one.spec.models[0].id if isinstance(one, AIMCache) else None


def test_both_spellings_ask_for_the_same_model_on_one_gpu():
    long, short = (
        yaml.safe_load((ROOT / f"manifests/examples/endpoint-{name}.yaml").read_text()) for name in ("long", "short")
    )
    asked = [AIMEndpoint.model_validate(raw).spec for raw in (long, short)]
    assert asked[0].requested_model == asked[1].requested_model
    assert asked[0].recipe.gpu_count == asked[1].recipe.gpu_count == 1


ELSEWHERE = {"cache.name", "model.source", "storage.existingClaim"}
ELSEWHERE |= {f"model.access.{name}" for name in ("endpoint", "artifactEndpoint", "region", "secret")}
ELSEWHERE |= {"model.imageVolume.folder", "deployment.canary.trafficSplit", "deployment.canary.duration"}
ELSEWHERE |= {"accelerators.gpuShare"}
ELSEWHERE |= {f"adapters.{name}" for name in ("name", "source.repository", "revision", "rank", "baseModel")}
"""Fields that exclude others: the first is shown in cache.yaml, those of adapters in adapters.yaml, the others in
comments."""


@pytest.mark.parametrize(
    ("plural", "example", "some"),
    [
        ("aimendpoints", "endpoint-full", {"model.id", "recipe.fallback.backend", "cache.size"}),
        ("aimgateways", "gateway-full", {"clients.limits.client", "endpointSelector.matchLabels", "tls.secretName"}),
        ("aimcaches", "cache-full", {"storage.size", "models.include", "hub.proxy.https", "cleanup.maxAge"}),
    ],
)
def test_the_full_example_has_every_field(plural, example, some):
    crd = yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    text = (ROOT / "manifests" / "examples" / f"{example}.yaml").read_text()
    possible = set(fields(schema))
    assert some <= possible
    assert possible - ELSEWHERE <= set(given(yaml.safe_load(text)["spec"]))
