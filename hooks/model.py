"""The model hook: labels an AIMModel, finds its facts where it states none, and reports what is derived from them."""

from functools import partial
from typing import Any

from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.described_model import ModelCandidate, ModelSpec, ModelStatus
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.endpoint_status import Selection
from aimlib.api.inspection import Inspection
from aimlib.api.meta import Condition, Raw
from aimlib.api.node import InventoryStatus
from aimlib.config import Config
from aimlib.derive.candidates import derivation_key, derived_entries
from aimlib.derive.described import described_checkpoint
from aimlib.derive.sources import Checkpoint
from aimlib.memo import Memo, memoized
from aimlib.naming import CHECKPOINT_LABEL, MODEL_LABEL, OPERATOR_NAMESPACE, model_label
from aimlib.protocol.last_applied import kept_children
from aimlib.protocol.metacontroller import Request, written_status
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.parsing import parse_again
from aimlib.selection.coming import select_with_coming
from hooks.endpoint.world import INVENTORY
from hooks.inspection.state import TrackedInspection, progress_text, track_inspection
from hooks.inspection.subject import Subject

ALL = 2**31
"""More candidates than there are."""


def customize(request: Request) -> dict[str, Any]:
    """The inventory, since the status has what fits on it."""
    request.expect(API_VERSION, "AIMModel")
    return {"relatedResources": [{"apiVersion": API_VERSION, "resource": "aiminventories", "names": ["cluster"]}]}


def sync(request: Request, config: Config) -> dict[str, Any]:
    """Labels and status of one AIMModel; its attachments are a Job that finds its facts, and what that needs."""
    request.expect(API_VERSION, "AIMModel")
    metadata, raw = request.parent["metadata"], request.parent.get("spec")
    inventory = next((one for one in request.found(INVENTORY) if one.get("status")), None)
    model_id = loaded = None
    attachments: list[Raw] = []
    try:
        spec = ModelSpec.model_validate(raw)
        model_id, loaded = model_label(spec.model_id), model_label(spec.loaded)
        inspected = _inspected(request, spec, config)
        attachments = inspected.children if inspected else []
        status = _status(metadata["name"], spec, inspected, inventory, config)
    except ValidationError as error:
        attachments = kept_children(request.children)
        message = "; ".join(validation_messages(error))[:4096]
        ready = Condition(type="Ready", status="False", reason="Invalid", message=message)
        status = ModelStatus(phase="Invalid", conditions=(ready,))
    generation = metadata.get("generation")
    [ready] = status.conditions
    dated = ready.model_copy(update={"observed_generation": generation})
    written = status.model_copy(
        update={"observed_generation": generation, "message": ready.message, "conditions": (dated,)}
    )
    return {
        "labels": {MODEL_LABEL: model_id, CHECKPOINT_LABEL: loaded},
        "annotations": {},
        "attachments": attachments,
        "status": written_status(written.wire()),
    }


def _inspected(request: Request, spec: ModelSpec, config: Config) -> TrackedInspection | None:
    """How far the files of a model without facts are read; None where nothing is to be read."""
    if spec.facts or config.derive == "Never":
        return None
    before = (request.parent.get("status") or {}).get("inspection")
    name = request.parent["metadata"]["name"]
    subject = Subject(
        name, OPERATOR_NAMESPACE, spec.loaded, None, spec.hub, config, source=spec.server, access=spec.access
    )
    return track_inspection(subject, request.children, before)


def _status(
    name: str, spec: ModelSpec, inspected: TrackedInspection | None, inventory: Raw | None, config: Config
) -> ModelStatus:
    inspection = inspected.status if inspected else None
    checkpoint = described_checkpoint(name, spec, inspection.facts if inspection else None)
    if checkpoint is None:
        return ModelStatus(phase="Pending", inspection=inspection, conditions=(_without_facts(spec, inspection),))
    if inventory is None:
        message = "there is no AIMInventory named cluster with a status yet"
        ready = Condition(type="Ready", status="False", reason="NoInventory", message=message)
        precision = checkpoint.precision
        return ModelStatus(phase="Pending", precision=precision, inspection=inspection, conditions=(ready,))
    known = parse_again(InventoryStatus, inventory["status"], "AIMInventory cluster")
    found = _fitting(checkpoint, known, config)
    products = ", ".join(dict.fromkeys(one.hardware for one in found))
    if found:
        message = f"{checkpoint.precision} weights fit on {products}"
        ready = Condition(type="Ready", status="True", reason="Described", message=message)
    else:
        never = config.derive == "Never"
        message = "derive of the settings is Never" if never else _selection(checkpoint, known, config).message
        ready = Condition(type="Ready", status="False", reason="NothingFits", message=message)
    return ModelStatus(
        phase="Ready" if found else "Pending",
        precision=checkpoint.precision,
        hardware=products or None,
        inspection=inspection,
        candidates=found,
        conditions=(ready,),
    )


def _without_facts(spec: ModelSpec, inspection: Inspection | None) -> Condition:
    """Ready of a model whose facts are not known yet."""
    if inspection is None:
        message = f"derive of the settings is Never, and it has no facts: aim model inspect {spec.place} prints them"
        return Condition(type="Ready", status="False", reason="NoFacts", message=message)
    reason = "ModelNotInspected" if inspection.state == "Failed" else "ModelInspecting"
    return Condition(type="Ready", status="False", reason=reason, message=progress_text(inspection)[:4096])


def _fitting(checkpoint: Checkpoint, inventory: InventoryStatus, config: Config) -> tuple[ModelCandidate, ...]:
    """What fits of what is derived, best first; computed once for all numbers of nodes."""
    key = (checkpoint, config.digest, derivation_key(inventory.classes))
    return memoized(FITTING, key, lambda: _candidates(_selection(checkpoint, inventory, config)))


def _selection(checkpoint: Checkpoint, inventory: InventoryStatus, config: Config) -> Selection:
    """How an endpoint that requests nothing but the model would select."""
    everything = config.model_copy(update={"listed_candidates": ALL})
    wish = EndpointSpec.model_validate({"modelId": checkpoint.model_id})
    derive = partial(derived_entries, (), (checkpoint,), config=config)
    return select_with_coming(wish, (), inventory, everything, derive=derive).selection


def _candidates(selection: Selection) -> tuple[ModelCandidate, ...]:
    """What fits, best first, with the GPU counts together."""
    counts: dict[tuple[str, str], list[int]] = {}
    for one in selection.candidates:
        if one.rank is not None and one.derived is not None:
            counts.setdefault((one.derived.hardware, one.derived.backend), []).append(one.gpu_count)
    return tuple(
        ModelCandidate.model_validate(
            {"hardware": hardware, "backend": backend, "gpuCounts": ",".join(map(str, sorted(found)))}
        )
        for (hardware, backend), found in list(counts.items())[:MOST_CANDIDATES]
    )


FITTING: Memo[tuple[ModelCandidate, ...]] = Memo(2048)
"""What fits by model and kinds of hardware: the hundred shipped models are synced whenever a node comes or goes."""
MOST_CANDIDATES = 64
"""Maximum length in the schema."""
