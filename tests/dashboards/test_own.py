"""The dashboard that the hook makes for one endpoint: whose pods it shows."""

import re

import pytest

from tests.dashboards.grafana import read, targets
from tests.playing import play


def pods(name):
    """What the dashboard of an endpoint selects the label `pod` by."""
    spec = {"modelId": "Qwen/Qwen3-32B", "monitoring": {"enabled": True, "grafana": {"enabled": True}}}
    world = {"endpoint": {"metadata": {"name": name}, "spec": spec}, "recipes": ["qwen3-32b-mi300x-bf16"]}
    children = play("endpoint", "/endpoint/sync", {**world, "inventory": "mi300x"}).answer.said["children"]
    [deployment] = [one["metadata"]["name"] for one in children if one["kind"] == "Deployment"]
    [text] = [value for one in children if one["kind"] == "ConfigMap" for value in one["data"].values()]
    [selector] = {re.search(r'pod=~"([^"]*)"', one.expr)[1] for one in targets(read(text))}
    return deployment, re.compile(selector)


def generated(deployment, template):
    """A pod's name as the API server makes it of a Deployment's, by way of a ReplicaSet."""
    return f"{deployment}-{template}-"[:58] + "x2x4z"


@pytest.mark.parametrize("name", ["qwen", "a-b-c", "q" * 46, "q" * 47, "q" * 52, "q" * 57, "q" * 63, "q" * 200])
@pytest.mark.parametrize("template", ["5d9c", "7b8c9d6f54"])
def test_a_dashboard_shows_the_pods_of_its_endpoint(name, template):
    deployment, selector = pods(name)
    assert selector.fullmatch(generated(deployment, template))


@pytest.mark.parametrize("other", ["qwen-large", "qwen-2", "qwen2", "my-qwen"])
def test_a_dashboard_shows_no_pods_of_an_endpoint_whose_name_is_longer(other):
    _, selector = pods("qwen")
    assert not selector.fullmatch(generated(other, "7b8c9d6f54"))
