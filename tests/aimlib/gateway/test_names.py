"""Who has which name: properties over any endpoints, and what a record on a Service may not do."""

import json
from copy import deepcopy
from string import ascii_lowercase

from hypothesis import given
from hypothesis import strategies as st

from aimlib.gateway.names import MOST_SHARING, routed_digest, shared_names
from aimlib.gateway.routed import LONGEST_RECORD, Routed, RoutingRecord, pods_service, read_routed
from aimlib.gateway.table import ModelTable, Served, Target
from aimlib.naming import TRACKS
from tests.world import routed

NAMESPACES = ("own", "first", "second")
NAMES = ("chat", "large", "small")
MOMENTS = ("2026-11-22T11:00:00Z", "2026-11-23T11:00:00Z")


@st.composite
def claims(draw):
    """Endpoints with what they claim, each once."""
    places = draw(st.sets(st.tuples(st.sampled_from(NAMESPACES), st.sampled_from("abcdef")), max_size=12))
    found = []
    for namespace, endpoint in sorted(places):
        record = {
            "names": draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)),
            "weight": draw(st.none() | st.integers(0, 100)),
        }
        found.append(
            Routed(
                namespace=namespace,
                endpoint=endpoint,
                service=pods_service(endpoint),
                port=8000,
                created=draw(st.sampled_from(MOMENTS)),
                phase="Ready",
                labels={},
                record=RoutingRecord.model_validate(record),
            )
        )
    return found


def test_nobody_finds_another_endpoint_with_the_digest_of_one():
    assert 4 * len(routed_digest("team-a", "chat")) >= 128


@given(claims(), st.randoms())
def test_every_name_is_of_one_namespace_the_first_that_claims_it_whatever_the_order(found, random):
    shared = shared_names(found, NAMESPACES)
    for one in shared:
        claiming = {claim.namespace for claim in found if one.name in claim.record.names}
        having = {claim.endpoint[0] for claim in one.claims}
        assert having == {min(claiming, key=NAMESPACES.index)}
        everyone = [claim.endpoint for claim in (*one.claims, *one.refused)]
        assert sorted(everyone) == sorted(
            (claim.namespace, claim.endpoint) for claim in found if one.name in claim.record.names
        )
    mixed = list(found)
    random.shuffle(mixed)
    assert shared_names(mixed, NAMESPACES) == shared


@given(claims())
def test_several_share_a_name_only_where_each_states_a_weight(found):
    for one in shared_names(found, NAMESPACES):
        here = [claim for claim in (*one.claims, *one.refused) if claim.endpoint[0] == one.claims[0].endpoint[0]]
        if any(claim.weight is None for claim in here):
            assert one.claims == (min(here, key=lambda claim: claim.age),)
        else:
            assert len(one.claims) == min(len(here), MOST_SHARING)


@given(st.text(min_size=1, max_size=300), st.text(max_size=40), st.text(max_size=200))
def test_whatever_a_tenant_writes_is_read_as_a_target_or_not_at_all(owner, track, names):
    service = routed("team-a", "chat", {"names": ["chat"]})
    service["metadata"]["ownerReferences"][0]["name"] = owner
    service["metadata"]["name"] = pods_service(owner)
    notes = service["metadata"]["annotations"]
    for text in (notes["aim.engine.amd.com/routing"], f'{{"names": ["{names}"], "track": "{track}"}}', names):
        notes["aim.engine.amd.com/routing"] = notes["aim.engine.amd.com/endpoint-labels"] = text
        if found := read_routed(service):
            name = f"{found.namespace}/{found.endpoint}/{found.record.track}"
            assert Target(name=name, host=f"{found.service}.{found.namespace}.svc", port=found.port)


def test_a_service_of_another_controller_is_no_endpoints():
    service = routed("team-a", "chat", {"names": ["chat"]})
    [own] = service["metadata"]["ownerReferences"]
    others = [{**own, "kind": "AIMCache"}, {**own, "controller": False}]
    service["metadata"]["ownerReferences"] = others
    assert read_routed(service) is None
    service["metadata"]["ownerReferences"] = [*others, own]
    assert read_routed(service) is not None


def test_no_services_of_a_tenant_make_a_table_that_is_none():
    """Forged ones, for every letter as a track: a name has no more targets than a table takes."""
    records = {"weight": 1, "names": ["chat"], "mirror": 100}
    services = [
        routed("team-a", f"chat-{at}", {**records, "track": track})
        for at in range(MOST_SHARING + 4)
        for track in TRACKS
    ]
    for letter in set(ascii_lowercase) - set(TRACKS):
        forged = deepcopy(services[0])
        forged["metadata"]["name"] = pods_service("chat-0", letter)
        forged["metadata"]["annotations"]["aim.engine.amd.com/routing"] = json.dumps({**records, "track": letter})
        services.append(forged)
    found = [one for one in map(read_routed, services) if one]
    [shared] = shared_names(found, ["team-a"])
    targets = [
        Target(name=f"{one.namespace}/{one.endpoint}/{one.record.track}", host="a.svc", port=1)
        for claim in shared.claims
        for one in claim.tracks
    ]
    assert len(Served(name="chat", targets=tuple(targets)).targets) == MOST_SHARING * len(TRACKS)


def test_a_record_that_is_too_long_is_not_read():
    service = routed("team-a", "chat", {"names": ["chat"]})
    notes = service["metadata"]["annotations"]
    notes["aim.engine.amd.com/endpoint-labels"] = '{"a": "' + "x" * LONGEST_RECORD + '"}'
    assert read_routed(service).labels == {}
    notes["aim.engine.amd.com/routing"] += " " * LONGEST_RECORD
    assert read_routed(service) is None


def test_no_service_of_an_endpoint_has_the_name_of_another_ones():
    names = ["chat", "chat-pods", "chat-b", pods_service("chat"), pods_service("chat", "b")]
    made = [pods_service(name, track) for name in names for track in "ab"]
    assert len({*made, *names[:3]}) == len(made) + 3


def test_requests_for_a_name_of_one_track_alone_follow_that_track_and_no_other():
    def table(*names):
        targets = [{"name": f"team/chat/{name}", "host": "h", "port": 8000} for name in names]
        return ModelTable.model_validate({"models": [{"name": "chat", "targets": targets}]})

    assert table("a", "b-alone").target_or_successor("team/chat/b-alone").name == "team/chat/b-alone"
    assert table("a", "b").target_or_successor("team/chat/b-alone").name == "team/chat/b"
    assert table("a").target_or_successor("team/chat/b-alone") is None
    assert table("b").target_or_successor("team/chat/a").name == "team/chat/b"
