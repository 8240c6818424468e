"""Reads what a model's files tell without their weights: config.json, and sizes and headers of safetensors files."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from math import prod
from typing import Any, NamedTuple

from urllib3.exceptions import HTTPError

from hooks.jobs.volume.errors import DownloadError, TransientError
from hooks.jobs.volume.http_client import root_cause
from hooks.jobs.volume.hub import HubClient

CONFIG = "config.json"
MAX_CONFIG = 4 << 20
"""Most bytes of a config.json; the largest known have some 100 KiB."""
MAX_HEADER = 32 << 20
"""Most bytes of a safetensors file's header; the format allows 100 MB, and those of large shards have about 100 KiB."""
MAX_DIMENSIONS, MOST_ELEMENTS = 16, 2**50
"""More than any tensor has."""
LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header, little-endian (source: the format's description)."""


class Inspected(NamedTuple):
    """What a model's files tell."""

    config: dict[str, Any]
    size: int
    """Bytes of all safetensors files."""
    parameters: int
    """Elements of their tensors."""


Read = Callable[[int, int], bytes]
"""Returns so many bytes of a file from an offset."""


def inspect_hub(client: HubClient) -> Inspected:
    """What the files of a repository tell. DownloadError, or TransientError."""
    commit, files = client.listing()
    config = read_model_config(_range(client, commit, CONFIG, 0, MAX_CONFIG + 1), client.model)
    weights = [one for one in files if one.path.endswith(".safetensors") and "/" not in one.path]

    def reader(path: str) -> Read:
        return lambda offset, length: _range(client, commit, path, offset, length)

    parameters = sum(count_parameters(reader(one.path), f"{one.path} of {client.model}") for one in weights)
    return Inspected(config, sum(one.size for one in weights), parameters)


def _range(client: HubClient, commit: str, path: str, offset: int, length: int) -> bytes:
    """Some bytes of a file at the hub, fewer where it ends; of a server that ignores ranges, the same."""
    reply = client.client.get(client.url(commit, path), f"bytes={offset}-{offset + length - 1}")
    response = reply.response
    try:
        if response.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise client.refusal(reply)
        skipped = offset if response.status == HTTPStatus.OK else 0
        return bytes(b"".join(_chunks(response, skipped + length)))[skipped:]
    except HTTPError as error:
        raise TransientError(f"{client.endpoint} cannot be reached: {root_cause(error)}") from error
    finally:
        response.close()


def _chunks(response: Any, most: int) -> Iterator[bytes]:  # noqa: ANN401 - a response of urllib3
    """The beginning of a body, at most so many bytes."""
    while most > 0 and (chunk := response.read(min(most, 1 << 16))):
        most -= len(chunk)
        yield chunk


def read_model_config(text: bytes, where: str) -> dict[str, Any]:
    """The config.json of a model; `where` names it in errors. DownloadError."""
    try:
        found = json.loads(text) if len(text) <= MAX_CONFIG else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise DownloadError("Corrupt", f"{CONFIG} of {where} is no JSON object of at most {MAX_CONFIG >> 20} MiB")
    return found


def count_parameters(read: Read, where: str) -> int:
    """The number of elements of the tensors of a safetensors file; `where` names it in errors. DownloadError."""
    length = int.from_bytes(read(0, LENGTH_BYTES), "little")
    try:
        header = json.loads(read(LENGTH_BYTES, length)) if 0 < length <= MAX_HEADER else None
        tensors = [one["shape"] for name, one in header.items() if name != "__metadata__"] if header else None
        if tensors is not None:
            return sum(map(_elements, tensors))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise DownloadError("Corrupt", f"{where} is no safetensors file: its header cannot be read")


def _elements(shape: list[object]) -> int:
    """The number of elements of a tensor; ValueError for a shape that none has."""
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError("no shape")
    sizes = [one for one in shape if type(one) is int and 0 <= one < MOST_ELEMENTS]
    if len(sizes) < len(shape) or (found := prod(sizes)) >= MOST_ELEMENTS:
        raise ValueError("no size")
    return found
