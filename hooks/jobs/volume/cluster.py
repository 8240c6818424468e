"""The client of a Job: reads its AIMCache, and writes its reports."""

import os
from collections.abc import Mapping
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from aimlib.api import GROUP, VERSION
from aimlib.api.meta import Raw
from aimlib.naming import child_name
from hooks.kube_client import ApiServerError, api_client, error_message

MERGE_CONTENT_TYPE = "application/merge-patch+json"
TIMEOUT = (3.0, 5.0)
"""Seconds to connect and to wait for a response."""


class ReportClient:
    """One ConfigMap of the pod's namespace, POD_NAMESPACE, by KUBECONFIG or the pod's service account."""

    def __init__(self, reports: str) -> None:
        self.reports, self.namespace = reports, os.environ.get("POD_NAMESPACE", "default")
        self._client: Any = None

    def report(self, data: Mapping[str, str]) -> None:
        """Merges these keys into the reports. ApiServerError."""
        self._request(
            lambda api: client.CoreV1Api(api).patch_namespaced_config_map(
                self.reports,
                self.namespace,
                {"data": dict(data)},
                _content_type=MERGE_CONTENT_TYPE,
                _request_timeout=TIMEOUT,
            )
        )

    def _request(self, request: Any) -> Any:  # noqa: ANN401 - the client is not typed
        try:
            self._client = self._client or api_client()
            return request(self._client)
        except config.ConfigException as error:
            raise ApiServerError(f"no cluster is configured: {error}") from error
        except client.ApiException as error:
            raise ApiServerError(error_message(error)) from error
        except (HTTPError, OSError) as error:
            raise ApiServerError(f"the API server cannot be reached: {error}") from error


class CacheClient(ReportClient):
    """One AIMCache of the namespace, and the ConfigMap of its reports."""

    def __init__(self, cache: str) -> None:
        super().__init__(child_name(cache, "-state"))
        self.cache = cache

    def read_cache(self) -> Raw:
        """Returns the AIMCache. ApiServerError."""
        cache: Raw = self._request(
            lambda api: client.CustomObjectsApi(api).get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, "aimcaches", self.cache, _request_timeout=TIMEOUT
            )
        )
        return cache
