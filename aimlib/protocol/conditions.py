"""A condition as hooks decide it, and Ready as the first objection among several."""

from typing import Literal, NamedTuple

from aimlib.api.meta import Condition


class Verdict(NamedTuple):
    """A condition before it has a generation and a time."""

    type: str
    good: bool
    reason: str
    message: str

    @property
    def status(self) -> Literal["True", "False"]:
        return "True" if self.good else "False"

    def condition(self, generation: int | None) -> Condition:
        return Condition(
            type=self.type,
            status=self.status,
            reason=self.reason,
            message=self.message[:32768],
            observed_generation=generation,
        )


def first_objection(*verdicts: Verdict) -> Verdict:
    """The first objection of those that matter, or that there is none."""
    objection = next((one for one in verdicts if not one.good), None)
    return (objection or verdicts[-1])._replace(type="Ready")
