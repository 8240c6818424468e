"""How downloads fail: codes that tell the reasons apart, and which of them a retry can mend."""

import pytest

from aimlib.caching.download_errors import DOWNLOAD_OUTCOMES, FINAL_CODES, reason_of_code, reason_of_job


def test_every_reason_has_a_code_of_its_own():
    codes = [one.code for one in DOWNLOAD_OUTCOMES.values()]
    assert len(set(codes)) == len(codes)
    assert {reason_of_code(code): code for code in codes} == {
        reason: one.code for reason, one in DOWNLOAD_OUTCOMES.items()
    }


def test_no_code_is_one_that_shells_pythons_or_signals_use():
    # 0 to 2: done, failed, wrong arguments; 126 and above: the shell's, and signals.
    assert all(2 < one.code < 126 for one in DOWNLOAD_OUTCOMES.values())


def test_a_job_gives_up_on_what_a_retry_cannot_mend_and_on_nothing_else():
    assert set(FINAL_CODES) == {one.code for one in DOWNLOAD_OUTCOMES.values() if not one.retried}
    assert not {"Network", "Interrupted", "Busy", "Corrupt"} & {reason_of_code(code) for code in FINAL_CODES}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Container download for pod a/b failed with exit code 42 matching FailJob rule at index 0", "Gated"),
        ("Container download for pod a/b failed with exit code 1 matching FailJob rule at index 0", None),
        (f"Container download for pod a/b failed with exit code {'42' * 2500}", None),
        ("Job has reached the specified backoff limit", None),
        ("", None),
    ],
)
def test_a_jobs_message_names_the_reason_by_its_exit_code(message, reason):
    assert reason_of_job(message) == reason
