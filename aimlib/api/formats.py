"""The formats of texts in the API: for each the pattern and length in the CRD, its parser, and the message.

A pattern means the same to the API server (RE2), to pydantic (Rust) and to Python: it has no class for digits or
blanks, which differ in size, and no dot that matches anything. The first two match in linear time.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from pydantic import Field

from aimlib.api.cron import OWN_CRON_FORM
from aimlib.kube.duration import parse_duration, parse_latency
from aimlib.kube.quantity import parse_quantity


class TextFormat(NamedTuple):
    """One format."""

    pattern: str
    longest: int
    message: str
    """What a text must be, with an example."""
    parse: Callable[[str], object] = str
    """Reads a text of this pattern and length; ValueError where the pattern cannot tell."""
    shortest: int | None = None

    def matches(self, text: str) -> bool:
        """Whether a text has the pattern and is not too long; its parser is not asked."""
        return len(text) <= self.longest and re.fullmatch(self.pattern, text) is not None

    @property
    def field(self) -> Any:  # noqa: ANN401 - as pydantic types it
        """The constraints of a field with this format."""
        return Field(min_length=self.shortest, max_length=self.longest, pattern=self.pattern)


_FRACTION = r"(\.[0-9]+)?"
_MANTISSAS = (
    ("[0-9]{1,18}", "m?"),
    ("[0-9]{1,15}", "(k|Ki)"),
    ("[0-9]{1,12}", "Mi?"),
    ("[0-9]{1,9}", "Gi?"),
    ("[0-9]{1,6}", "Ti?"),
    ("[0-9]{1,3}", "Pi?"),
    ("[0-8]", "E"),
    ("[0-7]", "Ei"),
    ("[0-9]{1,6}", "[eE]([+]?(0?[0-9]|1[0-2])|-0?[0-9])"),
)
"""Whole digits and suffix of quantities below 2**63. From there on the API server stores another number than it got."""

_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_HOST = r"([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:]{2,39}\])"
_REVISION_SEGMENT = r"[A-Za-z0-9_+=@#,][A-Za-z0-9._+=@#,-]*"


def _parse_url(text: str) -> str:
    """The URL itself; ValueError where it has a port or an IPv6 address that does not exist."""
    port, address = re.search(r"^[^/]+//[^/?#]*:([0-9]+)(?![^/?#])", text), re.search(r"^[^/]+//[^/?#]*\[(.*?)\]", text)
    if port and not 0 < int(port[1]) < 2**16:
        raise ValueError(f"port {port[1]} does not exist")
    if address:
        ip_address(address[1])
    return text


QUANTITY = TextFormat(
    f"^({'|'.join(f'{digits}{_FRACTION}{suffix}' for digits, suffix in _MANTISSAS)})$",
    32,
    "must be a quantity such as 500m, 16 or 64Gi, and below 8Ei",
    parse_quantity,
)
STORED_QUANTITY = TextFormat(
    r"^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3}|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$",
    64,
    "must be a quantity such as 500m, 16 or 64Gi",
    parse_quantity,
)
"""What statuses have: quantities of other objects, and of earlier releases."""
DURATION = TextFormat(r"^[0-9]{1,8}[smhdw]$", 16, "must be a length of time such as 30d or 12h", parse_duration)
LATENCY = TextFormat(
    "^[1-9][0-9]{0,5}(ms|s)$", 8, "must be a length of time above 0, such as 500ms or 2s", parse_latency
)
OBJECT_NAME = TextFormat(f"^{_SUBDOMAIN}$", 253, "must be a name of lower case letters, digits, - and .", shortest=1)
OPTIONAL_NAME = TextFormat(f"^({_SUBDOMAIN})?$", 253, "must be a name of lower case letters, digits, - and .")
NAMESPACE = TextFormat(f"^{_LABEL}$", 63, "must be a name of lower case letters, digits and -", shortest=1)
OBJECT_KEY = TextFormat("^[-._a-zA-Z0-9]+$", 253, "must be a key of letters, digits, -, _ and .", shortest=1)
MODEL_ID = TextFormat(
    "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$",
    256,
    "must be a model id such as Qwen/Qwen3-32B",
    shortest=1,
)
"""It is a part of URLs, and lists of an administrator go by its beginning: no segment is empty or relative."""
ADAPTER_NAME = TextFormat(
    "^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)?$",
    63,
    "must be a name such as sql or acme/sql",
    shortest=1,
)
"""Short, since a Service's annotation has all names of an endpoint."""
USABLE_MODEL = TextFormat(
    rf"^(\*|{MODEL_ID.pattern[1:-1]})$", 256, "must be a name of a model, or * for all of them", shortest=1
)
GATEWAY_CLIENT = TextFormat(
    r"^([-._a-zA-Z0-9]+|\*)$", 253, "must be a key of the Secret, or * for all others", shortest=1
)
REVISION = TextFormat(
    f"^[A-Za-z0-9][A-Za-z0-9._+=@#,-]*(/{_REVISION_SEGMENT})*$", 128, "must be a branch, tag or commit", shortest=1
)
URL = TextFormat(
    rf"^https?://([A-Za-z0-9._~%!$&'()*+,;=:-]+@)?{_HOST}(:[0-9]{{1,5}})?([/?#][!#-;=?-Z_a-z~\[\]]*)?$",
    512,
    "must be a URL such as https://hub.example.com",
    _parse_url,
)
HOSTNAME = TextFormat(rf"^(\*\.)?{_SUBDOMAIN}$", 253, "must be a host name such as chat.example.com", shortest=1)
ORIGIN = TextFormat(
    rf"^https?://{_HOST}(:[0-9]{{1,5}})?$", 270, "must be an origin such as https://chat.example.com, without a path"
)
ROUTE_PATH = TextFormat(rf"^/({_SEGMENT}(/{_SEGMENT})*)?$", 256, "must be a path such as /chat")
"""Narrower than what Gateway API takes: no escapes, no empty or relative segment, no slash at the end."""
ROUTE_DURATION = TextFormat("^([0-9]{1,5}(h|m|s|ms)){1,4}$", 32, "must be a length of time such as 90s or 1h")
"""GEP-2257, the durations of Gateway API."""
SCRAPE_INTERVAL = TextFormat("^([0-9]+(ms|s|m|h))+$", 16, "must be a length of time such as 30s")
CONTAINER_PATH = TextFormat(
    "^/[ -9;-~]*$", 256, "must be a path such as /models, without : and characters beyond ASCII"
)
HTTP_PATH = TextFormat("^/[!-~]*$", 256, "must be a path such as /metrics")
FILE_PATTERN = TextFormat(r"^[^\x00-\x1f\x7f]+$", 256, "must be a pattern such as *.safetensors", shortest=1)
REPOSITORY = TextFormat(
    r"^[a-zA-Z0-9.-]+(:[0-9]+/)?[a-zA-Z0-9._/-]*$",
    512,
    "must be a repository without tag, such as docker.io/vllm/vllm-openai",
)
TAG = TextFormat("^[A-Za-z0-9_][A-Za-z0-9_.-]*$", 128, "must be a tag such as v0.33.0")
_FOLDER = r"(/[A-Za-z0-9_+=@,-][A-Za-z0-9._+=@,-]*)*/?"
"""A path below a root, of which no segment is relative or hidden."""
IMAGE_FOLDER = TextFormat(
    r"^([A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?$", 256, "must be a folder such as models/chat"
)
_SERVER_SOURCES = (
    rf"oci://{_HOST}(:[1-9][0-9]{{0,4}})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
    "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
    "|mlflow://[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9_-]+|/[1-9][0-9]{0,9})"
    rf"|s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]{_FOLDER}"
)
MODEL_SOURCE = TextFormat(
    r"^(hf://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?"
    f"(@[A-Za-z0-9][A-Za-z0-9._+=#,-]*(/{_REVISION_SEGMENT})*)?"
    rf"|{_SERVER_SOURCES}|pvc://{_SUBDOMAIN}{_FOLDER})$",
    512,
    "must be a source such as hf://Qwen/Qwen3-32B@main, s3://bucket/folder, oci://registry/repository:tag, "
    "mlflow://name@alias, mlflow://name/3 or pvc://claim/folder",
)
REPOSITORY_OR_SERVER = TextFormat(
    rf"^({MODEL_ID.pattern[1:-1]}|{_SERVER_SOURCES})$",
    512,
    "must be a repository such as Qwen/Qwen3-32B-AWQ, or a source such as s3://bucket/folder, "
    "oci://registry/repository:tag, mlflow://name@alias or mlflow://name/3",
)
SERVICE_URL = TextFormat(
    rf"^https?://{_HOST}(:[1-9][0-9]{{0,4}})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$",
    512,
    "must be a URL such as https://s3.example.com, without user and query",
)
REGION = TextFormat("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", 64, "must be a region such as us-east-1", shortest=1)
DIGEST = TextFormat("^sha256:[0-9a-f]{64}$", 71, "must be a digest such as sha256:9f86d0..., of 64 digits")
ROUTED_DIGEST = TextFormat("^[0-9a-f]{32}$", 32, "must be a digest of 32 digits")
LABEL_VALUE = TextFormat(
    "^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$", 63, "must be a value of a label: letters, digits, -, _ and ."
)
LABEL_KEY = TextFormat(
    rf"^({_SUBDOMAIN}/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?$", 317, "must be a key such as example.com/pool"
)
CRON = TextFormat(
    OWN_CRON_FORM,
    128,
    "must be in cron format: minute, hour, day of the month, month and day of the week, such as 0 8 * * 1-5, or a name "
    "such as @daily",
)
TIME_ZONE = TextFormat(
    "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", 64, "must be a time zone such as Europe/Berlin", shortest=1
)
DEVICE_ATTRIBUTE = TextFormat(
    "^[A-Za-z0-9]([A-Za-z0-9 ._+:()-]*[A-Za-z0-9)])?$",
    64,
    "must be a name of a device, such as AMD_Instinct_MI300X_OAM: letters, digits, blanks and ._+:()-",
    shortest=1,
)
"""Without quotes and backslashes: it becomes a text in an expression of CEL."""
VARIABLE = TextFormat("^[A-Za-z_][A-Za-z0-9_]*$", 253, "must be the name of a variable: letters, digits and _")

FORMATS = (
    *(QUANTITY, STORED_QUANTITY, DURATION, OBJECT_NAME, OPTIONAL_NAME, NAMESPACE, OBJECT_KEY, MODEL_ID, REVISION, URL),
    *(HOSTNAME, ROUTE_PATH, ROUTE_DURATION, SCRAPE_INTERVAL, CONTAINER_PATH, HTTP_PATH, FILE_PATTERN, REPOSITORY, TAG),
    *(DIGEST, LABEL_VALUE, LABEL_KEY, VARIABLE, LATENCY, MODEL_SOURCE, REPOSITORY_OR_SERVER, SERVICE_URL, REGION),
    *(USABLE_MODEL, GATEWAY_CLIENT, ORIGIN, IMAGE_FOLDER, ROUTED_DIGEST, TIME_ZONE, CRON, ADAPTER_NAME),
    DEVICE_ATTRIBUTE,
)
