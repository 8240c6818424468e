"""Objects of other systems in a running cluster, and their translations, one after the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aimlib.api.meta import Raw
from aimlib.errors import InvalidInputError
from aimlib.migration.beside import BESIDE, parts_of_others, with_neighbours
from aimlib.migration.deployed import serves_models
from aimlib.migration.draft import Answers, Part, Translation
from aimlib.migration.fields import translate_object
from aimlib.migration.forms import known_form, refusal_text
from aimlib.migration.kinds import FOREIGN_KINDS, instead_of
from aimlib.migration.nim import with_caches
from aimlib.migration.stack import with_adapters
from hooks.cli.cluster import LiveCluster, is_forbidden
from hooks.cli.errors import CLUSTER_ERROR_CODE, CommandError


class ForeignApi(NamedTuple):
    """Where the API server has the objects of a system."""

    groups: Mapping[str, tuple[str, ...]]
    """The plurals of each API group."""
    beside: tuple[tuple[str, str, str], ...] = ()
    """What stands beside them: where its API is, the plural and the kind."""
    joined: Callable[[Iterable[Raw]], tuple[list[Raw], list[Raw]]] | None = None
    """Puts what stands beside them to each, and returns the rest."""
    is_one: Callable[[Raw], bool] = bool
    """Whether an object of such a kind is one of the system's."""

    @property
    def plurals(self) -> tuple[str, ...]:
        """The plurals of all groups."""
        return tuple(plural for plurals in self.groups.values() for plural in plurals)


class FoundObjects(NamedTuple):
    """Objects of a cluster, and what may stand beside them and cannot be read."""

    objects: list[Raw]
    unread: tuple[str, ...] = ()
    """Plurals for which the user has no rights."""


FOREIGN_APIS = {
    "kserve": ForeignApi({"serving.kserve.io": ("inferenceservices", "llminferenceservices")}),
    "kubeai": ForeignApi({"kubeai.org": ("models",)}),
    "kaito": ForeignApi({"kaito.sh": ("workspaces", "inferencesets")}),
    "aimservice": ForeignApi({"aim.eai.amd.com": ("aimservices",)}),
    "nim": ForeignApi(
        {"apps.nvidia.com": ("nimservices",)},
        (("/apis/apps.nvidia.com/v1alpha1", "nimcaches", "NIMCache"),),
        with_caches,
    ),
    "vllmruntime": ForeignApi(
        {"production-stack.vllm.ai": ("vllmruntimes",)},
        (("/apis/production-stack.vllm.ai/v1alpha1", "loraadapters", "LoraAdapter"),),
        with_adapters,
    ),
    "deployment": ForeignApi(
        {"apps": ("deployments", "statefulsets"), "leaderworkerset.x-k8s.io": ("leaderworkersets",)},
        (
            ("/api/v1", "services", "Service"),
            ("/apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
            ("/apis/keda.sh/v1alpha1", "scaledobjects", "ScaledObject"),
            ("/apis/policy/v1", "poddisruptionbudgets", "PodDisruptionBudget"),
            ("/apis/networking.k8s.io/v1", "ingresses", "Ingress"),
            ("/apis/gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute"),
        ),
        with_neighbours,
        serves_models,
    ),
}
"""The APIs of the systems that `aim migrate` knows, as their projects publish their CRDs."""
NOT_READABLE = "your rights do not let them be read: what stands beside these objects is not told"


def read_foreign(cluster: LiveCluster, system: str, names: Sequence[str], *, everywhere: bool) -> FoundObjects:
    """The objects of a system in the namespace, those of these names where any are stated. CommandError for none."""
    api = FOREIGN_APIS[system]
    place = "" if everywhere else f"/namespaces/{cluster.namespace}"
    found = [
        {"apiVersion": f"{group}/{version}", "kind": kind, **one}
        for group, plural, version, kind in _served(cluster, api)
        for one in cluster.read(f"/apis/{group}/{version}{place}/{plural}").get("items") or ()
    ]
    found = [one for one in found if not _is_made(one, system) and (names or api.is_one(one))]
    where = "the cluster" if everywhere else f"namespace {cluster.namespace}"
    there = [one["metadata"]["name"] for one in found]
    if missing := [name for name in names if name not in there]:
        listed = ", ".join(sorted(there)) or "none"
        raise CommandError(f"{where} has no {' or '.join(api.plurals)} named {missing[0]}; there are: {listed}")
    if not found:
        raise CommandError(f"{where} has no {' or '.join(api.plurals)}", CLUSTER_ERROR_CODE)
    chosen = [one for one in found if not names or one["metadata"]["name"] in names]
    if api.joined is None:
        return FoundObjects(chosen)
    beside, unread = _beside(cluster, api, place)
    return FoundObjects(api.joined([*chosen, *beside])[0], unread)


def _beside(cluster: LiveCluster, api: ForeignApi, place: str) -> tuple[list[Raw], tuple[str, ...]]:
    """What stands beside the objects of a system, and what of it may not be read; what another object made is left."""
    found, unread = [], []
    for root, plural, kind in api.beside:
        try:
            items = cluster.read(f"{root}{place}/{plural}").get("items") or ()
        except CommandError as error:
            if not is_forbidden(error):
                raise
            unread.append(plural)
            continue
        typed = {"apiVersion": root.split("/", 2)[2], "kind": kind}
        found += [{**typed, **one} for one in items if not one["metadata"].get("ownerReferences")]
    return found, tuple(unread)


def _is_made(found: Raw, system: str) -> bool:
    """Whether another object has made it: one of the same system, which is translated itself; of a workload, any."""
    owners = found["metadata"].get("ownerReferences") or ()
    return any(system == "deployment" or owner.get("kind") in FOREIGN_KINDS[system] for owner in owners)


def _served(cluster: LiveCluster, api: ForeignApi) -> Iterator[tuple[str, str, str, str]]:
    """Each plural of the groups that is served, with the first version that has it, and its kind; CommandError."""
    served = [one for group, plurals in api.groups.items() for one in _of_group(cluster, group, plurals)]
    if not served:
        group, plurals = next(iter(api.groups.items()))
        raise CommandError(f"the cluster has no API {group}, or none with {plurals[0]}", CLUSTER_ERROR_CODE)
    yield from served


def _of_group(cluster: LiveCluster, name: str, plurals: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    group = cluster.read(f"/apis/{name}")
    preferred = (group.get("preferredVersion") or {}).get("version")
    others = [one["version"] for one in group.get("versions") or ()]
    pending = set(plurals)
    for version in dict.fromkeys([*filter(None, (preferred,)), *others]):
        for resource in cluster.read(f"/apis/{name}/{version}").get("resources") or ():
            if resource["name"] in pending:
                pending.remove(resource["name"])
                yield name, resource["name"], version, resource["kind"]


def translate_each(system: str, found: FoundObjects, answers: Answers) -> Iterator[Translation]:
    """The translation of each object; with several of them, one that cannot be translated needs you.

    Objects that stand beside workloads in a file are named. InvalidInputError where the only object cannot be
    translated, or an answer is for one object alone.
    """
    others: list[Raw] = []
    objects, api = found.objects, FOREIGN_APIS[system]
    if api.joined and any(BESIDE not in one for one in objects):
        with known_form("a part of these objects"):
            joined, others = api.joined(objects)
        if not joined:
            raise InvalidInputError(f"there is no {' or '.join(FOREIGN_KINDS[system])}{instead_of(objects[0])}")
        objects = [one for one in joined if api.is_one(one)] or joined
        others = [*(one for one in joined if one not in objects), *others]
    yield from _each(system, objects, answers)
    parts = [*parts_of_others(others), *(Part(plural, "needs you", NOT_READABLE) for plural in found.unread)]
    if parts:
        yield Translation((), tuple(parts))


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
            yield Translation((), (Part(title, "needs you", "; ".join(refusal_text(error).splitlines())),))
        else:
            yield translated._replace(
                parts=tuple(part._replace(text=f"{title}: {part.text}") for part in translated.parts)
            )


def _title(raw: Raw) -> str:
    metadata = raw.get("metadata") or {}
    return "/".join(str(one) for one in (metadata.get("namespace"), metadata.get("name")) if one) or "an object"
