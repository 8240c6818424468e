"""Conditions as hooks compute them, and Ready as the first of them that is not True."""

from typing import Literal, NamedTuple

from aimlib.api.meta import Condition


class Verdict(NamedTuple):
    """A condition before it has a generation and a time."""

    type: str
    met: bool
    """Whether its status is True."""
    reason: str
    message: str

    @property
    def status(self) -> Literal["True", "False"]:
        return "True" if self.met else "False"

    def condition(self, generation: int | None) -> Condition:
        return Condition(
            type=self.type,
            status=self.status,
            reason=self.reason,
            message=self.message[:32768],
            observed_generation=generation,
        )


def ready_condition(*verdicts: Verdict) -> Verdict:
    """The condition Ready: the first of the given conditions that is False, else the last one."""
    failed = next((verdict for verdict in verdicts if not verdict.met), None)
    return (failed or verdicts[-1])._replace(type="Ready")
