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
    "Changed": DownloadOutcome(79, True, "a file was replaced at its source while it was read; it is listed anew"),
    "NotFound": DownloadOutcome(40, False, "the model does not exist on the hub, or this token has no access to it"),
    "RevisionNotFound": DownloadOutcome(41, False, "the model has no such revision"),
    "Gated": DownloadOutcome(42, False, "the model is gated, and the token's owner has no access"),
    "TokenMissing": DownloadOutcome(43, False, "the hub requires a token, and there is none"),
    "TokenInvalid": DownloadOutcome(44, False, "the hub rejects the token"),
    "NoSpace": DownloadOutcome(45, False, "the volume is too small for the model"),
    "TooLarge": DownloadOutcome(46, False, "the model is larger than its maxSize"),
    "NoFiles": DownloadOutcome(47, False, "no file with weights matches include and exclude, or what does is none"),
    "NotOnVolume": DownloadOutcome(48, False, "hub.offline is set, and the model is not on the volume"),
    "TokenNotAllowed": DownloadOutcome(50, False, "the token may not be sent to this hub"),
    "AliasNotFound": DownloadOutcome(51, False, "the model in MLflow has no such alias"),
    "HostRefused": DownloadOutcome(52, False, "the server answers to other host names only"),
    "VolumeRefused": DownloadOutcome(49, False, "the volume cannot be written to"),
}
"""By reason. The codes differ from those of shells and signals."""

INSPECTION_OUTCOMES = {
    "NotSafetensors": DownloadOutcome(60, False, "the model has no safetensors files, or too many"),
    "UnknownArchitecture": DownloadOutcome(61, False, "the facts of the model cannot be read from its config.json"),
}
"""The same of the Jobs that read the facts of a model, which end in the ways of downloads, too."""
OUTCOMES = DOWNLOAD_OUTCOMES | INSPECTION_OUTCOMES

FINAL_CODES = tuple(sorted(outcome.code for outcome in DOWNLOAD_OUTCOMES.values() if not outcome.retried))
"""Exit codes of downloads after which a retry cannot succeed."""
FINAL_INSPECTION_CODES = tuple(
    sorted(
        OUTCOMES[reason].code
        for reason in (
            *("NotFound", "RevisionNotFound", "Gated", "TokenMissing", "TokenInvalid", "TokenNotAllowed"),
            *INSPECTION_OUTCOMES,
        )
    )
)
"""The same of inspections."""
FINAL_SERVER_CODES = tuple(
    sorted((*FINAL_INSPECTION_CODES, *(OUTCOMES[reason].code for reason in ("AliasNotFound", "HostRefused"))))
)
"""The same of inspections of files on a server of their own."""
FINAL_FOLDER_CODES = tuple(sorted((*FINAL_INSPECTION_CODES, OUTCOMES["NoFiles"].code)))
"""The same of inspections of a folder on a claim."""


def reason_of_code(code: int) -> str | None:
    """The reason of an exit code."""
    return next((reason for reason, outcome in OUTCOMES.items() if outcome.code == code), None)


def reason_of_job(message: str) -> str | None:
    """The reason in the message of a Job that failed by its podFailurePolicy, which has the exit code."""
    found = re.search(r"failed with exit code (\d{1,9})\b", message)
    return reason_of_code(int(found[1])) if found else None
