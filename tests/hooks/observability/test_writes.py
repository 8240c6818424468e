"""Whether a response makes Metacontroller write: a child counts as observed where it has all that is desired."""

import pytest

from aimlib.protocol.metacontroller import Request
from hooks.observability.writes import writes_nothing

STATUS = {"phase": "Ready", "conditions": [{"type": "Ready", "status": "True"}]}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "chat", "labels": {"a": "b"}}}
PORTS = {"spec": {"ports": [{"port": 80}]}}
DESIRED = {**SERVICE, **PORTS}
STORED = {**SERVICE, "metadata": {**SERVICE["metadata"], "uid": "x"}, "spec": {"ports": [{"port": 80, "nodePort": 1}]}}


def request(status=None, *children):
    """A request with these children observed."""
    parent = {"metadata": {"name": "chat"}, "status": status}
    return Request(parent, {"Service.v1": {f"team-a/{one['metadata']['name']}": one for one in children}}, {})


@pytest.mark.parametrize(
    ("asked", "response", "quiet"),
    [
        (request({**STATUS, "observedGeneration": 3}, STORED), {"status": STATUS, "children": [DESIRED]}, True),
        (request(STATUS, DESIRED), {"status": STATUS, "children": [DESIRED]}, True),
        (request(STATUS), {"status": STATUS, "children": [DESIRED]}, False),
        (
            request(STATUS, {**STORED, "spec": {"ports": [{"port": 81}]}}),
            {"status": STATUS, "children": [DESIRED]},
            False,
        ),
        (request(STATUS, {**STORED, "spec": {"ports": []}}), {"status": STATUS, "children": [DESIRED]}, False),
        (request(STATUS, {**STORED, "spec": {"ports": "odd"}}), {"status": STATUS, "children": [DESIRED]}, False),
        (request(STATUS, {**STORED, "spec": None}), {"status": STATUS, "children": [DESIRED]}, False),
        (request({**STATUS, "phase": "Failed"}), {"status": STATUS}, False),
        (request(None), {"status": STATUS}, False),
        (request("odd"), {"status": {}}, True),
        (request(STATUS), {"status": None, "attachments": []}, True),
        (request(None), {"attachments": [DESIRED]}, False),
        (request(None, STORED), {"attachments": [DESIRED]}, True),
        (request(None), {"relatedResources": []}, True),
        (request(STATUS, STORED), {"status": STATUS}, True),
        (request(STATUS, STORED), {"status": STATUS, "children": []}, False),
    ],
)
def test_nothing_is_written_where_everything_is_observed_as_it_is_returned(asked, response, quiet):
    assert writes_nothing(asked, response) is quiet
