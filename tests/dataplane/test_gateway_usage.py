"""What clients use of a real gateway, as a real Prometheus records it by the shipped configuration."""

import re

import pytest

from aimlib.config import Config
from hooks.gateway_agent.first_tokens import METRIC
from hooks.server.app import create_app
from tests.dataplane import gateway, gateway_pod
from tests.dataplane.gateway_pod import GatewayPod
from tests.monitoring import targets
from tests.monitoring.gateways import GatewayPage, Use
from tests.monitoring.prometheus import scraping

KEYS = {"team-red": "key-of-red\n", "team-blue": "key-of-blue\n"}
MODEL, FREE = "small", "free"
SECONDS = 60
PRICES = {MODEL: {"prompt": 2, "generated": 8}}
HOLDER = {"host": "127.0.0.1", "port": gateway_pod.HOLD_PORT}
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)


@pytest.fixture(scope="module")
def pod(names, tmp_path_factory):
    """A pod of a gateway before two models, of which one has a price."""
    with gateway.engines(names, tmp_path_factory.mktemp("engines")) as engines:
        for name in (MODEL, FREE):
            engines.add(f"{name}-pods", name, 1)
        targets_of = {name: [engines.target(f"{name}-pods", fallback=HOLDER)] for name in (MODEL, FREE)}
        served = [{"name": name, "targets": of} for name, of in targets_of.items()]
        with gateway_pod.pod(tmp_path_factory.mktemp("pod"), {"models": served}, KEYS) as made:
            made.process.wait_until(lambda: made.chat(MODEL).status_code == 200, SECONDS)
            yield made


class PodPage:
    """The page of the real pod."""

    def __init__(self, pod: GatewayPod) -> None:
        self.pod = pod

    def advance(self, seconds: float) -> None:
        """Nothing of ours to move."""

    def page(self) -> bytes:
        """What is scraped."""
        return (self.pod.page("/metrics") or "").encode()


class Prices:
    """The page of a hook server with prices in its settings."""

    def __init__(self) -> None:
        self.client = create_app(Config.model_validate({"tokenPrices": PRICES})).test_client()

    def advance(self, seconds: float) -> None:
        """Nothing of ours to move."""

    def page(self) -> bytes:
        """What is scraped."""
        return self.client.get("/metrics").data


def shapes(page):
    """The labels of each metric of a page."""
    return {(name, *sorted(re.findall(r'(\w+)="', labels))) for name, labels in SAMPLE.findall(page)}


def test_the_simulated_page_has_the_names_and_labels_of_the_real_one(pod):
    for body in ({}, {"stream": True}):
        assert pod.chat(MODEL, **body).status_code == 200
    target = "team-a/small-pods/a"
    use = Use("team-red", MODEL, target, 1, 10, 10, estimated=0.5, refused={"429": 0.1})
    simulated = GatewayPage([use], {target: 1})
    simulated.advance(60)
    # Nothing was held here: what counts that has no labels yet.
    of_held = (METRIC, "aim_gateway_held_total")
    wanted = {shape for shape in shapes(simulated.page().decode()) if not shape[0].startswith(of_held)}
    page = pod.page("/metrics")
    assert f"# TYPE {METRIC} histogram" in page
    assert "# TYPE aim_gateway_held_total counter" in page
    assert len(wanted) > 8
    missing = lambda: wanted - shapes(pod.page("/metrics"))  # noqa: E731
    pod.process.wait_until(lambda: len(missing()) == 0, SECONDS)


def test_tokens_of_the_day_and_their_cost_are_recorded(pod, tmp_path):
    every = [("key-of-red", MODEL, {}), ("key-of-blue", MODEL, {"stream": True}), ("key-of-red", FREE, {})]
    send = lambda: {pod.chat(name, "one two three", key=key, **body).status_code for key, name, body in every}  # noqa: E731
    assert send() == {200}  # a counter has to be there before it can increase
    scraped = [targets.gateway_pod("team-a", "models", "models-0", PodPage(pod))]
    scraped.append(targets.own_pod("aim-hooks", "https", Prices()))
    with scraping(scraped, tmp_path) as (prometheus, _):
        counted = 'sum(envoy_aim_gateway_requests{aimgateway="models",code="200"})'
        prometheus.wait_for(lambda: prometheus.query(counted), SECONDS)
        before = prometheus.value(counted)
        assert [send() for _ in range(10)] == [{200}] * 10
        prometheus.wait_for(lambda: prometheus.value(counted) == before + 30, SECONDS)
        names = {kind: f"aim:gateway_{kind}:increase1d" for kind in ("prompt_tokens", "generated_tokens", "cost")}

        def recorded(kind):
            return {
                (one["metric"]["client"], one["metric"]["model"]): float(one["value"][1])
                for one in prometheus.query(names[kind])
            }

        # Prometheus extrapolates to the edges of what it has seen, which here is seconds: the longer, the less.
        nearly = lambda found: found == pytest.approx(dict.fromkeys(found, 190), rel=0.1)  # noqa: E731
        prometheus.wait_for(lambda: recorded("cost") and nearly(recorded("generated_tokens")), SECONDS)
        prompt, generated, cost = (recorded(kind) for kind in names)
        assert generated.keys() == {("team-red", MODEL), ("team-blue", MODEL), ("team-red", FREE)}
        assert prompt["team-red", MODEL] == pytest.approx(30, rel=0.15)
        assert prompt["team-blue", MODEL] > 100, "estimated by the bytes of the request"
        assert cost.keys() == {("team-red", MODEL), ("team-blue", MODEL)}, "what has no price costs nothing"
        for of, price in cost.items():
            assert price == pytest.approx((2 * prompt[of] + 8 * generated[of]) / 1_000_000, rel=0.1)
