"""The template of an endpoint's pods.

It depends on the spec, the resolved choice, the cache that was chosen and the operator's settings, and on nothing else:
a new release of the operator restarts no model server, and neither does what becomes of a cache.
"""

from aimlib.api.endpoint_parts import PodSecurityContext
from aimlib.api.meta import Raw
from aimlib.caching.choice import cache_uses
from aimlib.caching.usage import Use, usage_annotation
from aimlib.hardware.placement import node_selector
from aimlib.kube.quantity import canonical_quantity
from aimlib.naming import CACHE_LABEL, TEMPLATE_ANNOTATION, label_value
from hooks.endpoint.children.compile_cache import beside_others, compile_volumes
from hooks.endpoint.children.container import MODEL_VOLUME, PodPart, container
from hooks.endpoint.children.device_claims import pod_claims
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.children.placement import affinity, spread, tolerations
from hooks.objects.authorities import ca_volumes
from hooks.objects.shared_volume import pods_of

NAME = "app.kubernetes.io/name"
END_SECONDS = 30
"""Seconds that an engine has to end once it serves no more."""


def server_pod(owner: Owner, part: PodPart = PodPart.WHOLE) -> Raw:
    """The template of the pods that have a replica, or a part of one."""
    return {
        "metadata": {"labels": _pod_labels(owner), "annotations": _annotations(owner, part)},
        "spec": {
            "serviceAccountName": owner.account,
            "automountServiceAccountToken": False,
            # Else a Service named vllm sets VLLM_PORT to its URL, which the engine takes for its port.
            "enableServiceLinks": owner.since(2, value=False),
            "terminationGracePeriodSeconds": owner.since(2, owner.config.drain_seconds + END_SECONDS),
            "securityContext": _security(owner.spec.security.pod_security_context),
            "imagePullSecrets": [{"name": name} for name in owner.pull_secrets],
            "affinity": {**(affinity(owner.resolved, owner.former_node) or {}), **_together(owner)},
            "nodeSelector": node_selector(owner.config.node_selector, owner.spec.node_selector),
            "tolerations": tolerations(owner),
            "topologySpreadConstraints": spread(owner) if part is not PodPart.WORKER else [],
            "runtimeClassName": owner.runtime_class,
            "priorityClassName": owner.spec.priority_class_name,
            "schedulerName": owner.spec.scheduler_name,
            "containers": [container(owner, part)],
            "resourceClaims": pod_claims(owner),
            "volumes": [
                {
                    "name": "dshm",
                    "emptyDir": {
                        "medium": "Memory",
                        "sizeLimit": canonical_quantity(owner.config.shared_memory),
                    },
                },
                {"name": "model-cache", **_cache(owner)},
                *_source(owner),
                *compile_volumes(owner),
                *ca_volumes(owner.ca_bundle),
            ],
        },
    }


def _security(requested: PodSecurityContext) -> Raw:
    """Not as root where a user is stated, as the level `restricted` wants it; else the vendors' images run as root."""
    return {
        "runAsNonRoot": True if requested.run_as_user else None,
        "runAsUser": requested.run_as_user,
        "runAsGroup": requested.run_as_group,
        "fsGroup": requested.fs_group,
        "supplementalGroups": requested.supplemental_groups,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _cache(owner: Owner) -> Raw:
    if owner.cache:
        return {"persistentVolumeClaim": {"claimName": owner.cache.claim_name, "readOnly": True}}
    return {"persistentVolumeClaim": {"claimName": owner.claim}} if owner.spec.cache.enabled else {"emptyDir": {}}


def _source(owner: Owner) -> list[Raw]:
    """The volume of a model that is a folder on a claim, or in an image."""
    if owner.image:
        return [{"name": MODEL_VOLUME, "image": {"reference": owner.image.reference, "pullPolicy": "IfNotPresent"}}]
    if owner.source is None:
        return []
    return [{"name": MODEL_VOLUME, "persistentVolumeClaim": {"claimName": owner.source.name, "readOnly": True}}]


def _together(owner: Owner) -> Raw:
    """Affinity to the pods that share a volume which is on one node at a time, and rather to downloads to a cache.

    A download on a node that is not for this server holds it up for no longer than it runs. Required, it would for
    longer: the scheduler looks at a pod again when one appears that it is to be near to, not when one ends
    (kube-scheduler 1.37, interpodaffinity/plugin.go). A replica on several nodes cannot be on one.
    """
    if owner.resolved.nodes:
        return {}
    required, rather = beside_others(owner), []
    if owner.one_node and owner.cache:
        cache, servers = owner.cache.name, {NAME: owner.labels[NAME]}
        required = [pods_of(cache, **servers), *required]
        rather = [{"weight": 100, "podAffinityTerm": pods_of(cache)}]
    terms = {
        "requiredDuringSchedulingIgnoredDuringExecution": required,
        "preferredDuringSchedulingIgnoredDuringExecution": rather,
    }
    return {"podAffinity": {kind: some for kind, some in terms.items() if some}} if required else {}


def _pod_labels(owner: Owner) -> dict[str, str]:
    version, cache = owner.spec.requested_model.version, owner.cache
    return {
        **owner.spec.labels,
        **owner.labels,
        **owner.selector,
        **({"app.kubernetes.io/version": label_value(version)} if version else {}),
        **({CACHE_LABEL: label_value(cache.name)} if cache else {}),
    }


def _annotations(owner: Owner, part: PodPart) -> dict[str, str | None]:
    """Those of the pods; the version of their template outlives a status that is lost."""
    version = owner.since(2, str(owner.template_version))
    scraping = _scraping(owner) if part is not PodPart.WORKER else {}
    return {**owner.spec.annotations, TEMPLATE_ANNOTATION: version, **scraping, **_usage(owner)}


def _usage(owner: Owner) -> dict[str, str]:
    """What these pods use: as long as they run they record it, whatever is requested meanwhile."""
    cache = owner.cache
    if cache is None:
        return {}
    adapters = (Use(cache.name, one.repository, one.revision) for one in owner.adapters)
    return usage_annotation((*cache_uses(cache, *owner.resolved.repositories), *adapters))


def _scraping(owner: Owner) -> dict[str, str | None]:
    """The annotations that announce the pods to Prometheus."""
    monitoring = owner.spec.monitoring
    if not monitoring.scraped:
        return {}
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(owner.port),
        "prometheus.io/path": monitoring.prometheus.path,
        "prometheus.io/interval": monitoring.prometheus.interval,
    }
