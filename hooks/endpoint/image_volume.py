"""A model in an image that pods mount as a volume: which digest, and what the Deployment waits for.

The digest is what a tag named when somebody first looked. It is in status.source from then on, so that nothing that
runs changes when the tag moves.
"""

from aimlib.api.cache import HubSpec
from aimlib.api.endpoint_status import LoadedSource
from aimlib.api.source import ModelSource, parse_source
from aimlib.kube.server_kinds import pods_template
from aimlib.naming import ENDPOINT_LABEL, label_value
from aimlib.protocol.conditions import Verdict
from aimlib.protocol.last_applied import last_applied
from hooks.endpoint.cache import CacheUse, with_former_uses
from hooks.endpoint.cache_messages import HOW_FAR_MOUNTED
from hooks.endpoint.children.container import MODEL_VOLUME
from hooks.endpoint.children.deployment import held_deployment
from hooks.endpoint.children.held import HeldDeployment
from hooks.endpoint.children.loaded_files import MountedImage
from hooks.endpoint.children.owner import Owner
from hooks.endpoint.conditions import CachePods
from hooks.endpoint.world import World, remembered_part
from hooks.inspection.digest import NAMED_DIGEST, LookedUp, look_up
from hooks.inspection.subject import Subject

TAG_LOOK_SECONDS = 6 * 3600
"""When to look whether there is a new day, on which a tag is looked up again."""
STATED = LookedUp(None, "", ())
"""Nothing is looked up where the source states a digest."""


def use_image(world: World, owner: Owner) -> CacheUse:
    """The image of an endpoint, and all that follows from it."""
    model, owner = world.spec.requested_model, with_former_uses(world, owner)
    place, source = model.source or "", parse_source(model.source or "")
    stated = source.revision if NAMED_DIGEST.fullmatch(source.revision or "") else None
    looked = STATED if stated else look_up(_subject(world), world.children, world.now)
    digest = stated or _pinned(world, place, source) or looked.digest
    folder = model.image_volume.folder if model.image_volume else ""
    owner = owner._replace(image=MountedImage(f"{source.name}@{digest}" if digest else "", folder))
    resync = 0 if stated else TAG_LOOK_SECONDS
    if digest is None:
        waits = f"waiting for the digest of {place}: {looked.waits}"
        verdict = Verdict("CacheReady", False, "ImageNotResolved", waits)
        hold, pods = _held(world, owner), CachePods(f"no replica is started before the digest of {place} is known")
        objections = (verdict,) if owner.replicas else ()
        held = owner._replace(hold=hold)
        return CacheUse(held, (verdict,), objections, pods, children=looked.children, resync_seconds=resync)
    tag = "" if stated else f", which {place} named when it was looked up"
    text = f"{owner.resolved.checkpoint} is mounted from image {source.name}@{digest}{tag}; {HOW_FAR_MOUNTED}"
    return CacheUse(
        owner,
        (Verdict("CacheReady", True, "ImageResolved", text),),
        newer=_newer(place, source, digest, looked.digest),
        source=LoadedSource(source=place, resolved=digest, verified="Digest"),
        children=looked.children,
        resync_seconds=resync,
    )


def _subject(world: World) -> Subject:
    model = world.spec.requested_model
    return Subject(
        *(world.name, world.namespace, model.id or "", None, HubSpec(), world.config),
        labels={ENDPOINT_LABEL: label_value(world.name)},
        source=model.source,
        access=model.access,
    )


def _pinned(world: World, place: str, source: ModelSource) -> str | None:
    """The digest that is mounted: by the status, and by the pods where that is lost."""
    before = remembered_part(world.before, "source", LoadedSource)
    if before:
        same = before.source == place and NAMED_DIGEST.fullmatch(before.resolved or "")
        return before.resolved if same else None
    volumes = pods_template(world.running)["spec"].get("volumes") or () if world.running else ()
    found = next((one.get("image") for one in volumes if one["name"] == MODEL_VOLUME), None) or {}
    name, _, digest = str(found.get("reference")).partition("@")
    return digest if name == source.name and NAMED_DIGEST.fullmatch(digest) else None


def _held(world: World, owner: Owner) -> HeldDeployment:
    """The Deployment as it was last applied, with the replicas that are desired; none where there was none."""
    running = world.running
    if running is None:
        return HeldDeployment(None)
    return held_deployment(owner, running, {**(last_applied(running) or running)["spec"], "replicas": owner.replicas})


def _newer(place: str, source: ModelSource, digest: str, now: str | None) -> str:
    """That the tag names another image than the mounted one; empty where it does not."""
    if now is None or now == digest:
        return ""
    return f"{place} is {now} now, and {digest} is mounted: it stays until the spec states source: oci://{source.name}@{now}"
