"""Which of a model's files are weights, in which form, and which forms are downloaded: the one place that decides.

A repository may have the same weights several times. An engine opens one form of them, by its flag for the format:
consolidated*.safetensors with `mistral`, and the other files of the top folder else (source: vLLM 0.33,
model_executor/model_loader/default_loader.py, _prepare_weights).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from aimlib.api.cache import DUPLICATE_FILES, CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.engines.catalogue import engine, parse_args

HUGGING_FACE, MISTRAL = "Hugging Face", "Mistral"
"""The forms, by whose library they are for."""
FORM_OF_FORMAT = {
    **dict.fromkeys(("auto", "safetensors", "pt", "npcache", "bitsandbytes", "fastsafetensors"), HUGGING_FACE),
    "mistral": MISTRAL,
}
"""The form that is loaded with a value of --load-format; with the others it is not known."""
EXAMPLES = {
    HUGGING_FACE: ("model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model.bin"),
    MISTRAL: ("consolidated.safetensors", "consolidated-00001-of-00002.safetensors"),
}
"""Names of weights in a form: with one file, and with several."""
NOT_LOADED: Mapping[frozenset[str], tuple[str, ...]] = {
    frozenset({HUGGING_FACE}): DUPLICATE_FILES,
    frozenset({MISTRAL}): ("original/*", "metal/*", "model.safetensors*", "model-*.safetensors"),
    frozenset({HUGGING_FACE, MISTRAL}): ("original/*", "metal/*"),
}
"""Files that duplicate the weights that are loaded, by the forms that are."""
USUAL = frozenset({HUGGING_FACE})

SHOWN_SUFFIXES = (".safetensors", ".bin", ".pt", ".gguf")
"""Those that messages have: what engines load."""
WEIGHT_SUFFIXES = frozenset({*SHOWN_SUFFIXES, ".pth", ".onnx", ".h5", ".msgpack", ".npz", ".ckpt"})
OF_TRAINING = frozenset(
    {"training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth"}
)
"""Files that only look like weights (source: vLLM, weight_utils.py, filter_files_not_needed_for_inference)."""
SHARD = re.compile(r"(?P<stem>.*)-(?P<number>[0-9]{1,6})-of-(?P<count>[0-9]{1,6})(?P<suffix>\.[a-z]+)", re.ASCII)

POINTER, MAX_POINTER = b"version https://git-lfs.github.com/spec/v1\n", 1024
"""What a pointer of Git LFS begins with, and more bytes than one has (source: the specification of Git LFS)."""
IS_POINTER = "is a pointer of Git LFS, as a clone has it in place of the file: `git lfs pull` there gets the file"


def is_weights(path: str) -> bool:
    """Whether a file holds weights, by its name."""
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    return bool(stem) and f"{dot}{suffix.lower()}" in WEIGHT_SUFFIXES and name not in OF_TRAINING


def is_pointer(begin: bytes) -> bool:
    """Whether a file that begins so stands for another one."""
    return begin.startswith(POINTER)


def has_whole_weights(paths: Iterable[str]) -> bool:
    """Whether the top folder has weights: a file alone, or all files of several that belong together."""
    names = [path for path in paths if "/" not in path and is_weights(path)]
    shards: dict[tuple[str, str, int], set[int]] = {}
    for found in filter(None, map(SHARD.fullmatch, names)):
        shards.setdefault((found["stem"], found["suffix"], int(found["count"])), set()).add(int(found["number"]))
    whole = any(len(numbers) >= count for (_, _, count), numbers in shards.items())
    return whole or any(not SHARD.fullmatch(name) for name in names)


def exclusion(exclude: Sequence[str], select: Callable[[Sequence[str]], Iterable[str]]) -> tuple[str, ...]:
    """The patterns to exclude files by. `select` returns the paths that are left with patterns.

    The default ones apply only where whole weights are left: else the first of them that takes weights away does not.
    """
    if sorted(exclude) != sorted(DUPLICATE_FILES) or has_whole_weights(select(exclude)):
        return tuple(exclude)
    for pattern in reversed(DUPLICATE_FILES):
        fewer = tuple(one for one in exclude if one != pattern)
        if len([*filter(is_weights, select(fewer))]) > len([*filter(is_weights, select(exclude))]):
            return fewer
    return tuple(exclude)


def form_loaded(backend: str, args: Sequence[str]) -> str | None:
    """The form that an engine loads with these arguments; None where that is not known."""
    stated = None
    if any("load" in word for word in args):  # few do, and endpoints and caches ask in each sync
        stated = parse_args(backend, args).value(engine(backend).flags.load_format, str)
    return FORM_OF_FORMAT.get(stated or "auto")


def recipe_forms(spec: Raw) -> frozenset[str]:
    """The forms that the configurations of a recipe load; that of Hugging Face where it is not known."""
    found = set()
    for configuration in spec.get("configurations") or ():
        args = [str(word) for word in configuration.get("args") or ()]
        found.add(form_loaded(str(spec.get("backend")), args) or HUGGING_FACE)
    return frozenset(found or {HUGGING_FACE})


def loaded_model(spec: Raw) -> str | None:
    """The repository that a recipe loads."""
    model = spec.get("checkpoint") or spec.get("modelId")
    return model if isinstance(model, str) else None


def draft_of(spec: Raw) -> tuple[str | None, Raw]:
    """The repository of the second model of a recipe, which drafts tokens, and what the recipe has of it."""
    draft = spec.get("draft")
    stated: Raw = draft if isinstance(draft, dict) else {}
    name = stated.get("repository")
    return (name if isinstance(name, str) else None), stated


def repositories_text(spec: Raw) -> str | None:
    """What a recipe loads, for people: its checkpoint, and the repository of what drafts."""
    draft, _ = draft_of(spec)
    return " + ".join(filter(None, (loaded_model(spec), draft))) or None


def with_loaded_files(models: Iterable[CachedModelSpec], recipes: Iterable[Raw]) -> tuple[CachedModelSpec, ...]:
    """The models of a cache, each with the patterns that leave what its recipes load.

    Those that exclude files themselves, or that recipes load in the usual form, stay as they are.
    """
    forms: dict[str, frozenset[str]] = {}
    for recipe in recipes:
        spec = recipe.get("spec") or {}
        if model := loaded_model(spec):
            forms[model] = forms.get(model, frozenset()) | recipe_forms(spec)
    return tuple(_with_exclusion(model, forms.get(model.id, USUAL)) for model in models)


def _with_exclusion(model: CachedModelSpec, forms: frozenset[str]) -> CachedModelSpec:
    if model.exclude is not None or forms == USUAL:
        return model
    return model.model_copy(update={"exclude": NOT_LOADED[forms]})


def forms_left_out(include: Sequence[str], exclude: Sequence[str] | None) -> frozenset[str]:
    """The forms of which the patterns in a spec leave no file, whatever the recipes load."""
    if not include and not exclude:
        return frozenset()
    return frozenset(form for form in EXAMPLES if not _leave(include, exclude or (), form))


def _leave(include: Sequence[str], exclude: Sequence[str], form: str) -> bool:
    """Whether patterns may leave weights in a form. Its files may have other names, which an inclusion may have."""
    names = [name for name in EXAMPLES[form] if not any(fnmatchcase(name, pattern) for pattern in exclude)]
    own_names = form == HUGGING_FACE and any(is_weights(one) and not one.startswith("consolidated") for one in include)
    included = not include or own_names or any(fnmatchcase(name, pattern) for name in names for pattern in include)
    return bool(names) and included
