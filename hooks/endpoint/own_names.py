"""Nothing is used by name before it is observed as this endpoint's own: an object of that name may be another's.

Metacontroller sends the children that the endpoint owns, and no others. A Deployment that runs already stays as it was
last applied meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence

from aimlib.api.meta import Raw
from aimlib.kube.server_kinds import is_server, pods_template
from aimlib.protocol.last_applied import kept_child
from aimlib.protocol.observed import CLAIM, SERVICE, Children, ChildStates, find_child, find_server
from hooks.endpoint.children.compile_cache import compile_cache, compiled_in
from hooks.endpoint.children.deployment import held_deployment
from hooks.endpoint.children.device_claims import CLAIM_TEMPLATE, claim_template_name
from hooks.endpoint.children.held import HeldDeployment
from hooks.endpoint.children.owner import Owner

ACCOUNT = "ServiceAccount.v1"
USED_CHILDREN = {"HTTPRoute": "Service"}
"""A kind that is created once the child of the same name that it uses is observed; a Deployment has `used_names`."""


def used_names(owner: Owner) -> Iterator[tuple[str, str]]:
    """Kind and name of the children without which no pod is created.

    The Service of an endpoint with a cache records the use before there are pods (`aimlib.caching.usage`).
    """
    if owner.own_claim:
        yield CLAIM, owner.claim
    if compile_cache(owner):
        yield CLAIM, compiled_in(owner)
    if owner.account and owner.spec.security.service_account.create:
        yield ACCOUNT, owner.account
    if owner.cache:
        yield SERVICE, owner.child
    if template := claim_template_name(owner):
        yield CLAIM_TEMPLATE, template


def used_since(owner: Owner, children: Children) -> Iterator[str]:
    """When the children were created that pods use."""
    for used in used_names(owner):
        found = find_child(children, *used)
        if found and (created := found["metadata"].get("creationTimestamp")):
            yield str(created)


def held_until_owned(owner: Owner, children: Children) -> Owner:
    """The endpoint, with the Deployment that it has so far while what pods use is not its own."""
    if owner.hold or all(find_child(children, *used) for used in used_names(owner)):
        return owner
    running = find_server(children, owner.name, owner.track)
    return owner._replace(hold=_held(owner, running) if running else HeldDeployment(None))


def _held(owner: Owner, running: Raw) -> HeldDeployment:
    """The Deployment as it was last applied, with no more replicas than it has."""
    replicas = min(owner.replicas, running["spec"].get("replicas", 1))
    return held_deployment(owner, running, {**kept_child(running)["spec"], "replicas": replicas})


def accounts_in_use(desired: Sequence[Raw], accounts: Iterable[Raw]) -> list[Raw]:
    """The observed accounts that are not desired and that pods of the desired Deployment run as, as last applied.

    Without its account a held Deployment could not replace a pod.
    """
    made = {child["metadata"]["name"] for child in desired if child["kind"] == "ServiceAccount"}
    used = {pods_template(child)["spec"].get("serviceAccountName") for child in desired if is_server(child)}
    return [kept_child(one) for one in accounts if one["metadata"]["name"] in used - made]


def with_used_children(states: ChildStates) -> ChildStates:
    """The children without those that are not there yet and wait for the one that they use."""
    return {key: state for key, state in states.items() if state.observed or _is_ready(*key, states)}


def _is_ready(kind: str, name: str, states: ChildStates) -> bool:
    used = USED_CHILDREN.get(kind)
    return used is None or states[used, name].observed is not None
