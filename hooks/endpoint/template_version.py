"""Which version of the pod template runs, by the pods' own record."""

import re

from aimlib import pod_template
from aimlib.api.meta import Raw
from aimlib.kube.server_kinds import pods_template
from aimlib.naming import TEMPLATE_ANNOTATION


def running_template(deployment: Raw) -> int:
    """The version of a Deployment's pod template, which outlives a status that is lost."""
    annotations = pods_template(deployment).get("metadata", {}).get("annotations") or {}
    written = annotations.get(TEMPLATE_ANNOTATION, "")
    return int(written) if re.fullmatch("[1-9][0-9]{0,5}", written) else pod_template.FIRST
