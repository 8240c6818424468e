"""What is planned: endpoints and caches as the API server would store them, with what else is beside them."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from pydantic import ValidationError

from aimlib.api import API_VERSION
from aimlib.api.endpoint import EndpointSpec
from aimlib.api.meta import Raw
from aimlib.migration.kinds import instead_of
from aimlib.schema.manifests import Document, InvalidManifestError
from aimlib.schema.validation import Finding, validate_object

PLANNED_KINDS = "only AIMEndpoint, AIMCache, AIMRecipe, AIMModel and AIMGateway can be planned with"


class PlanInput(NamedTuple):
    """Endpoints, caches, models and gateways as the API server would store them, and recipes beside them."""

    endpoints: tuple[Raw, ...]
    caches: tuple[Raw, ...]
    recipes: tuple[Document, ...]
    models: tuple[Raw, ...] = ()
    gateways: tuple[Raw, ...] = ()
    """What routes to the endpoints; they are not planned themselves."""


def plan_input(
    found: Iterable[Document], source: str, namespace: str | None, planned: Collection[str] = ("AIMEndpoint",)
) -> PlanInput:
    """Sorts documents by kind, and validates them like the API server.

    InvalidManifestError unless there is one of the `planned` kinds, where any are named; `source` is named then.
    """
    stored: dict[str, list[Raw]] = {"AIMEndpoint": [], "AIMCache": [], "AIMGateway": []}
    recipes, models = [], []
    for document in found:
        if document.kind not in {*stored, "AIMRecipe", "AIMModel"}:
            raise document.refused([Finding(("kind",), f"{PLANNED_KINDS}{instead_of(document.raw)}")])
        defaulted, findings = validate_object(document.raw, document.kind)
        if findings:
            raise document.refused(findings)
        if document.kind == "AIMRecipe":
            recipes.append(document)
        elif document.kind == "AIMModel":
            models.append(defaulted)
        else:
            stored[document.kind].append(_with_namespace(document, defaulted, namespace))
    if planned and not any(stored[kind] for kind in planned):
        raise InvalidManifestError(f"{source}: no {' or '.join(planned)}")
    endpoints, caches, gateways = (tuple(found) for found in stored.values())
    return PlanInput(endpoints, caches, tuple(recipes), tuple(models), gateways)


def of_models(models: Iterable[str], namespace: str | None) -> PlanInput:
    """An endpoint for each model, that requests nothing else. InvalidManifestError for an id that is none."""
    found = []
    for number, model in enumerate(models, start=1):
        metadata = {"name": f"model-{number}"}
        raw = {"apiVersion": API_VERSION, "kind": "AIMEndpoint", "metadata": metadata, "spec": {"modelId": model}}
        document = Document("--model", raw)
        try:
            EndpointSpec.model_validate(raw["spec"])
        except ValidationError as error:
            # The schema, which takes a while to make, names the field; there is nothing else to check or to default.
            raise document.refused(validate_object(raw, "AIMEndpoint")[1]) from error
        found.append(_with_namespace(document, raw, namespace))
    return PlanInput(tuple(found), (), ())


def _with_namespace(one: Document, defaulted: Raw, namespace: str | None) -> Raw:
    """Sets the namespace, which must be the same in the file and on the command line."""
    metadata = defaulted["metadata"]
    stated = metadata.get("namespace")
    if stated and namespace and stated != namespace:
        raise one.refused([Finding(("metadata", "namespace"), f"{stated}, but the command line has {namespace}")])
    return {**defaulted, "metadata": {**metadata, "namespace": stated or namespace or "default", "generation": 1}}
