"""The command `aim model inspect`: prints an AIMModel with the facts in a model's files."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.described_model import ModelSpec
from aimlib.api.formats import MODEL_SOURCE, REPOSITORY_OR_SERVER
from aimlib.api.source import SourceAccess, parse_source
from aimlib.derive.candidates import recipe_name
from aimlib.derive.config_facts import Weights, facts_of, needs_remote_code
from aimlib.derive.rules import precision_of
from aimlib.hub_url import HUGGING_FACE
from aimlib.printable import printable
from aimlib.schema.error_messages import validation_messages
from hooks.cli.errors import CommandError
from hooks.cli.printing import Table, print_note, print_table, printed_as_data

if TYPE_CHECKING:
    from hooks.jobs.volume.inspection import Inspected

FACT_HEAD = ("FACT", "VALUE")
MAX_PLACE_SHOWN = 200
PATH_BEGINNINGS = (".", "/", "~")
"""With these no repository's id begins."""


def report_model(place: str, model_id: str | None, revision: str, reports: str, **server: Any) -> int:  # noqa: ANN401
    """Reports the facts of a repository or source to a ConfigMap, as the operator's Jobs do; returns the exit code."""
    from hooks.jobs.volume.inspection_command import InspectionRequest, run_inspection  # noqa: PLC0415 - as below

    if "://" not in place:
        return run_inspection(InspectionRequest(place, revision, reports))
    wanted = _checked_id(place, model_id, server)
    return run_inspection(InspectionRequest(wanted, revision, reports, place, _reached(server)))


def print_model(
    *,
    place: str,
    model_id: str | None,
    revision: str,
    hub: str | None,
    output: str,
    **server: Any,  # noqa: ANN401
) -> int:
    """Prints the AIMModel of a repository, folder or source; `server` has how that is reached, as for a download."""
    from hooks.cli.folder_inspection import inspect_folder  # noqa: PLC0415
    from hooks.jobs.volume.errors import DownloadError, TransientError  # noqa: PLC0415 - the clients take a while
    from hooks.jobs.volume.hub import INSPECTION_ADVICE, HubClient  # noqa: PLC0415
    from hooks.jobs.volume.hub_files import HubFiles  # noqa: PLC0415
    from hooks.jobs.volume.inspection import inspect_files  # noqa: PLC0415

    folder, is_source = Path(place), "://" in place
    if is_source:
        _checked_id(place, model_id, server)
    if place.startswith(PATH_BEGINNINGS) and not folder.is_dir():
        raise CommandError(f"there is no folder {place}")
    try:
        if folder.is_dir():
            found = inspect_folder(folder)
        elif is_source:
            found = _inspect_source(place, server)
        else:
            address = hub or os.environ.get("HF_ENDPOINT") or HUGGING_FACE
            found = inspect_files(HubFiles(HubClient(address, place, revision, advice=INSPECTION_ADVICE)))
    except (DownloadError, TransientError) as error:
        raise CommandError(str(error)) from error
    source = str(folder.resolve()) if folder.is_dir() else place
    facts = facts_of(found.config, Weights(found.size, found.parameters), source)
    wanted = model_id or (folder.resolve().name if folder.is_dir() else place)
    kept = not folder.is_dir() and place != wanted and REPOSITORY_OR_SERVER.matches(place)
    found_facts = facts.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json")
    stated = {
        "modelId": wanted,
        "source": place if kept else None,
        "access": _access(server) if kept else None,
        "facts": found_facts,
    }
    spec = {key: value for key, value in stated.items() if value is not None}
    try:
        ModelSpec.model_validate(spec)
    except ValidationError as error:
        raise CommandError(f"{place}: {'; '.join(validation_messages(error))}; name an id by --as") from error
    if needs_remote_code(found.config):
        print_note(f"{place} has code of its own (auto_map), which derived candidates never run: it may not load")
    name = recipe_name(wanted, "", precision_of(facts), "vllm").replace("--", "-")
    document = {"apiVersion": API_VERSION, "kind": "AIMModel", "metadata": {"name": name}, "spec": spec}
    if not printed_as_data(output, lambda: document):
        print_table(Table(FACT_HEAD, [("modelId", wanted), *found_facts.items()]))
    if is_source:
        with_keys = (
            f"endpoints of {wanted} download it from {place}; where that needs keys, name a Secret: access.secret"
        )
        print_note(with_keys if kept else f"the files of {wanted} are at {place}: an endpoint has that as model.source")
    return 0


def _access(server: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the server is reached, as an AIMModel states it; None where nothing of that is stated."""
    given = {name: value for name, value in server.items() if value is not None and name != "source_folder"}
    stated = SourceAccess.model_validate(given)
    return stated.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True) or None


def _reached(server: Mapping[str, Any]) -> dict[str, Any]:
    """How a source is reached, by the names of a download's request."""
    return {"folder" if name == "source_folder" else name: value for name, value in server.items()}


def _checked_id(place: str, model_id: str | None, server: Mapping[str, Any]) -> str:
    """The id for what a source has. CommandError where it has none, or the source cannot be read."""
    if not MODEL_SOURCE.matches(place):
        raise CommandError(f"{printable(place, MAX_PLACE_SHOWN)!r} {MODEL_SOURCE.message}")
    if not model_id:
        raise CommandError(f"{place} has no id: state by --as which one endpoints request")
    if (parse_source(place).kind == "pvc") is (server.get("source_folder") is None):
        raise CommandError(f"{place}: --source-folder goes with pvc://claim/folder, and is where that claim is mounted")
    return model_id


def _inspect_source(place: str, server: Mapping[str, Any]) -> "Inspected":
    """What the files at a source tell. CommandError, DownloadError, or TransientError."""
    from hooks.jobs.volume.inspection import inspect_files  # noqa: PLC0415 - as above
    from hooks.jobs.volume.request import DownloadRequest  # noqa: PLC0415
    from hooks.jobs.volume.source_files import SourceFiles  # noqa: PLC0415
    from hooks.jobs.volume.sources import open_reader  # noqa: PLC0415

    request = DownloadRequest(Path(), "", workers=1, source=place, **_reached(server))
    with closing(open_reader(request)) as reader:
        return inspect_files(SourceFiles(reader))
