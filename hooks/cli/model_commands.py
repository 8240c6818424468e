"""The command `aim model inspect`: prints an AIMModel with the facts in a model's files."""

import os
from pathlib import Path

from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.described_model import ModelSpec
from aimlib.derive.candidates import recipe_name
from aimlib.derive.config_facts import Weights, facts_of, needs_remote_code
from aimlib.derive.rules import precision_of
from aimlib.hub_url import HUGGING_FACE
from aimlib.schema.error_messages import validation_messages
from hooks.cli.errors import CommandError
from hooks.cli.formats import yaml_document
from hooks.cli.printing import print_note, print_text


def print_model(place: str, model_id: str | None, revision: str, hub: str | None) -> int:
    """Prints the AIMModel of a repository or folder."""
    from hooks.cli.folder_inspection import inspect_folder  # noqa: PLC0415
    from hooks.jobs.volume import inspection  # noqa: PLC0415 - the clients of the hub take a while to import
    from hooks.jobs.volume.errors import DownloadError, TransientError  # noqa: PLC0415
    from hooks.jobs.volume.hub import HubClient  # noqa: PLC0415

    folder = Path(place)
    try:
        if folder.is_dir():
            found = inspect_folder(folder)
        else:
            address = hub or os.environ.get("HF_ENDPOINT") or HUGGING_FACE
            found = inspection.inspect_hub(HubClient(address, place, revision))
    except (DownloadError, TransientError) as error:
        raise CommandError(str(error)) from error
    source = str(folder.resolve()) if folder.is_dir() else place
    facts = facts_of(found.config, Weights(found.size, found.parameters), source)
    wanted = model_id or (folder.resolve().name if folder.is_dir() else place)
    stated = {
        "modelId": wanted,
        "source": place if not folder.is_dir() and place != wanted else None,
        "facts": facts.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json"),
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
    print_text(yaml_document(document))
    return 0
