"""The errors of downloads: the reason in one word, the exit code, and whether a retry may succeed."""

import re
from typing import NamedTuple


class DownloadOutcome(NamedTuple):
    """How a download ended."""

    code: int
    retried: bool
    """Whether a retry may succeed without a change; the Job's podFailurePolicy depends on this."""
    message: str
    """The message when only the exit code is known."""


DOWNLOAD_OUTCOMES = {
    "Network": DownloadOutcome(75, True, "the hub could not be reached, or returned errors, for too long"),
    "Interrupted": DownloadOutcome(76, True, "the download was stopped; the next one resumes it"),
    "Busy": DownloadOutcome(77, True, "another download of the same model holds its lock"),
    "Corrupt": DownloadOutcome(78, True, "files do not have the hashes that the hub states; they are downloaded again"),
    "NotFound": DownloadOutcome(40, False, "the model does not exist on the hub, or this token has no access to it"),
    "RevisionNotFound": DownloadOutcome(41, False, "the model has no such revision"),
    "Gated": DownloadOutcome(42, False, "the model is gated, and the token's owner has no access"),
    "TokenMissing": DownloadOutcome(43, False, "the hub requires a token, and there is none"),
    "TokenInvalid": DownloadOutcome(44, False, "the hub rejects the token"),
    "NoSpace": DownloadOutcome(45, False, "the volume is too small for the model"),
    "TooLarge": DownloadOutcome(46, False, "the model is larger than its maxSize"),
    "NoFiles": DownloadOutcome(47, False, "no file of the model with weights matches include and exclude"),
    "NotOnVolume": DownloadOutcome(48, False, "hub.offline is set, and the model is not on the volume"),
    "TokenNotAllowed": DownloadOutcome(50, False, "the token may not be sent to this hub"),
    "VolumeRefused": DownloadOutcome(49, False, "the volume cannot be written to"),
}
"""By reason. The codes differ from those of shells and signals."""

FINAL_CODES = tuple(sorted(outcome.code for outcome in DOWNLOAD_OUTCOMES.values() if not outcome.retried))
"""Exit codes after which a retry cannot succeed."""


def reason_of_code(code: int) -> str | None:
    """The reason of an exit code."""
    return next((reason for reason, outcome in DOWNLOAD_OUTCOMES.items() if outcome.code == code), None)


def reason_of_job(message: str) -> str | None:
    """The reason in the message of a Job that failed by its podFailurePolicy, which has the exit code."""
    found = re.search(r"failed with exit code (\d+)", message)
    return reason_of_code(int(found[1])) if found else None
