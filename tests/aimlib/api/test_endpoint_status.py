"""The parts of an AIMEndpoint's status that are read again: bounded, since a tenant may edit them."""

import pytest
from pydantic import ValidationError

from aimlib.api.endpoint_status import Selection, UsedCache
from aimlib.api.history import HistoryEntry
from aimlib.api.room import MOST_FREE_COUNTS, MOST_FREE_KINDS, MOST_FULL, FreeCapacity, FreeHardware, FullHardware
from aimlib.api.startup import Startup

COUNTED = {"free": 8, "nodes": 1}
KIND = {"product": "MI300X", "resource": "amd.com/gpu", "nodes": [COUNTED]}
FREE = {"replicas": 2, "hardware": [KIND]}
FULL = {"product": "MI300X", "gpuCount": 1, "since": "2026-11-23T12:00:00Z", "message": "no room"}
SELECTED = {"decidedFor": "digest", "message": "selected", "considered": 1}
STARTS = {"p50Seconds": 1, "p90Seconds": 1, "count": 1, "parts": {}}
START = {"pod": "d97d96ea", "readyAt": "2026-11-23T12:00:00Z", "parts": {}}
ENTRY = {"number": 1, "id": "digest", "since": "2026-11-23T12:00:00Z", "why": "the first"}
CACHE = {"name": "models", "claimName": "models", "mountPath": "/models", "accessMode": "ReadWriteMany"}


@pytest.mark.parametrize(
    ("part", "most"),
    [
        (FreeCapacity, FREE | {"hardware": [KIND] * MOST_FREE_KINDS}),
        (FreeHardware, KIND | {"nodes": [COUNTED] * MOST_FREE_COUNTS}),
        (Selection, SELECTED | {"full": [FULL] * MOST_FULL}),
        (Startup, STARTS | {"last": [START], "node": "node-a.example.com"}),
        (HistoryEntry, ENTRY),
        (UsedCache, CACHE),
        (FullHardware, FULL | {"gpuCount": 64}),
    ],
)
def test_what_the_operator_writes_is_read(part, most):
    assert part.model_validate(most).wire().items() >= most.items()


@pytest.mark.parametrize(
    ("part", "stated", "words"),
    [
        (FreeCapacity, FREE | {"hardware": [KIND] * (MOST_FREE_KINDS + 1)}, "at most 32 items"),
        (FreeCapacity, FREE | {"replicas": 2**31}, "less than or equal"),
        (FreeHardware, KIND | {"nodes": [COUNTED] * (MOST_FREE_COUNTS + 1)}, "at most 1024 items"),
        (FreeHardware, KIND | {"nodes": [COUNTED | {"free": 10**4000}]}, "less than or equal"),
        (FreeHardware, KIND | {"nodes": [COUNTED | {"nodes": 2**31}]}, "less than or equal"),
        (FullHardware, FULL | {"gpuCount": 65}, "less than or equal"),
        (Selection, SELECTED | {"full": [FULL] * (MOST_FULL + 1)}, "at most 64 items"),
        (Selection, SELECTED | {"decidedFor": ""}, "at least 1 character"),
        (Startup, STARTS | {"node": "node a"}, "should match pattern"),
        (Startup, STARTS | {"node": "n" * 1024}, "at most 253 characters"),
        (Startup, STARTS | {"last": [START | {"pod": ""}]}, "at least 1 character"),
        (HistoryEntry, ENTRY | {"id": ""}, "at least 1 character"),
    ],
)
def test_what_it_never_writes_is_not_read(part, stated, words):
    with pytest.raises(ValidationError, match=words):
        part.model_validate(stated)
