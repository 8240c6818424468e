"""manifests/examples/gitops on the control plane: prod serves, and a promoted version begins as a canary beside it."""

import pytest

from tests.e2e.test_canaries import canary, pods
from tests.kustomize import ROOT, build, only

pytestmark = pytest.mark.e2e

ENVIRONMENTS = ROOT / "manifests" / "examples" / "gitops" / "environments"


def rendered(environment, space):
    """The endpoint of an environment, in a namespace of the test."""
    found = only(build(ENVIRONMENTS / environment), "AIMEndpoint")
    return {**found, "metadata": {"name": found["metadata"]["name"], "namespace": space.namespace}}


def test_a_promoted_version_is_tried_beside_the_one_that_serves(space):
    prod = rendered("prod", space)
    # Without a gateway there is nothing to compare, and a new version would take over as soon as it is ready.
    prod["spec"]["deployment"]["canary"]["promotion"] = "Manual"
    space.apply(prod)
    space.ready("chat")
    serving = pods(space, "chat")
    assert len(serving) == prod["spec"]["replicas"]
    prod["spec"]["recipe"]["precision"] = "fp8"
    space.apply(prod)
    space.wait("the canary to be ready", lambda: canary(space).get("phase") == "AwaitingPromotion")
    assert set(pods(space, "chat")) == set(serving)
    prod["spec"]["recipe"]["precision"] = "bf16"
    space.apply(prod)
    space.wait("the canary to end", lambda: space.names("deployments") == ["deployment.apps/chat"])
    assert set(pods(space, "chat")) == set(serving)


def test_dev_serves(space):
    space.apply(rendered("dev", space))
    space.ready("chat")
