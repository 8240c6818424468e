"""What of a gateway's spec cannot work, or has no effect, as its status tells it.

The policy aim-gateways says the same of a spec when it is applied; `tests/e2e/test_admission.py` compares them.
"""

from collections.abc import Callable, Iterator, Sequence

from aimlib.api.gateway import ClientLimit, GatewaySpec
from aimlib.api.route import HTTP_ROUTE
from aimlib.gateway.usage import USUAL_TOKENS
from hooks.objects.optional_kind import without_component

MOST_CLIENTS = 8
"""Most that one warning names."""


def gateway_warnings(spec: GatewaySpec, offers: Callable[[str], bool]) -> tuple[str, ...]:
    """A sentence for each."""
    return (*_of_spec(spec), *_of_cluster(spec, offers))


def _of_spec(spec: GatewaySpec) -> Iterator[str]:
    replicas, needed = spec.replicas, USUAL_TOKENS * spec.replicas
    few = [row for row in spec.clients.limits if (row.reserved_tokens_per_minute or needed) < needed]
    if few:
        yield (
            f"reservedTokensPerMinute of {_clients(few)} is below {needed}: requests that do not bound their answers "
            f"reserve {USUAL_TOKENS} in one of {replicas} replicas, and are refused"
        )
    split = [row for row in spec.clients.limits if (row.concurrent_requests or replicas) < replicas]
    if split:
        yield f"concurrentRequests of {_clients(split)} is below {replicas}: each of {replicas} replicas lets one in"
    waits = spec.holding.seconds if spec.holding.requests else 0
    for name, bound in (("seconds", spec.timeouts.seconds), ("idleSeconds", spec.timeouts.idle_seconds)):
        if 0 < bound < waits:
            yield f"holding.seconds {waits} is more than timeouts.{name} {bound}, after which a request is given up"


def _of_cluster(spec: GatewaySpec, offers: Callable[[str], bool]) -> Iterator[str]:
    if spec.parent_refs and not offers(HTTP_ROUTE):
        yield without_component("parentRefs", HTTP_ROUTE, "gateway-api")


def _clients(rows: Sequence[ClientLimit]) -> str:
    names = [row.client for row in rows]
    return ", ".join(names) if len(names) <= MOST_CLIENTS else f"{len(names)} clients"
