"""The contract of the API server's admission webhooks: what an AdmissionReview asks, and what its answer may say.

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
(k8s.io/apiserver, pkg/endpoints/filters/warning.go); the rest is for what policies say of the same object."""
MESSAGE_LENGTH = 4096
"""Characters of the message of a refusal; as many as status.message has."""


class AdmissionRequest(NamedTuple):
    """One question: an AIMEndpoint that is to be stored, and the one that is there."""

    uid: str
    """Of the question; the answer repeats it."""
    object: Raw
    old: Raw | None
    """As it is stored; None when it is created."""

    @property
    def deleting(self) -> bool:
        """Whether it is going anyway, and only its finalizers change."""
        return bool(self.object["metadata"].get("deletionTimestamp"))


class AdmissionResponse(NamedTuple):
    """What is said to it. Without words and without a patch, it is let in in silence."""

    verdict: str
    """In a word, for metrics and the log."""
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    """Why it is not let in; empty where it is."""
    patch: tuple[Raw, ...] = ()
    """Operations of RFC 6902."""


def parse_review(body: Any) -> AdmissionRequest:  # noqa: ANN401 - whatever was sent
    """A question from parsed JSON; BadRequestError where it is none, or not about an AIMEndpoint."""
    asked = body.get("request") if isinstance(body, Mapping) else None
    if not isinstance(asked, Mapping) or (body.get("apiVersion"), body.get("kind")) != (
        ADMISSION_API,
        "AdmissionReview",
    ):
        raise BadRequestError(f"the body is no AdmissionReview of {ADMISSION_API} with a request")
    uid, operation = asked.get("uid"), asked.get("operation")
    if not isinstance(uid, str) or not uid:
        raise BadRequestError("the body has a request without uid")
    if operation not in OPERATIONS:
        raise BadRequestError(f"the body is about the operation {operation!r}, and must be about CREATE or UPDATE")
    found = _endpoint(asked.get("object"), "object")
    return AdmissionRequest(
        uid, found, _endpoint(asked.get("oldObject"), "oldObject") if operation == "UPDATE" else None
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


def review_response(asked: AdmissionRequest, answer: AdmissionResponse) -> Raw:
    """The AdmissionReview that answers."""
    said: Raw = {"uid": asked.uid, "allowed": not answer.refusal}
    if answer.refusal:
        words = _printable(answer.refusal, MESSAGE_LENGTH)
        said["status"] = {"code": 403, "reason": "Forbidden", "message": words}
    if answer.warnings:
        said["warnings"] = fit_warnings(answer.warnings)
    if answer.patch:
        said |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(answer.patch).encode()).decode()}
    return {"apiVersion": ADMISSION_API, "kind": "AdmissionReview", "response": said}


def fit_warnings(warnings: Iterable[str]) -> list[str]:
    """As many of them, and as much of each, as the API server hands on; the last one says how many are missing."""
    whole = [_printable(one, WARNING_LENGTH) for one in warnings]
    kept: list[str] = []
    for one in whole:
        if sum(map(len, kept)) + len(one) > WARNINGS_LENGTH:
            return [*kept, f"and {len(whole) - len(kept)} more, which status.warnings will have"]
        kept.append(one)
    return kept


def _printable(text: str, most: int) -> str:
    """`text` on one line: the API server drops a warning with control characters in silence."""
    line = "".join(one if one.isprintable() else " " for one in text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
