"""The keys that settings may have besides their own names: vendors, and engines with what their images are for."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import get_args, get_origin

from aimlib.api.base import Model
from aimlib.data import load_data


@cache
def vendors() -> tuple[str, ...]:
    """The vendors of products, `cpu` among them."""
    return tuple(sorted({product["vendor"] for product in load_data("hardware")["products"]}))


@cache
def product_names() -> tuple[str, ...]:
    """The names and aliases of the built-in products."""
    listed = load_data("hardware")["products"]
    return tuple(name for product in listed for name in (product["name"], *product.get("aliases", ())))


@cache
def image_targets() -> tuple[str, ...]:
    """Each engine with each vendor and architecture: `vllm/amd`, `vllm/gfx942`."""
    targets = {*vendors(), *load_data("hardware")["architectures"]}
    return tuple(f"{engine}/{target}" for engine in load_data("engines/backends") for target in sorted(targets))


def unknown_keys(keys: Iterable[object], known: Iterable[str], path: str = "") -> list[str]:
    """A sentence for each key that is not known, with the nearest one that is."""
    names = {name.casefold(): name for name in known}
    return [
        f"{path + str(key)[:80]!r} is not known{_suggestion(str(key), names)}"
        for key in keys
        if key not in names.values()
    ]


def _suggestion(key: str, names: Mapping[str, str]) -> str:
    near = get_close_matches(key[:80].casefold(), names, n=1, cutoff=0.5)
    return f"; did you mean {names[near[0]]}?" if near else f"; known are {', '.join(names.values())}"


def unknown_fields(model: type[Model], raw: object, path: str = "") -> list[str]:
    """A sentence for each key of `raw`, and of the objects in it, that is no field of the type."""
    if isinstance(raw, list | tuple):
        return [text for place, one in enumerate(raw) for text in unknown_fields(model, one, f"{path[:-1]}[{place}].")]
    if not isinstance(raw, Mapping):
        return []
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    known = {**fields, **{name: field.annotation for name, field in model.model_fields.items()}}
    found = unknown_keys([key for key in raw if key not in known], fields, path)
    for key, value in raw.items():
        for inner, one, place in _inner(known.get(key), value, f"{path}{key}."):
            if isinstance(inner, type) and issubclass(inner, Model):
                found += unknown_fields(inner, one, place)
    return found


def _inner(annotation: object, value: object, path: str) -> Iterator[tuple[object, object, str]]:
    """The types that a value may have, with what they are about and its path: of a mapping, each of its values."""
    if get_origin(annotation) is Mapping and isinstance(value, Mapping):
        yield from ((get_args(annotation)[1], one, f"{path}{key}.") for key, one in value.items())
    else:
        # Of `Model | None` each part.
        yield from ((inner, value, path) for inner in (annotation, *get_args(annotation)))
