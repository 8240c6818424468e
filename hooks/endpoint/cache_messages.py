"""Messages about an endpoint's AIMCache: the condition CacheReady, and warnings about sharing it and not using it."""

from collections.abc import Iterable, Iterator

from aimlib.api.cache_status import CachedModelStatus
from aimlib.api.endpoint_status import UsedCache
from aimlib.caching.byte_sizes import format_bytes
from aimlib.caching.choice import CacheCandidate, CacheChoice, CacheRequest
from aimlib.caching.job_reports import DEFAULT_REVISION
from aimlib.caching.usage import own_claim
from aimlib.caching.weight_files import EXAMPLES, HUGGING_FACE
from aimlib.kube.quantity import parse_quantity
from aimlib.printable import printable
from aimlib.protocol.conditions import Verdict

WHAT_RUNS = "the replicas that run stay as they are"
SHARED = {
    "ReadWriteOnce": "all pods that use it must fit on one node",
    "ReadWriteOncePod": "one pod uses it at a time",
}
"""What an access mode means for the pods of a cache."""
NO_ROOM = {"TooSmall", "SizeUnknown"}
"""Reasons of a cache that has no volume for its models; its message explains why."""
NO_VOLUME = {"ClaimMissing", "ClaimNotFound", "ClaimLost"}
"""Reasons of the condition StorageReady of a cache whose claim is not there."""
NAMED = 5
"""How many names a message has at most."""


def cache_ready(choice: CacheChoice, namespace: str, *, running: bool, source: str = "") -> Verdict:
    """Whether the cache has the model of the endpoint, and that which drafts. `running`: whether any pod runs.

    `source` is what a cache of the endpoint's own downloads; empty where it is another one.
    """
    parts = [_part_ready(part, namespace, running=running, source=source) for part in choice.parts]
    model = next((part for part in parts if not part.met), parts[0])
    return model._replace(message="; ".join(part.message for part in parts)) if model.met else model


def _part_ready(choice: CacheChoice, namespace: str, *, running: bool, source: str) -> Verdict:
    """The same of one of these checkpoints: the first row that applies."""
    name, request, model, gone = choice.name, choice.request, choice.model, choice.found is None
    found = choice.found or CacheCandidate(name)
    state = model.status if model else "Waiting"
    lost = f"{request.checkpoint} is not in cache {name} now"
    waiting = lost if choice.in_use else f"waiting for {request.checkpoint} in cache {name}"
    lacks = _lacks_volume(found)
    anew = f"AIMCache {name} of this endpoint"
    table = (
        (found.deleting and source, "Waiting", f"{waiting}: {anew} is being deleted, and is made anew then"),
        (source and not found.status.phase, "Waiting", f"{waiting}: {anew} downloads it from {source}"),
        (gone and choice.in_use, "CacheDeleted", f"cache {name} is gone; {_kept(choice)}"),
        (gone, "CacheNotFound", f"there is no AIMCache {name} in namespace {namespace}"),
        (found.deleting and choice.in_use, "CacheDeleted", f"cache {name} is being deleted; {_kept(choice)}"),
        (found.deleting, "CacheDeleted", f"cache {name} is being deleted; {AGAIN}"),
        (found.error, "CacheUnreadable", f"AIMCache {name} cannot be read: {found.error}"),
        (not (choice.used or found.lists(request.checkpoint)), "ModelNotListed", _not_listed(found, request)),
        (not choice.used and found.untrusted(request), "CodeNotTrusted", _untrusted(found, request)),
        (not choice.used and found.leaves_out(request), "FilesExcluded", _left_out(found, request)),
        (
            not choice.used,
            "RevisionDiffers",
            f"{_listed_at(found, request)}, and {_revision_needed(request)}",
        ),
        (lacks and not choice.in_use, "Waiting", f"{waiting}: {lacks}"),
        (state == "Ready", "CacheReady", _is_there(choice, found)),
        (state == "Failed", "DownloadFailed", f"{request.checkpoint} is not in cache {name}: {_failure(choice)}"),
        (state == "Downloading", "Downloading", f"{waiting}: {(model and model.progress) or 'its download has begun'}"),
        (state == "Verifying", "Verifying", f"{waiting}: its files are being verified"),
        (state == "OnDemand", "Waiting", f"{waiting}: it will be downloaded, now that it is used"),
        (state == "Removed", "Waiting", f"{waiting}: a clean-up removed it, and it will be downloaded again"),
        (True, "Waiting", f"{waiting}: {_waits_for(choice, found)}"),
    )
    reason, text = next((reason, text) for applies, reason, text in table if applies)
    good = reason == "CacheReady"
    kept = running and not good and not (reason == "CacheDeleted" and choice.in_use)
    return Verdict("CacheReady", good, reason, f"{text}; {WHAT_RUNS}" if kept else text)


def _lacks_volume(found: CacheCandidate) -> str:
    """Why the cache has no volume of its own, whatever has its name; empty where it has one."""
    return next((condition.message for condition in found.status.conditions if condition.reason in NO_VOLUME), "")


AGAIN = "create the cache again, or change spec.cache"


def _kept(choice: CacheChoice) -> str:
    claim = choice.used.claim_name if choice.used else ""
    own = claim == own_claim(choice.name)
    goes = "goes when its last pod does" if own else "stays"
    return f"this endpoint keeps running on the claim {claim}, which {goes}; {AGAIN}"


def _not_listed(found: CacheCandidate, request: CacheRequest) -> str:
    listed = listing(model.id for model in found.models) or "no model"
    what = f"adapter {request.adapter} is" if request.adapter else f"recipe {request.recipe} loads"
    return (
        f"cache {found.name} lists {listed}, and not {request.checkpoint}, which {what}: "
        "add it to spec.models of the cache"
    )


def _untrusted(found: CacheCandidate, request: CacheRequest) -> str:
    return (
        f"recipe {request.recipe} runs code of the repository, and the files of cache {found.name} come from "
        f"{found.chosen_source(request)}: use a cache that downloads from a hub in tokenHubs of the settings, or have "
        "remoteCodeRevisions: Any set there"
    )


def _left_out(found: CacheCandidate, request: CacheRequest) -> str:
    return (
        f"cache {found.name} leaves out the weights of {request.checkpoint} that recipe {request.recipe} loads, "
        f"such as {EXAMPLES[request.form or HUGGING_FACE][0]}: change include and exclude of the model in the cache"
    )


def _listed_at(found: CacheCandidate, request: CacheRequest) -> str:
    return f"cache {found.name} lists {request.checkpoint} at {found.revision(request.checkpoint) or DEFAULT_REVISION}"


def _revision_needed(request: CacheRequest) -> str:
    """Which revision an endpoint needs, where a cache has another."""
    if request.default_only:
        return f"recipe {request.recipe} runs code of the default branch only"
    return f"this endpoint requests {request.revision}{f' of adapter {request.adapter}' if request.adapter else ''}"


def _is_there(choice: CacheChoice, found: CacheCandidate) -> str:
    model, checkpoint = choice.model, choice.request.checkpoint
    # Up: the size in the status was rounded down already.
    size = f", {format_bytes(int(parse_quantity(model.size)), at_least=True)}" if model and model.size else ""
    there = f"{checkpoint} is in cache {choice.name}{size}{_came_from(model)}"
    if model is None or model.listed is not False:
        return there
    now = "lists another revision now" if found.lists(checkpoint) else "does not list it any more"
    return f"{there}; the cache {now}"


def _came_from(model: CachedModelStatus | None) -> str:
    """Which version of a source it is, and how far that was verified; empty of what is from the hub by its id."""
    if model is None or model.source is None:
        return ""
    named = f", which was {printable(model.resolved, SHOWN_VERSION)} then" if model.resolved else ""
    return f", from {model.source}{named}; {HOW_FAR_VERIFIED[model.verified]}"


HOW_FAR_MOUNTED = "the container runtime checks what it pulls against the digest, and nothing checks the files later"
HOW_FAR_VERIFIED = {
    None: "how far it was verified is not known",
    "SourceHashes": "every file has the hash that the source states",
    "FirstRead": "the source states no hashes: no file changed while it was read, and what was read is checked since",
    "Digest": HOW_FAR_MOUNTED,
}
"""How far files were verified."""
SHOWN_VERSION = 80
"""Characters of a version in a message."""


def _failure(choice: CacheChoice) -> str:
    model = choice.model
    return ": ".join(filter(None, (model.reason, model.message))) if model else ""


def _waits_for(choice: CacheChoice, found: CacheCandidate) -> str:
    """What the cache itself waits for, or else what its status has of the model."""
    reasons = {condition.reason for condition in found.status.conditions if condition.type == "Ready"}
    of_cache = found.status.message if found.status.phase == "Pending" or reasons & NO_ROOM else None
    of_model = choice.model.message if choice.model else None
    return of_cache or of_model or found.status.message or "the cache has no status yet"


def other_users(choice: CacheChoice, endpoint: str) -> tuple[str, ...]:
    """The other endpoints that use any model of the cache."""
    models = choice.found.status.cached_models if choice.found else ()
    return tuple(sorted({user for model in models for user in model.used_by} - {endpoint}))


def shared(used: UsedCache, replicas: int, others: Iterable[str]) -> str:
    """What the access mode of the volume means for all its pods; empty where they may run anywhere."""
    if used.access_mode not in SHARED:
        return ""
    mine = f"{replicas} of this endpoint" if replicas > 1 else ""
    names = listing(others)
    who = " and ".join(filter(None, (mine, names and f"those of {names}")))
    meaning = f"cache {used.name} is {used.access_mode}, so {SHARED[used.access_mode]}"
    return f"{meaning}: {who}" if who else meaning


def unused(caches: Iterable[CacheCandidate], request: CacheRequest) -> Iterator[str]:
    """Why caches that have to do with the model are not used by an endpoint that leaves the choice free."""
    for one in (cache for cache in caches if not cache.deleting):
        if one.error:
            yield f"AIMCache {one.name} is not used, since it cannot be read: {one.error}"
        elif one.serves(request):
            moves = f"cache.name: {one.name} moves it there"
            yield f"cache {one.name} lists {request.checkpoint}, and this endpoint began without it; {moves}"
        elif one.lists(request.checkpoint) and one.untrusted(request):
            yield f"{_untrusted(one, request)}; the cache is not used"
        elif one.leaves_out(request):
            yield f"{_left_out(one, request)}; the cache is not used"
        elif one.lists(request.checkpoint) and (lacking := _lacking_draft(one, request)):
            yield f"{lacking}: the cache is used once it has both"
        elif one.lists(request.checkpoint):
            yield f"{_listed_at(one, request)}, and {_revision_needed(request)}: the cache is not used"
        elif one.lists(request.model):
            yield (
                f"cache {one.name} lists {request.model}, but recipe {request.recipe} loads {request.checkpoint}: "
                "the cache is used once it lists that"
            )


def _lacking_draft(found: CacheCandidate, request: CacheRequest) -> str:
    """That a cache has the model and not what drafts for it; empty where it has, or nothing drafts."""
    draft = request.draft
    if draft is None or found.serves(request._replace(revision=None)):
        return ""
    if not found.lists(draft.repository):
        return f"cache {found.name} lists {request.checkpoint}, and not {draft.repository}, which drafts for it"
    return f"{_listed_at(found, request.parts[1])}, and {_revision_needed(request.parts[1])}"


def listing(names: Iterable[str]) -> str:
    known = sorted(names)
    more = len(known) - NAMED
    return ", ".join(known[:NAMED]) + (f" and {more} more" if more > 0 else "")
