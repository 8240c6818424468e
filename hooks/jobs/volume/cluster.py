"""The cluster that a Job runs in: the reports of its cache, and the cache itself."""

import os
from collections.abc import Mapping
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.naming import child_name
from hooks.kube_client import connected, worded

MERGE = "application/merge-patch+json"
TIMEOUT = (3.0, 5.0)
"""Seconds to connect and to wait for an answer."""


class ClusterError(Exception):
    """The cluster did not do what was asked, in words."""


class Cluster:
    """One AIMCache of the pod's own namespace: POD_NAMESPACE, asked with KUBECONFIG or as the pod itself."""

    def __init__(self, cache: str) -> None:
        self.cache, self.namespace = cache, os.environ.get("POD_NAMESPACE", "default")
        self.reports = child_name(cache, "-state")
        self._client: Any = None

    def report(self, data: Mapping[str, str]) -> None:
        """Merge these keys into the cache's reports. ClusterError."""
        self._ask(
            lambda asked: client.CoreV1Api(asked).patch_namespaced_config_map(
                self.reports, self.namespace, {"data": dict(data)}, _content_type=MERGE, _request_timeout=TIMEOUT
            )
        )

    def found(self) -> Raw:
        """The AIMCache. ClusterError."""
        answer: Raw = self._ask(
            lambda asked: client.CustomObjectsApi(asked).get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, "aimcaches", self.cache, _request_timeout=TIMEOUT
            )
        )
        return answer

    def _ask(self, request: Any) -> Any:  # noqa: ANN401 - the client is not typed
        try:
            self._client = self._client or connected()
            return request(self._client)
        except config.ConfigException as error:
            raise ClusterError(f"no cluster is configured: {error}") from error
        except client.ApiException as error:
            raise ClusterError(worded(error)) from error
        except (HTTPError, OSError) as error:
            raise ClusterError(f"the API server cannot be reached: {error}") from error
