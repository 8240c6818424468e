"""Translates objects and values of other systems, field by field, by the rows of `data/migration.yaml`."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from aimlib.api.meta import Raw
from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.deployed import as_deployed
from aimlib.migration.draft import Answers, Draft, Translation
from aimlib.migration.engine_arguments import read_arguments
from aimlib.migration.finish import finish
from aimlib.migration.forms import ODD, OTHER_FORM, as_model, as_modelservice, as_workspace, as_written, known_form
from aimlib.migration.kinds import FOREIGN_KINDS, instead_of
from aimlib.migration.mounted import finish_mounts
from aimlib.migration.nim import as_service
from aimlib.migration.scaled import finish_scaling
from aimlib.migration.server_command import put_variables, read_command
from aimlib.migration.setters import SETTERS, Path
from aimlib.migration.stack import as_runtime

NO_COUNTERPART: Raw = {"outcome": "dropped", "why": "it has no counterpart"}
FORMS: Mapping[str, Callable[[Raw], Raw]] = {
    "kaito": as_workspace,
    "deployment": as_deployed,
    "nim": as_service,
    "vllmruntime": as_runtime,
}
"""Systems whose objects have another form than their fields are told in."""


def translate_object(system: str, found: Raw, answers: Answers) -> Translation:
    """The endpoint for an object of another system. InvalidInputError for one of another kind."""
    kinds = FOREIGN_KINDS[system]
    if "kind" not in found:
        raise InvalidInputError(
            f"this is no object of Kubernetes, which has a kind: {' or '.join(kinds)} is translated"
        )
    if found["kind"] not in kinds:
        raise InvalidInputError(
            f"kind {found['kind']} is not translated here: {' or '.join(kinds)} is{instead_of(found)}"
        )
    if system == "kaito" and "tuning" in found:
        raise InvalidInputError("a Workspace that tunes a model serves none: there is nothing to translate")
    with known_form():
        form = FORMS.get(system, dict)(as_written(found))
    return _translate(system, form, answers)


def translate_values(values: Raw, answers: Answers) -> list[Translation]:
    """The endpoints for values of the earlier chart or llm-d's, or for each model of KubeAI's or the vLLM stack's."""
    catalog = values.get("catalog")
    if isinstance(catalog, dict) and catalog:
        enabled = {name: one for name, one in catalog.items() if isinstance(one, dict) and one.get("enabled")}
        if not enabled:
            raise InvalidInputError("catalog enables no model of KubeAI")
        return [_translate("kubeai", as_model(name, one), answers) for name, one in enabled.items()]
    if isinstance(values.get("modelArtifacts"), dict):
        with known_form("a part of modelArtifacts, decode or prefill"):
            form = as_modelservice(values)
        return [_translate("llm-d", form, answers)]
    engine = values.get("servingEngineSpec")
    if not isinstance(engine, dict):
        return [_translate("chart", values, answers)]
    models = engine.get("modelSpec")
    if not isinstance(models, list) or not models:
        raise InvalidInputError("servingEngineSpec.modelSpec lists no model")
    return [
        _translate("stack", {**values, "servingEngineSpec": {**engine, "modelSpec": [model]}}, answers)
        for model in models
    ]


def _translate(system: str, found: Raw, answers: Answers) -> Translation:
    draft = Draft(answers, system)
    draft.images = load_data("migration")["images_of_models"].get(system)
    if system in {"stack", "llm-d", "vllmruntime"}:
        draft.backend = "vllm"
    for path, value, row in sorted(_fields(system, (), found, NO_COUNTERPART), key=lambda one: "last" in one[2]):
        text = ".".join(path)
        try:
            _apply(draft, row, path, value)
        except ODD:
            draft.add(text, "needs you", OTHER_FORM)
    put_variables(draft)
    # The words of a container count in this order, wherever they stand.
    read_command(draft, [*draft.entrypoint, *draft.command])
    read_arguments(draft)
    with known_form():
        finish_mounts(draft)
        finish_scaling(draft)
        return finish(draft)


def _fields(system: str, path: Path, value: Any, above: Raw) -> Iterator[tuple[Path, Any, Raw]]:  # noqa: ANN401 - JSON
    """The fields of an object, each with its row; fields that no row is below are whole."""
    row = _row(system, path) or above
    if value is None or ("default" in row and value == row["default"]):
        return
    children: Mapping[str, Any] = (
        {str(place): one for place, one in enumerate(value)} if isinstance(value, list) else value
    )
    if isinstance(children, dict) and children and _deeper(system, path):
        for key, one in children.items():
            yield from _fields(system, (*path, str(key)), one, row)
    elif path:
        yield path, value, row


@cache
def _patterns(system: str) -> tuple[tuple[Path, Raw], ...]:
    """The rows of a system, those without wildcards first."""
    rows = _expanded(load_data("migration")["fields"][system])
    return tuple(sorted(rows, key=lambda one: one[0].count("*")))


def _expanded(rows: Mapping[str, Raw]) -> Iterator[tuple[Path, Raw]]:
    """Rows by their paths, with those of the parts that several kinds have."""
    for text, row in rows.items():
        path = _split(text)
        if row.keys() & {"to", "outcome"}:
            yield path, row
        if "rows" in row:
            for below, one in _expanded(load_data("migration")["parts"][row["rows"]]):
                yield (*path, *below), one


def _split(text: str) -> Path:
    """The keys of a pattern; one with dots of its own stands in brackets."""
    return tuple(key.strip("[]") for key in re.split(r"\.(?![^\[]*\])", text))


def _row(system: str, path: Path) -> Raw | None:
    return next(
        (row for pattern, row in _patterns(system) if len(pattern) == len(path) and _below(path, pattern)), None
    )


def _deeper(system: str, path: Path) -> bool:
    return any(len(pattern) > len(path) and _below(path, pattern) for pattern, _ in _patterns(system))


def _below(path: Path, pattern: Path) -> bool:
    return all(word in {"*", key} for key, word in zip(path, pattern, strict=False))


def _apply(draft: Draft, row: Raw, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    text = ".".join(path)
    target = row.get("to")
    if target is None:
        draft.add(text, row["outcome"], row["why"])
    elif setter := SETTERS.get(target):
        setter(draft, path, value)
    else:
        number = target.startswith("scaling.") and isinstance(value, str)
        draft.put(target, str(value) if target.startswith("resources.") else int(value) if number else value, text)
