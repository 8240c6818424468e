"""Admission webhooks: parses the request of an AdmissionReview, and builds the response.

admission.k8s.io/v1: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.meta import Raw
from aimlib.protocol.metacontroller import BadRequestError

ADMISSION_API = "admission.k8s.io/v1"
OPERATIONS = ("CREATE", "UPDATE")
WARNING_LENGTH = 1024
"""Characters of one warning."""
WARNINGS_LENGTH = 3072
"""Characters of all warnings. Above 4,096, those of others included, the API server cuts each one after 256
(k8s.io/apiserver, pkg/endpoints/filters/warning.go); the rest is left for the warnings of policies."""
MESSAGE_LENGTH = 4096
"""Characters of the message of a refusal, as many as status.message may have."""


class AdmissionRequest(NamedTuple):
    """A request for admission: the AIMEndpoint to be stored, and the one that is stored."""

    uid: str
    """Uid of the request, which the response repeats."""
    object: Raw
    old: Raw | None
    """The stored object; None when the object is created."""

    @property
    def deleting(self) -> bool:
        """Whether the object is being deleted, so that only its finalizers change."""
        return bool(self.object["metadata"].get("deletionTimestamp"))


class AdmissionResponse(NamedTuple):
    """The result for one request: admitted, with or without warnings and a patch, or refused."""

    verdict: str
    """The result in one word, for metrics and the log."""
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    """Why the request is refused; empty when it is admitted."""
    patch: tuple[Raw, ...] = ()
    """Operations of a JSON patch (RFC 6902)."""


def parse_review(body: Any) -> AdmissionRequest:  # noqa: ANN401 - whatever was sent
    """The request in parsed JSON; BadRequestError where it is not an AdmissionReview of an AIMEndpoint."""
    request = body.get("request") if isinstance(body, Mapping) else None
    if not isinstance(request, Mapping) or (body.get("apiVersion"), body.get("kind")) != (
        ADMISSION_API,
        "AdmissionReview",
    ):
        raise BadRequestError(f"the body is not an AdmissionReview of {ADMISSION_API} with a request")
    uid, operation = request.get("uid"), request.get("operation")
    if not isinstance(uid, str) or not uid:
        raise BadRequestError("the body has a request without uid")
    if operation not in OPERATIONS:
        raise BadRequestError(f"the body is about the operation {operation!r}, and must be about CREATE or UPDATE")
    found = _endpoint(request.get("object"), "object")
    return AdmissionRequest(
        uid, found, _endpoint(request.get("oldObject"), "oldObject") if operation == "UPDATE" else None
    )


def _endpoint(raw: Any, where: str) -> Raw:  # noqa: ANN401 - whatever was sent
    if not isinstance(raw, Mapping) or not isinstance(raw.get("metadata"), Mapping):
        raise BadRequestError(f"the body has no {where} with metadata")
    found = (raw.get("kind"), raw.get("apiVersion"))
    if found != ("AIMEndpoint", API_VERSION):
        raise BadRequestError(
            f"the body has an {where} of kind {found[0]} of {found[1]}, and must have an AIMEndpoint of {API_VERSION}"
        )
    return dict(raw)


def review_response(request: AdmissionRequest, result: AdmissionResponse) -> Raw:
    """The AdmissionReview with the response."""
    response: Raw = {"uid": request.uid, "allowed": not result.refusal}
    if result.refusal:
        message = _printable(result.refusal, MESSAGE_LENGTH)
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if result.warnings:
        response["warnings"] = fit_warnings(result.warnings)
    if result.patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(result.patch).encode()).decode()}
    return {"apiVersion": ADMISSION_API, "kind": "AdmissionReview", "response": response}


def fit_warnings(warnings: Iterable[str]) -> list[str]:
    """Warnings, cut to the lengths that the API server passes on; the last one counts those that are left out."""
    printable = [_printable(warning, WARNING_LENGTH) for warning in warnings]
    fitting: list[str] = []
    for warning in printable:
        if sum(map(len, fitting)) + len(warning) > WARNINGS_LENGTH:
            return [*fitting, f"and {len(printable) - len(fitting)} more, in status.warnings"]
        fitting.append(warning)
    return fitting


def _printable(text: str, most: int) -> str:
    """`text` on one line, since the API server drops warnings with control characters."""
    line = "".join(one if one.isprintable() else " " for one in text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
