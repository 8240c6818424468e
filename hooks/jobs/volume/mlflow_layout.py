"""Where engines expect the files of a model that MLflow's flavor for transformers has stored.

That has the model in `model/` and its tokenizer and processors in folders of `components/` or in `processor/`; engines
load all of them from one folder. Whatever is stored otherwise stays as it is.
Source of the names: mlflow/transformers/model_io.py, 3.17.2.
"""

from collections.abc import Iterable

_CONFIG = "config.json"
_MODEL, _COMPONENTS, _PROCESSOR = "model/", "components/", "processor/"


def as_engines_load(paths: Iterable[str]) -> dict[str, str]:
    """Where each file is stored, by the path that engines load it from; what they do not load is left out."""
    stored = list(paths)
    if _CONFIG in stored or f"{_MODEL}{_CONFIG}" not in stored:
        return {path: path for path in stored}
    found = {path.removeprefix(_MODEL): path for path in stored if path.startswith(_MODEL)}
    for path in sorted(stored):
        for folder in (_COMPONENTS, _PROCESSOR):
            if path.startswith(folder):
                found.setdefault(_without_component(path, folder), path)
    return found


def _without_component(path: str, folder: str) -> str:
    rest = path.removeprefix(folder)
    return rest.partition("/")[2] or rest if folder == _COMPONENTS else rest
