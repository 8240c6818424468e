"""What the agent is given as mounted files: the table, the API keys and the certificate; the last good of each."""

import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from aimlib.errors import InvalidInputError
from aimlib.gateway.certificate import CERTIFICATE, CERTIFICATE_KEY
from aimlib.gateway.table import CLIENT_NAME, ModelTable
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages
from hooks.observability.logs import logger

TABLE_FILE = "table.json"
MAX_CLIENTS = 1000
"""Clients are labels of metrics."""
API_KEY = re.compile(r"[!-~]{1,512}")
"""What a header can have behind `Bearer`."""
MAX_PROBLEM_CHARACTERS = 500
Input = TypeVar("Input")


class InputError(InvalidInputError):
    """Files that cannot be used; the message has no key."""


class LastGood(Generic[Input]):
    """An input as it was when it could be used the last time; every new problem is logged once."""

    def __init__(self, name: str, load: Callable[[], Input]) -> None:
        self.name, self._load = name, load
        self.value: Input | None = None
        self.problem = ""
        """Why the present files are not used; empty where they are."""

    def read(self) -> None:
        """Take what the files have now, if it can be used."""
        try:
            self.value, problem = self._load(), ""
        except (InputError, OSError) as error:
            # An OSError's text has a path, and not what is in the file.
            problem = printable(str(error), MAX_PROBLEM_CHARACTERS)
        if problem and problem != self.problem:
            last = "the last good one stays in use" if self.value is not None else "there is no former one to use"
            facts = {"input": self.name, "why": problem, "now": last}
            logger().error("an input cannot be used", extra={"facts": facts})
        self.problem = problem


@dataclass(frozen=True)
class ClientKeys:
    """The API keys of each client."""

    of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: int = 0
    """Names and lines that can be no client and no key."""


def load_table(folder: Path) -> ModelTable:
    """The table of a mounted ConfigMap. InputError where it is none."""
    path = folder / TABLE_FILE
    try:
        return ModelTable.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise InputError(f"there is no table: {path} does not exist") from None
    except ValidationError as error:
        raise InputError("; ".join(validation_messages(error, "the table"))) from None
    except (ValueError, RecursionError):
        raise InputError("the table is no JSON") from None


def load_keys(folder: Path) -> ClientKeys:
    """The keys of a mounted Secret: a file for each client, a key in each line.

    An empty file is a client without a key. InputError where there is no client at all: then the Secret is gone, rather
    than every key withdrawn.
    """
    # Of a mount the folder that all links lead to: its files are of one moment.
    of_one_moment = (folder / "..data").resolve()
    place = of_one_moment if of_one_moment.is_dir() else folder
    files = sorted(place.iterdir()) if place.is_dir() else []
    if not files:
        raise InputError("there are no clients: the Secret has no key, or does not exist")
    if len(files) > MAX_CLIENTS:
        raise InputError(f"there are {len(files)} clients, and a gateway has at most {MAX_CLIENTS}")
    found: dict[str, tuple[str, ...]] = {}
    ignored = 0
    for file in files:
        lines = [line.strip() for line in file.read_text("ascii", "replace").splitlines() if line.strip()]
        keys = tuple(line for line in lines if API_KEY.fullmatch(line))
        named = re.fullmatch(CLIENT_NAME, file.name)
        ignored += len(lines) - len(keys) + (not named)
        if named:
            found[file.name] = keys
    return ClientKeys(found, ignored)


def check_certificate(folder: Path) -> bool:
    """True where the mounted Secret has a certificate and its key; Envoy reads them itself. InputError otherwise."""
    certificate, key = folder / CERTIFICATE, folder / CERTIFICATE_KEY
    for path in (certificate, key):
        if not path.is_file():
            raise InputError(f"there is no certificate: {path} does not exist")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise InputError(f"the certificate and its key cannot be used: {error.reason}") from None
    return True
