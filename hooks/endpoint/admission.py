"""Admission of an AIMEndpoint: the warnings that its status would have, before it is stored, and its label.

Only what a request changes is judged: an object that was admitted before can always be labelled, scaled and deleted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import jsonpatch

from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.api.resolved import Resolved
from aimlib.config import Config
from aimlib.derive.described import described_models
from aimlib.diagnosis.quotas import QueueQuota, quota_warning
from aimlib.naming import MODEL_LABEL, model_label
from aimlib.protocol.admission_review import AdmissionRequest, AdmissionResponse
from aimlib.protocol.metacontroller import BadRequestError
from aimlib.protocol.observations import CatalogueNames
from aimlib.selection.steps import decided_for
from hooks.endpoint.decision import EndpointDecision, concerning, decide_for
from hooks.endpoint.inspection import may_inspect
from hooks.endpoint.suggestions import Asker
from hooks.endpoint.warnings import warnings
from hooks.endpoint.world import INVENTORY, MODELS, RECIPES, read_spec

SILENT = AdmissionResponse("Silent")
NOT_CHECKED = "not checked whether a recipe fits"
NOT_READ = "the hook server has not read the recipes and the AIMInventory named cluster yet"


Catalogue = Mapping[str, list[Raw]]
"""All objects of the kinds that admission reads, by `Kind.group/version`, each kind in the order of names."""


Quotas = Callable[[str, str], QueueQuota | None]
"""The quota of a queue, by its namespace and its name; None where nobody read it."""


def no_quotas(_namespace: str, _queue: str) -> None:
    """Where nobody reads queues."""


def validate(
    request: AdmissionRequest, known: Catalogue | None, config: Config, *, enforce: bool, quotas: Quotas = no_quotas
) -> AdmissionResponse:
    """What would not work, as warnings; as a refusal where nothing can be selected and `enforce` is set.

    What cannot be judged is admitted with a warning, even then: the catalogue is not read yet, or the CRD accepts a
    spec that this release cannot read. Otherwise the order of an installation or of an upgrade would decide.
    """
    before = request.old or {}
    namespace = request.object["metadata"].get("namespace", "default")
    if request.deleting or before.get("spec") == request.object.get("spec"):
        return SILENT
    try:
        spec, earlier = read_spec(request.object), _earlier(before)
        found = _choice(spec, before, known, config, namespace) if known else None
    except BadRequestError as error:
        return _response((), not_checked=f"{NOT_CHECKED}: {error}")
    given = warnings(earlier, found.pinned if found else None, config) if earlier else ()
    resolved = found.resolved if found else None
    unexpected = [warning for warning in warnings(spec, resolved, config) if warning not in given]
    unexpected += _lacking_quota(spec, earlier, resolved, partial(quotas, namespace))
    if (earlier and decided_for(earlier) == decided_for(spec)) or (found and found.verdict.met):
        return _response(unexpected)
    if found is None or found.fresh is None:
        why = found.verdict.message if found else NOT_READ
        return _response(unexpected, not_checked=f"{NOT_CHECKED}: {why}")
    inspected = found.verdict.reason == "NoRecipe" and may_inspect(spec, config) and not _is_described(spec, known)
    if (enforce or config.admission == "enforce") and not inspected:
        return AdmissionResponse("Refused", tuple(unexpected), refusal=found.verdict.message)
    return _response((f"{found.verdict.message}{WILL_INSPECT * inspected}", *unexpected))


Quota = Callable[[str], QueueQuota | None]
"""The quota of a queue of one namespace, by its name."""


def _lacking_quota(
    spec: EndpointSpec, earlier: EndpointSpec | None, resolved: Resolved | None, quota: Quota
) -> Iterator[str]:
    """What of its queue's quota is lacking for the devices that an endpoint requests now, or requests more of."""
    queue = spec.queue_name
    if queue is None or resolved is None or resolved.resource is None or spec.suspend:
        return
    had = earlier.replicas if earlier and earlier.queue_name == queue and not earlier.suspend else 0
    requested = (spec.replicas - had) * resolved.gpu_count
    found = quota(queue) if requested > 0 else None
    lacking = quota_warning(queue, found, resolved.resource, requested) if found else ""
    if lacking:
        yield lacking


WILL_INSPECT = "; a Job reads the facts in its files, and a configuration is derived from them where one fits"


def _is_described(spec: EndpointSpec, known: Catalogue | None) -> bool:
    """Whether an AIMModel is for the model, whatever it allows."""
    models = (known or {}).get(MODELS, [])
    return any((one.get("spec") or {}).get("modelId") == spec.requested_model.id for one in models)


def _choice(spec: EndpointSpec, before: Raw, known: Catalogue, config: Config, namespace: str) -> EndpointDecision:
    """What would be selected for the spec, given the status that the endpoint has."""
    recipes = concerning(spec, known[RECIPES])
    models = [] if spec.recipe.custom_recipe else known.get(MODELS, [])
    given = described_models(models, spec.requested_model.id or "", namespace)
    asker = Asker(namespace, CatalogueNames(known[RECIPES], known.get(MODELS, [])))
    related = spec, before.get("status") or {}, recipes, known[INVENTORY], config
    return decide_for(*related, asker=asker, models=given)


def label(request: AdmissionRequest) -> AdmissionResponse:
    """The label of the model, by which `kubectl get aimendpoints -l` finds endpoints as it finds recipes.

    A label that somebody else has set stays. A spec that cannot be read is for the CRD to refuse.
    """
    metadata = request.object["metadata"]
    labels = metadata.get("labels") or {}
    try:
        desired, earlier = _label(read_spec(request.object)), _earlier(request.old or {})
    except BadRequestError:
        return SILENT
    ours = {None, desired, _label(earlier) if earlier else None}
    if request.deleting or labels.get(MODEL_LABEL) not in ours or labels.get(MODEL_LABEL) == desired:
        return SILENT
    labelled = {**metadata, "labels": {**labels, MODEL_LABEL: desired}}
    patch = jsonpatch.make_patch({"metadata": metadata}, {"metadata": labelled})
    return AdmissionResponse("Labelled", patch=tuple(patch))


def _label(spec: EndpointSpec) -> str:
    return model_label(spec.requested_model.id or "")


def _earlier(before: Raw) -> EndpointSpec | None:
    """The spec that is stored; None where there is none, or this release cannot read it."""
    try:
        return read_spec(before)
    except BadRequestError:
        return None


def _response(messages: Sequence[str], *, not_checked: str = "") -> AdmissionResponse:
    if not_checked:
        return AdmissionResponse("NotChecked", (not_checked, *messages))
    return AdmissionResponse("Warned", tuple(messages)) if messages else SILENT
