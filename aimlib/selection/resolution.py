"""What of a selected candidate is stored: everything that is needed to build the children without selecting again."""

from aimlib import pod_template
from aimlib.api.draft import DraftModel, RecipeDraft, RequestedDraft
from aimlib.api.model_facts import ModelFacts
from aimlib.api.resolved import Resolved, ResolvedResources
from aimlib.caching.capacity import HEADROOM
from aimlib.config import Config
from aimlib.kube.quantity import canonical_quantity, from_gib
from aimlib.selection.allocation import claim_of
from aimlib.selection.candidates import Case, engine_image
from aimlib.selection.share_arguments import bounded_arguments


def resolve(case: Case, key: str, config: Config) -> Resolved:
    """The selected configuration, on the first of the classes that fit: whole GPUs before partitions."""
    recipe, hardware = case.recipe, case.hardware
    first = case.first_class
    same = [group for group in case.classes if (group.partition, group.resource) == (first.partition, first.resource)]
    same = [first] if first.may_come else same  # a template has the labels of its own pool
    device_ids = hardware.device_ids if hardware else ()
    resources, claim = case.configuration.resources, claim_of(case, first)
    nodes = () if claim else same  # a claim finds the devices itself
    return Resolved(
        decided_for=key,
        recipe=case.name,
        model_id=case.requirements.model_id,
        checkpoint=recipe.loaded,
        draft=_draft(recipe.draft, case.requirements.draft) if recipe.draft else None,
        backend=recipe.backend,
        precision=recipe.precision,
        gpu_count=case.configuration.gpu_count,
        nodes=case.nodes if case.nodes > 1 else None,
        image=engine_image(case) or "",
        product=first.product,
        vendor=first.vendor,
        resource=first.resource if case.configuration.gpu_count and claim is None else None,
        device_claim=claim,
        time_sliced=first.shared or None,
        partition=first.partition,
        device_ids=device_ids if first.vendor == "amd" and claim is None else (),
        node_products=tuple(sorted({group.node_product for group in nodes if group.node_product})),
        tolerations=config.tolerated_taints.get(first.vendor, ()),
        args=bounded_arguments(case),
        env=case.launch.env,
        resources=ResolvedResources(
            requests={name: canonical_quantity(amount) for name, amount in sorted(resources.requests.items())},
            limits={name: canonical_quantity(amount) for name, amount in sorted(resources.limits.items())},
        ),
        # No claim may ask for nothing, as that of weights of a few bytes would.
        cache_size=from_gib(max(_files_gib(recipe.facts, recipe.draft) * HEADROOM, 1)) if recipe.facts else None,
        node_labels=tuple(sorted({label for group in nodes for label in group.node_labels})),
        template_version=pod_template.NEWEST,
        adapters=case.requirements.adapters,
        derived_from=case.derived_from or None,
        may_come=first.may_come,
    )


def _draft(has: RecipeDraft, requested: RequestedDraft | None) -> DraftModel:
    """The second model as its files are found: by the revision that the endpoint states, else by the recipe's."""
    revision = (requested.revision if requested else None) or has.revision
    return DraftModel(repository=has.repository, revision=revision, method=has.method, tokens=has.tokens)


def _files_gib(facts: ModelFacts, draft: RecipeDraft | None) -> float:
    """GiB of the files of both checkpoints."""
    return facts.weights_gib + (draft.facts.weights_gib if draft else 0)
