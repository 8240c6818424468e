"""Queries of a Prometheus: at a URL, or at a Service of the cluster through its API server."""

import json
import re
from collections.abc import Callable
from http import HTTPStatus

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from aimlib.telemetry.prometheus_query import PrometheusError, parse_vector
from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError

ANSWER_SECONDS = 60.0
"""Time for a query over weeks."""
MOST_ANSWER_BYTES = 16 << 20
URL_FORM = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
SERVICE_FORM = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9-]{1,63}):([a-z0-9-]{1,63})")


def query_prometheus(
    cluster: LiveCluster, place: str, query: str, parse: Callable[[bytes], list[object]] = parse_vector
) -> list[object]:
    """The series that an instant query returns. CommandError where there is no response that can be used."""
    try:
        if URL_FORM.fullmatch(place):
            return parse(_get(f"{place.rstrip('/')}/api/v1/query", query))
        if service := SERVICE_FORM.fullmatch(place):
            namespace, name, port = service.groups()
            path = f"/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy/api/v1/query"
            return parse(json.dumps(cluster.read(path, {"query": query})).encode())
    except PrometheusError as error:
        raise CommandError(f"Prometheus at {place} returned {error}", CLUSTER_ERROR_CODE) from error
    raise CommandError("--prometheus is a URL such as http://localhost:9090, or NAMESPACE/SERVICE:PORT of the cluster")


def _get(url: str, query: str) -> bytes:
    try:
        response = PoolManager(retries=False, timeout=Timeout(total=ANSWER_SECONDS)).request(
            "POST", url, fields={"query": query}, encode_multipart=False, preload_content=False
        )
        with response:
            body = bytes(response.read(MOST_ANSWER_BYTES))
    except HTTPError as error:
        raise CommandError(f"{url} cannot be reached: {error}", CLUSTER_ERROR_CODE) from error
    if response.status != HTTPStatus.OK:
        raise CommandError(f"{url} returned {response.status}", CLUSTER_ERROR_CODE)
    return body
