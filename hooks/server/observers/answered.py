"""A question to the API server, from whose failure nothing is concluded: it is counted, and is a line of the log."""

from collections.abc import Callable
from typing import TypeVar

from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError

from aimlib.errors import AimError
from hooks.kube_client import error_message
from hooks.observability import metrics
from hooks.observability.logs import logger

_Found = TypeVar("_Found")


def answered(target: str, failure: str, ask: Callable[[], _Found], **facts: str) -> _Found | None:
    """What `ask` finds; None where the API server does not answer, or with what cannot be read.

    `target` is the observer's name in metrics; `failure` and `facts` are for the log.
    """
    try:
        found = ask()
    except (ApiException, ConfigException, HTTPError, OSError, ValueError, AimError) as error:
        metrics.OBSERVER_REQUESTS.labels(target, "failed").inc()
        logger().warning(failure, extra={"facts": {**facts, "error": error_message(error)}})
        return None
    metrics.OBSERVER_REQUESTS.labels(target, "succeeded").inc()
    return found
