"""What S3 services write: pages of a list of objects, and errors; both in XML, of which only elements are read."""

from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.parsers import expat

from aimlib.errors import InvalidInputError

MOST_LEVELS = 8
"""Levels of elements; a list has three."""


class S3FormatError(InvalidInputError):
    """A text that no S3 service writes."""


class S3Object(NamedTuple):
    """An object in a list."""

    key: str
    size: int
    etag: str
    """With its quotes, as in headers."""


class S3Page(NamedTuple):
    """A page of a list."""

    objects: tuple[S3Object, ...]
    next_token: str | None


Found = list[tuple[tuple[str, ...], str]]


def _elements(text: bytes) -> Found:
    """Paths and texts of all elements, in the order in which they end. S3FormatError."""
    found: Found = []
    path: list[str] = []
    texts: list[list[str]] = []

    def begin(name: str, _: object) -> None:
        if len(path) >= MOST_LEVELS:
            raise S3FormatError("it is nested too deep")
        path.append(name.rpartition(" ")[2])
        texts.append([])

    def end(_: str) -> None:
        found.append((tuple(path), "".join(texts.pop())))
        path.pop()

    def data(more: str) -> None:  # there is none outside of an element
        texts[-1].append(more)

    def refuse(*_: object) -> None:
        raise S3FormatError("it has a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = data, refuse
    try:
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: of an encoding that nobody knows
        raise S3FormatError("it is not XML") from error
    return found


def parse_page(text: bytes) -> S3Page:
    """A page of ListObjectsV2, whose keys are encoded where it says so. S3FormatError."""
    found: list[dict[str, str]] = []
    one: dict[str, str] = {}
    rest: dict[str, str] = {}
    for path, content in _elements(text):
        if path[:1] != ("ListBucketResult",):
            raise S3FormatError("it is no list of objects")
        if path[1:2] == ("Contents",) and len(path) == 3:
            one[path[2]] = content
        elif path[1:] == ("Contents",):
            found.append(one)
            one = {}
        elif len(path) == 2:
            rest[path[1]] = content
    more = rest.get("NextContinuationToken") if rest.get("IsTruncated", "").lower() == "true" else ""
    if more is None:
        raise S3FormatError("its list is cut without a token for the rest, as of services before ListObjectsV2")
    encoded = rest.get("EncodingType") == "url"
    return S3Page(tuple(_object(one, encoded=encoded) for one in found), more or None)


def _object(fields: dict[str, str], *, encoded: bool) -> S3Object:
    size = fields.get("Size", "")
    if not (fields.get("Key") and fields.get("ETag") and size.isdecimal() and len(size) < 20):
        raise S3FormatError("an object in it has no key, size or ETag")
    # As in a form, spaces are plus signs; services that do not know encoding-type return keys as they are.
    key = unquote_plus(fields["Key"]) if encoded else fields["Key"]
    return S3Object(key, int(size), fields["ETag"])


def error_code(text: bytes) -> str:
    """The code of an error, such as NoSuchBucket; empty where there is none."""
    try:
        found = dict(_elements(text))
    except S3FormatError:
        return ""
    return found.get(("Error", "Code"), "")
