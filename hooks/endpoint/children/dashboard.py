"""A dashboard for one endpoint, as a ConfigMap that Grafana's sidecar loads."""

import json
from collections.abc import Iterator

from aimlib.api.meta import Raw
from aimlib.naming import full_digest
from aimlib.telemetry.recording_rules import ALL_PRIORITIES
from hooks.endpoint.children.owner import Owner
from hooks.objects.config_map import config_map

PANELS = (
    ("Requests running", "sum({running}{{{now}}})", "short"),
    ("Requests waiting", "sum({waiting}{{{now}}})", "short"),
    ("KV cache in use", "avg({cache_usage}{{{now}}})", "percentunit"),
    ("Generated tokens per second", "sum(rate({generation_tokens}{{{pods}}}[5m]))", "short"),
    (
        "Time to first token, 95th percentile",
        "histogram_quantile(0.95, sum by (le) (rate({time_to_first_token}_bucket{{{pods}}}[5m])))",
        "s",
    ),
    (
        "End-to-end latency, 95th percentile",
        "histogram_quantile(0.95, sum by (le) (rate({end_to_end_latency}_bucket{{{pods}}}[5m])))",
        "s",
    ),
)
"""Title, query over the engine's metric names, and Grafana's unit."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UID_LENGTH = 40
"""Characters of the longest uid that Grafana takes."""
GENERATED = 58
"""Characters of a generated name before its random end; source: maxGeneratedNameLength in k8s.io/apiserver, names."""


def dashboard(owner: Owner) -> Raw | None:
    """A ConfigMap with one dashboard, where monitoring and its grafana part are enabled."""
    monitoring = owner.spec.monitoring
    if not (monitoring.enabled and monitoring.grafana.enabled):
        return None
    title = monitoring.grafana.dashboard or owner.name
    # Grafana knows a dashboard by its uid and has one of each title in a folder, and its sidecar one file of each name:
    # of the cluster, and not of a namespace.
    content = {
        "uid": full_digest("dashboard", owner.namespace, owner.name)[:UID_LENGTH],
        "title": f"{title} ({owner.namespace})",
        "tags": ["aim-engine"],
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [{"type": "datasource", "name": "datasource", "query": "prometheus"}]},
        "panels": list(_panels(owner)),
    }
    metadata = owner.metadata(f"{owner.child}-dashboard"[:253])
    labelled = {**metadata, "labels": {**owner.labels, "grafana_dashboard": "1"}}
    return config_map(labelled, {f"{owner.namespace}.{owner.child}.json": json.dumps(content, indent=2)})


def _panels(owner: Owner) -> Iterator[Raw]:
    # Not only the name and a hyphen: an endpoint whose name goes on from there has other pods.
    named = f"{owner.child}-"[:GENERATED] + "[a-z0-9]*-?[a-z0-9]{5}"
    pods = f'namespace="{owner.namespace}", pod=~"{named}"'
    for place, (title, query, unit) in enumerate(PANELS):
        # With priorities, SGLang has a gauge for each beside that of all.
        expr = query.format(pods=pods, now=f"{pods}, {ALL_PRIORITIES}", **owner.engine.metrics.model_dump())
        yield {
            "id": place + 1,
            "type": "timeseries",
            "title": title,
            "datasource": SOURCE,
            "gridPos": {"x": place % 2 * 12, "y": place // 2 * 8, "w": 12, "h": 8},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}},
            "targets": [{"refId": "A", "expr": expr}],
        }
