"""The page of a simulated gateway pod: the agent's metrics and Envoy's, under the names of the real ones.

`tests/dataplane/test_gateway_usage.py` holds names and labels to the page of a real pod.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOLDER = 1
"""Every target has one more member, the agent that holds requests, which is always healthy."""


@dataclass(frozen=True)
class Use:
    """What one client asks of one model."""

    client: str
    model: str
    target: str
    """Namespace, endpoint and track, with slashes between."""
    requests: float
    """Per second, of all kinds."""
    prompt_tokens: int = 0
    generated_tokens: int = 0
    estimated: float = 0
    """The part of the requests whose answers have no usage."""
    refused: Mapping[str, float] = field(default_factory=dict)
    """The part of the requests that is answered with these codes, instead of with 200."""


Labels = tuple[tuple[str, str], ...]


class GatewayPage:
    """One pod of a gateway."""

    def __init__(self, uses: Sequence[Use], replicas: Mapping[str, int], *, shared_keys: int = 0) -> None:
        self.uses, self.replicas, self.shared_keys = uses, replicas, shared_keys
        self.load = 1.0
        """By how much there is more to do than usual."""
        self.held: dict[str, int] = dict.fromkeys(replicas, 0)
        self.counted: Counter[tuple[str, Labels]] = Counter()
        self.woken = 0.0
        """How often each model came."""

    def advance(self, seconds: float) -> None:
        """Count what came in that time; every ten minutes a model was not there, and came after a minute and a half."""
        self.woken += seconds / 600
        self.counted["aim_gateway_held_total", (("outcome", "answered"),)] += seconds / 60
        for use in self.uses:
            count = use.requests * self.load * seconds
            answered = count * (1 - sum(use.refused.values()))
            self._add(use, "requests", count - count * sum(use.refused.values()), code="200")
            for code, part in use.refused.items():
                self._add(use, "requests", count * part, code=code)
            for part, estimated in ((1 - use.estimated, "false"), (use.estimated, "true")):
                self._add(use, "prompt_tokens", answered * part * use.prompt_tokens, estimated=estimated)
                self._add(use, "generated_tokens", answered * part * use.generated_tokens, estimated=estimated)

    def _add(self, use: Use, name: str, value: float, **labels: str) -> None:
        if value:
            of = {"client": use.client, "model": use.model, "target": use.target, **labels}
            self.counted[f"envoy_aim_gateway_{name}", tuple(of.items())] += value

    def page(self) -> bytes:
        """What is scraped."""
        lines = [_line(name, dict(labels), int(value)) for (name, labels), value in self.counted.items()]
        for target, replicas in self.replicas.items():
            active = sum(use.requests * 3 for use in self.uses if use.target == target) * self.load
            of = {"envoy_cluster_name": target}
            lines.append(_line("envoy_cluster_upstream_rq_active", of, round(active) + self.held[target]))
            lines.append(_line("envoy_cluster_membership_healthy", of, replicas + HOLDER))
            lines.append(_line("aim_gateway_held_requests", {"target": target}, self.held[target]))
            for name, value in (("count", 1), ("sum", 90)):
                of_target = {"target": target}
                lines.append(_line(f"aim_gateway_first_token_seconds_{name}", of_target, value * int(self.woken)))
        lines += [_line("aim_gateway_input_usable", {"input": name}, 1) for name in ("table", "clients")]
        models, clients = ({getattr(use, name) for use in self.uses} - {"-"} for name in ("model", "client"))
        lines += [
            _line("aim_gateway_files_taken", {}, 1),
            _line("aim_gateway_models", {}, len(models)),
            _line("aim_gateway_clients", {}, len(clients)),
            _line("aim_gateway_shared_keys", {}, self.shared_keys),
            _line("envoy_server_memory_allocated", {}, round((40 + 30 * self.load) * 2**20)),
        ]
        return ("\n".join(lines) + "\n").encode()


def _line(name: str, labels: Mapping[str, str], value: int) -> str:
    of = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{of}}} {value}" if of else f"{name} {value}"
