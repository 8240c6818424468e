"""Objects of other systems in a running cluster, and their translations, one after the other."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError
from aimlib.migration.deployed import BESIDE, parts_of_others, serves_models, with_neighbours
from aimlib.migration.draft import Answers, Part, Translation
from aimlib.migration.fields import translate_object
from aimlib.migration.kinds import FOREIGN_KINDS, instead_of
from hooks.cli.cluster import LiveCluster
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError


class ForeignApi(NamedTuple):
    """Where the API server has the objects of a system."""

    group: str
    plurals: tuple[str, ...]
    beside: tuple[tuple[str, str, str], ...] = ()
    """What stands beside them: where its API is, the plural and the kind."""


FOREIGN_APIS = {
    "kserve": ForeignApi("serving.kserve.io", ("inferenceservices", "llminferenceservices")),
    "kubeai": ForeignApi("kubeai.org", ("models",)),
    "kaito": ForeignApi("kaito.sh", ("workspaces", "inferencesets")),
    "aimservice": ForeignApi("aim.eai.amd.com", ("aimservices",)),
    "nim": ForeignApi("apps.nvidia.com", ("nimservices",)),
    "deployment": ForeignApi(
        "apps",
        ("deployments",),
        (
            ("/api/v1", "services", "Service"),
            ("/apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
            ("/apis/keda.sh/v1alpha1", "scaledobjects", "ScaledObject"),
        ),
    ),
}
"""The APIs of the systems that `aim migrate` knows, as their projects publish their CRDs."""


def read_foreign(cluster: LiveCluster, system: str, names: Sequence[str], *, everywhere: bool) -> list[Raw]:
    """The objects of a system in the namespace, those of these names where any are stated. CommandError for none."""
    api = FOREIGN_APIS[system]
    place = "" if everywhere else f"/namespaces/{cluster.namespace}"
    found = [
        {"apiVersion": f"{api.group}/{version}", "kind": kind, **one}
        for plural, version, kind in _served(cluster, api)
        for one in cluster.read(f"/apis/{api.group}/{version}{place}/{plural}").get("items") or ()
    ]
    found = [one for one in found if not _is_made(one, system) and (names or not api.beside or serves_models(one))]
    where = "the cluster" if everywhere else f"namespace {cluster.namespace}"
    there = [one["metadata"]["name"] for one in found]
    if missing := [name for name in names if name not in there]:
        listed = ", ".join(sorted(there)) or "none"
        raise CommandError(f"{where} has no {' or '.join(api.plurals)} named {missing[0]}; there are: {listed}")
    if not found:
        raise CommandError(f"{where} has no {' or '.join(api.plurals)}", CLUSTER_ERROR_CODE)
    chosen = [one for one in found if not names or one["metadata"]["name"] in names]
    return with_neighbours([*chosen, *_beside(cluster, api, place)])[0] if api.beside else chosen


def _beside(cluster: LiveCluster, api: ForeignApi, place: str) -> Iterator[Raw]:
    """What stands beside the objects of a system; what another object has made is told by that."""
    for root, plural, kind in api.beside:
        for one in cluster.read(f"{root}{place}/{plural}").get("items") or ():
            if not one["metadata"].get("ownerReferences"):
                yield {"apiVersion": root.split("/", 2)[2], "kind": kind, **one}


def _is_made(found: Raw, system: str) -> bool:
    """Whether another object has made it: one of the same system, which is translated itself; of a Deployment, any."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(system == "deployment" or owner.get("kind") in FOREIGN_KINDS[system] for owner in owners)


def _served(cluster: LiveCluster, api: ForeignApi) -> Iterator[tuple[str, str, str]]:
    """Each plural of an API that is served, with the first version that has it, and its kind."""
    group = cluster.read(f"/apis/{api.group}")
    preferred = (group.get("preferredVersion") or {}).get("version")
    others = [one["version"] for one in group.get("versions") or ()]
    pending = set(api.plurals)
    for version in dict.fromkeys([*filter(None, (preferred,)), *others]):
        for resource in cluster.read(f"/apis/{api.group}/{version}").get("resources") or ():
            if resource["name"] in pending:
                pending.remove(resource["name"])
                yield resource["name"], version, resource["kind"]
    if len(pending) == len(api.plurals):
        raise CommandError(f"the cluster has no API {api.group}, or none with {api.plurals[0]}", CLUSTER_ERROR_CODE)


def translate_each(system: str, found: Sequence[Raw], answers: Answers) -> Iterator[Translation]:
    """The translation of each object; with several of them, one that cannot be translated needs you.

    Objects that stand beside Deployments in a file are named. InvalidInputError where the only object cannot be
    translated, or an answer is for one object alone.
    """
    others: list[Raw] = []
    if FOREIGN_APIS[system].beside and any(BESIDE not in one for one in found):
        deployments, others = with_neighbours(found)
        if not deployments:
            raise InvalidInputError(f"there is no Deployment{instead_of(found[0])}")
        serving = [one for one in deployments if serves_models(one)] or deployments
        others = [*(one for one in deployments if one not in serving), *others]
        found = serving
    yield from _each(system, found, answers)
    if others:
        yield Translation((), tuple(parts_of_others(others)))


def _each(system: str, found: Sequence[Raw], answers: Answers) -> Iterator[Translation]:
    if len(found) == 1:
        yield translate_object(system, found[0], answers)
        return
    if answers.model or answers.name:
        raise InvalidInputError(f"--model and --name are for one object, and there are {len(found)}: name one")
    for raw in found:
        title = _title(raw)
        try:
            translated = translate_object(system, raw, answers)
        except InvalidInputError as error:
            yield Translation((), (Part(title, "needs you", "; ".join(str(error).splitlines())),))
        else:
            yield translated._replace(
                parts=tuple(part._replace(text=f"{title}: {part.text}") for part in translated.parts)
            )


def _title(raw: Raw) -> str:
    metadata = raw.get("metadata") or {}
    return "/".join(str(one) for one in (metadata.get("namespace"), metadata.get("name")) if one) or "an object"
