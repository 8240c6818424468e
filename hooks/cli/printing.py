"""Prints tables, and explanations in sentences."""

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from aimlib.telemetry.live_metrics import format_metrics
from hooks.cli.formats import data_text
from hooks.cli.tables import Cell, table_rows
from hooks.cli.terminal import CHOSEN, DATA_OUTPUTS, HEAD, REJECTED, WARNING, Style, show, show_sentence, terminal_width
from hooks.planning.explanation import CANDIDATE_HEAD, CANDIDATE_OMISSIBLE, WIDE_CANDIDATE_HEAD, Explanation

CLOSEST_SHOWN = 5
"""Candidates that `plan` shows for an endpoint that nothing fits."""


class Table(NamedTuple):
    """Rows under their head."""

    head: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    omissible: Sequence[str] = ()
    """Columns that a narrow terminal does without, the first of them first."""
    styles: Sequence[Style | None] = ()
    """Of each row."""


def print_explanation(one: Explanation, *, wide: bool) -> None:
    """Prints the candidates, and what there is to say about the endpoint."""
    if rows := one.rows(wide=wide):
        styles = [_style(candidate.rank) for candidate in one.selection.candidates] if one.selection else ()
        head = WIDE_CANDIDATE_HEAD if wide else CANDIDATE_HEAD
        print_table(Table(head, rows, CANDIDATE_OMISSIBLE, styles), wide=wide)
        print_text("\n")
    if one.selection and len(rows) < one.selection.considered:
        listed = f"{len(rows)} of {one.selection.considered} candidates are listed; --fresh evaluates and lists all."
        show_sentence(f"{one.title}: {listed}")
    show_sentence(f"{one.title}: {one.message}", style=CHOSEN if one.fits else WARNING)
    printed = [one.message]
    for condition in one.status.conditions if one.stored else ():
        if condition.status != "True" and condition.message not in printed:
            printed.append(condition.message)  # Ready repeats the message of the condition that failed
            state = f"{condition.type} is {condition.status}, {condition.reason}"
            show_sentence(f"{one.title}: {state}: {condition.message}", style=WARNING)
    if one.stored and one.status.metrics:
        show_sentence(f"{one.title}: Metrics: {format_metrics(one.status.metrics)}")
    for warning in one.status.warnings:
        show_sentence(f"{one.title}: Warning: {warning}", style=WARNING)


def _style(rank: int | None) -> Style | None:
    return {1: CHOSEN, None: REJECTED}.get(rank)


def print_closest(one: Explanation) -> None:
    """Prints the candidates that nearly fit, on standard error."""
    rows = one.rows()
    if rows:
        print_text("\n", err=True)
        print_table(Table(CANDIDATE_HEAD, rows[:CLOSEST_SHOWN], CANDIDATE_OMISSIBLE), err=True)
    if len(rows) > CLOSEST_SHOWN:
        print_text("\n", err=True)
        print_note(f"The closest {CLOSEST_SHOWN} of {len(rows)} candidates; `aim explain` shows all.")


def print_table(printed: Table, *, wide: bool = False, err: bool = False) -> None:
    """Prints a table as wide as the terminal; as wide as it must be where that is asked for, or there is none."""
    texts = table_rows(printed.head, printed.rows, None if wide else terminal_width(err=err), printed.omissible)
    for text, style in zip_longest(texts, (HEAD, *printed.styles)):
        show(text, err=err, style=style)


def print_text(text: str, *, err: bool = False) -> None:
    """Prints a text as it is."""
    show(text, nl=False, err=err)


def printed_as_data(output: str, value: Callable[[], Any]) -> bool:
    """Prints a value to programs; returns whether the output is for them."""
    if output in DATA_OUTPUTS:
        print_text(data_text(value(), output))
    return output in DATA_OUTPUTS


def print_note(text: str) -> None:
    """Prints a sentence on standard error."""
    show_sentence(text, err=True)
