"""The files of a repository at a hub, as an inspection reads them."""

from collections.abc import Iterator
from http import HTTPStatus

from urllib3.exceptions import HTTPError

from hooks.jobs.volume import clock
from hooks.jobs.volume.errors import TransientError
from hooks.jobs.volume.http_client import root_cause
from hooks.jobs.volume.hub import HubClient
from hooks.jobs.volume.inspection import ListedFiles
from hooks.jobs.volume.reader import Body, check_page

MAX_RANGE_SECONDS = 120.0
"""Seconds that one range may take, however slowly a server sends."""


class HubFiles:
    """One repository at one hub."""

    def __init__(self, client: HubClient) -> None:
        self.client, self.name = client, client.model

    def listing(self) -> ListedFiles:
        """Lists the files of the commit that the revision names."""
        found = self.client.listing()
        return ListedFiles(found.commit, {one.path: one.size for one in found.files})

    def read(self, version: str | None, path: str, offset: int, length: int) -> bytes:
        """Some bytes of a file; of a server that ignores ranges, the same."""
        client = self.client
        reply = client.client.get(client.url(version or client.revision, path), f"bytes={offset}-{offset + length - 1}")
        response = reply.response
        try:
            if response.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise client.refusal(reply) if reply.from_hub else client.storage_error(reply, path)
            check_page(reply, path)
            skipped = offset if response.status == HTTPStatus.OK else 0
            return b"".join(first_bytes(response, skipped + length, client.endpoint))[skipped:]
        except HTTPError as error:
            raise TransientError(f"{client.endpoint} cannot be reached: {root_cause(error)}") from error
        finally:
            response.close()


def first_bytes(response: Body, most: int, endpoint: str) -> Iterator[bytes]:
    """The beginning of a body, at most so many bytes. TransientError where it comes too slowly."""
    deadline = clock.monotonic() + MAX_RANGE_SECONDS
    while most > 0 and (chunk := response.read1(min(most, 1 << 16))):
        yield chunk[:most]
        most -= len(chunk)
        if clock.monotonic() > deadline:
            raise TransientError(f"{endpoint} sends too slowly: a part of a file took {MAX_RANGE_SECONDS:.0f} s")
