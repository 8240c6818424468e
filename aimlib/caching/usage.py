"""Records which endpoint uses which model of a cache: a label and an annotation on its Service.

A cache's related objects are the Services with its label. Of all children of an endpoint, the Service changes least and
is the smallest, so a thousand endpoints can share a cache without a megabyte per request at every change of a pod.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from aimlib.api import GROUP
from aimlib.api.meta import Raw
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.naming import child_name

USAGE_LABEL_PREFIX = f"cache.{GROUP}"
USAGE_ANNOTATION = f"{GROUP}/cached-models"


class Use(NamedTuple):
    """One model of one cache."""

    cache: str
    id: str
    revision: str = DEFAULT_REVISION


def usage_label(cache: str) -> str:
    """The key of the label by which a cache finds its users."""
    return f"{USAGE_LABEL_PREFIX}/{child_name(cache)}"


def usage_labels(uses: tuple[Use, ...]) -> dict[str, str]:
    """The labels of a Service whose endpoint uses these."""
    return {usage_label(one.cache): "used" for one in uses}


def usage_annotation(uses: tuple[Use, ...]) -> dict[str, str]:
    """The annotation of a Service whose endpoint uses these; none where there are none."""
    return {USAGE_ANNOTATION: json.dumps(sorted(set(uses)))} if uses else {}


def used_by(services: list[Raw], cache: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """The endpoints that use one cache, by id and revision of the model. Unreadable annotations are ignored."""
    users: dict[tuple[str, str], set[str]] = {}
    for service in services:
        metadata = service["metadata"]
        endpoint = next((one["name"] for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
        for use in uses(metadata):
            if use.cache == cache and endpoint:
                users.setdefault((use.id, use.revision), set()).add(endpoint)
    return {model: tuple(sorted(names)) for model, names in users.items()}


def uses(metadata: Raw) -> tuple[Use, ...]:
    """The uses in the annotation of an object; none where it is absent or unreadable."""
    try:
        found = json.loads((metadata.get("annotations") or {}).get(USAGE_ANNOTATION, "[]"))
        return tuple(Use(*map(str, one)) for one in found)
    except (TypeError, ValueError):
        return ()
