"""Any cache: its spec, what its Jobs have reported and how they are, who uses it, and its claim."""

import json

from hypothesis import strategies as st

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES
from aimlib.caching.job_reports import model_key, patterns_key
from aimlib.kube.quantity import GIB, canonical_quantity
from tests.aimlib.strategies import mostly

KNOWN = "Qwen/Qwen3-32B"
"""The model that a recipe loads: 61 GiB."""
IDS = [KNOWN, "example/a", "example/b", "Example/" + "x" * 200]
REVISIONS = ["main", "v1", "feature/x"]
NAMES = ["models", "m", "x.y.z", "9lives", "n" * 63, "n" * 253, "-".join(["models"] * 8)]
PATTERNS = [(), ("*.json",), ("*.json", "*.safetensors")]
SIZES = ["1Gi", "100Gi", "1Ti", "1500M", "0.5Gi"]

models = st.fixed_dictionaries(
    {"id": st.sampled_from(IDS)},
    optional={
        "revision": mostly(*REVISIONS),
        "include": mostly(*PATTERNS),
        "exclude": st.sampled_from(PATTERNS),
        "maxSize": mostly("2Ti", "70Gi", "1Gi"),
        "preload": st.booleans(),
        "priority": st.sampled_from(["high", "medium", "low"]),
        "retention": st.sampled_from(["0s", "30d", "99999999w"]),
    },
)
cleanups = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "schedule": st.sampled_from(["@daily", "*/5 * * * *", "0 0 31 2 *", "0 0 ? * sun", "59-1 * * * *"]),
        "strategy": st.sampled_from(["lru", "age", "none"]),
        "maxAge": st.sampled_from(["0s", "30d", "99999999w"]),
        "minFreeSpace": st.sampled_from(SIZES),
    },
)
own = st.fixed_dictionaries(
    {"size": mostly("4Ti", *SIZES)},
    optional={
        "storageClass": st.sampled_from(["standard", "fast", "gone"]),
        "accessMode": st.sampled_from(["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]),
        "mountPath": st.just("/models"),
    },
)
sizeless = own.map(lambda storage: {key: value for key, value in storage.items() if key != "size"})
existing = st.fixed_dictionaries(
    {"existingClaim": st.sampled_from(["mine", "gone"])},
    optional={"accessMode": st.sampled_from(["ReadWriteOnce", "ReadWriteMany"])},
)
hubs = st.fixed_dictionaries(
    {}, optional={"offline": st.booleans(), "endpoint": st.just("https://hub"), "proxy": st.just({"http": "http://p"})}
)
listed = st.lists(models, max_size=4, unique_by=lambda one: one["id"])
specs = st.one_of(
    st.fixed_dictionaries({"storage": own | existing, "models": listed}, optional={"cleanup": cleanups, "hub": hubs}),
    st.fixed_dictionaries(
        {"models": listed.filter(bool)}, optional={"storage": sizeless, "cleanup": cleanups, "hub": hubs}
    ),
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
"""Any JSON."""
wrong = st.builds(
    lambda spec, part, key, value: {**spec, part: {**spec.get(part, {}), key: value} if key else value},
    specs,
    st.sampled_from(["storage", "cleanup", "hub", "download", "modelId", "size"]),
    st.sampled_from([None, "size", "existingClaim", "schedule", "maxAge", "tokenSecret", "proxy", "maxWorkers"]),
    values,
)
"""Specs that are right but for one field, usually."""

times = st.sampled_from(["2026-11-23T11:00:00Z", "2026-09-01T00:00:00Z", "2020-01-01T00:00:00+02:00"])
amounts = st.sampled_from([0, 1, GIB - 1, 61 * GIB, 61 * GIB + 1, 2**63 - 1]) | st.integers(0, 200 * GIB)
reports = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*IDS, "example/other"]),
        "revision": mostly(*REVISIONS),
        "state": st.sampled_from(["Downloading", "Verifying", "Ready", "Ready", "Failed", "Removed"]),
    },
    optional={
        "done": amounts,
        "total": amounts,
        "files": st.integers(0, 2**31),
        "commit": st.just("a" * 40),
        "reason": st.sampled_from([*DOWNLOAD_OUTCOMES, "Strange"]),
        "message": st.text(max_size=8) | st.just("m" * 4096),
        "patterns": st.sampled_from([patterns_key((), None), patterns_key(("*.json",), None)]),
        "cachedAt": times,
        "lastUsed": times,
    },
)
volumes = st.fixed_dictionaries({"total": amounts, "used": amounts, "available": amounts})
removed = st.fixed_dictionaries(
    {"id": st.sampled_from(IDS), "revision": st.just("main"), "bytes": amounts, "why": st.just("old")}
)
clean_ups = st.fixed_dictionaries(
    {"ended": times}, optional={"removed": st.lists(removed, max_size=2), "message": st.text(max_size=8)}
)
damaged = st.builds(
    lambda report, key, value: json.dumps({**report, key: value}),
    reports,
    st.sampled_from(["id", "revision", "state", "done", "total", "commit", "reason", "message", "cachedAt", "x"]),
    values | st.sampled_from(["", "x" * 5000, "2026-02-31T00:00:00Z", "a\x00b", -1, 2**70]),
)
keys = st.sampled_from(["volume", "cleanup", "other", *(model_key(one, "main") for one in IDS)])
texts = st.dictionaries(keys, st.text(max_size=20) | values.map(json.dumps) | damaged, max_size=3)
"""What is no report, or nearly one."""
states = st.fixed_dictionaries(
    {},
    optional={
        "models": st.lists(reports, max_size=4, unique_by=lambda one: (one["id"], one["revision"])),
        "volume": volumes,
        "cleanup": clean_ups,
        "texts": texts,
    },
)

users = st.dictionaries(
    st.sampled_from(["chat", "bot"]),
    st.lists(st.tuples(st.sampled_from(IDS), mostly(*REVISIONS)).map(list), max_size=2),
)
ENDED = [
    {"type": "Complete", "status": "True"},
    {"type": "Failed", "status": "True", "message": "Container download for pod x failed with exit code 42 matching"},
    {"type": "Failed", "status": "True", "message": "Container download for pod x failed with exit code 46 matching"},
    {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"},
    {"type": "Failed", "status": "True"},
    {"type": "Suspended", "status": "False"},
]
jobs = st.one_of(
    st.sampled_from(["missing", {}, {"metadata": {"deletionTimestamp": "2026-11-23T11:59:00Z"}}]),
    st.sampled_from(ENDED).map(lambda one: {"status": {"conditions": [one]}}),
)
claimed = st.one_of(
    st.sampled_from(["missing", {}, {"metadata": {"deletionTimestamp": "2026-11-23T11:59:00Z"}}]),
    st.builds(
        lambda phase, size, found: {
            "status": {"phase": phase},
            "spec": {"resources": {"requests": {"storage": canonical_quantity(size)}}, "storageClassName": found},
        },
        st.sampled_from(["Bound", "Pending", "Lost"]),
        st.sampled_from(SIZES),
        st.sampled_from(["standard", "fast", "gone"]),
    ),
)
observed = st.fixed_dictionaries(
    {}, optional={"Job": st.just("missing") | jobs, "PersistentVolumeClaim": claimed, "ConfigMap": jobs}
)
classes = st.sampled_from([{}, {"fast": {"allowVolumeExpansion": True}}])
claims = st.sampled_from(
    [{}, {"mine": {"spec": {"resources": {"requests": {"storage": "80Gi"}}}, "status": {"phase": "Bound"}}}]
)
parents = st.builds(
    lambda name, spec, going: {
        "metadata": {"name": name, **({"deletionTimestamp": "2026-11-23T11:59:00Z"} if going else {})},
        "spec": spec,
    },
    st.sampled_from(NAMES),
    specs,
    st.booleans(),
)
worlds = st.fixed_dictionaries(
    {
        "cache": parents,
        "recipes": st.sampled_from([[], ["qwen3-32b-mi300x-bf16"]]),
        "state": states,
        "observed": observed,
        "users": users,
        "claims": claims,
    },
    optional={"classes": classes, "written": st.just({"storage": {"pvcUid": "another"}})},
)

crowded = st.builds(
    lambda world, models, strategy: {
        **world,
        "cache": {
            "spec": {
                "size": "4Ti",
                "models": [{key: value for key, value in one.items() if key == "id"} for one in models],
                "cleanup": {"enabled": True, "minFreeSpace": "4Ti", "strategy": strategy},
            }
        },
        "state": {
            "models": [{"id": one["id"], "state": "Ready", "done": GIB, "total": GIB} for one in models],
            "volume": {"total": 4096 * GIB, "used": 4096 * GIB, "available": 0},
        },
    },
    st.fixed_dictionaries({"users": users}),
    listed,
    st.sampled_from(["lru", "age"]),
)
"""Caches that are full, and are to be cleaned up until nothing is left."""
