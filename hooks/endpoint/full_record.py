"""Which hardware was full when a configuration was selected, as its Deployment or LeaderWorkerSet has it.

Children are applied before the status is written, and a later sync may be sent the status from before. So what a choice
was made by is also on the object that comes with it. It is on no pod: a record that changes replaces none.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from aimlib.api.base import FilledText, Model
from aimlib.api.meta import Raw
from aimlib.api.room import MOST_FULL, FullHardware
from aimlib.kube.server_kinds import is_server
from aimlib.kube.timestamp import is_written_time
from aimlib.naming import FULL_ANNOTATION, SORTED
from aimlib.printable import printable

RECORD_LENGTH = 65536
"""Characters of a record that is read; an object may have four times as many bytes of annotations, of which what was
applied last is another."""
MESSAGES_LENGTH = 4096
"""Characters of all messages of a record together."""


class _FullRecord(Model):
    decided_for: FilledText
    full: Annotated[tuple[FullHardware, ...], Field(min_length=1, max_length=MOST_FULL)]


def with_full(children: Sequence[Raw], key: str, full: tuple[FullHardware, ...]) -> list[Raw]:
    """Children of which those that run model servers have a record of what was full for a request, if anything was."""
    if not full:
        return [*children]
    length = MESSAGES_LENGTH // len(full)
    short = tuple(one.model_copy(update={"message": printable(one.message, length)}) for one in full)
    text = SORTED.encode(_FullRecord(decided_for=key, full=short).wire())
    return [_annotated(child, text) if is_server(child) else child for child in children]


def _annotated(server: Raw, text: str) -> Raw:
    metadata = server["metadata"]
    return {
        **server,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), FULL_ANNOTATION: text}},
    }


def read_full(server: Raw, key: str) -> tuple[FullHardware, ...]:
    """What an object has as full for the same request; none where it has a record for another one, or an odd one.

    Whoever may edit the object may write it, and it becomes a part of the status.
    """
    text = (server["metadata"].get("annotations") or {}).get(FULL_ANNOTATION)
    if not isinstance(text, str) or len(text) > RECORD_LENGTH:
        return ()
    try:
        record = _FullRecord.model_validate_json(text)
    except ValueError:
        return ()
    same = record.decided_for == key
    return record.full if same and all(map(_is_plain, record.full)) else ()


def _is_plain(one: FullHardware) -> bool:
    """Whether an entry has what this release writes: text without control characters, and a time."""
    texts = (one.product, one.partition or "", one.resource or "", one.message)
    return is_written_time(one.since) and all(text == printable(text) for text in texts)
