"""The AIMCache that an endpoint makes for a model whose files are neither at the hub nor on a claim."""

from collections.abc import Sequence

from aimlib.api import API_VERSION
from aimlib.api.cache import CachedModelSpec
from aimlib.api.meta import Raw
from aimlib.caching.newest import may_move
from hooks.endpoint.children.engine_hub import engine_hub
from hooks.endpoint.children.owner import Owner


def own_cache(owner: Owner) -> Raw | None:
    """The AIMCache where there is something to download. Another source is another cache, and so another volume."""
    download, stated = owner.download, owner.spec.cache
    if download is None:
        return None
    access = {"access": download.access.wire()} if download.access else {}
    model = CachedModelSpec.model_validate({"id": owner.resolved.checkpoint, "source": download.source, **access})
    draft = owner.resolved.draft  # an AIMModel has the model's files; those of what drafts are in their repository
    models = [model, *([CachedModelSpec(id=draft.repository, revision=draft.revision)] if draft else [])]
    return {
        "apiVersion": API_VERSION,
        "kind": "AIMCache",
        "metadata": owner.metadata(owner.own_cache),
        "spec": {
            "storage": {
                "size": stated.size or owner.resolved.cache_size or owner.config.cache_size,
                "storageClass": stated.storage_class,
                "accessMode": stated.access_mode,
                "mountPath": stated.mount_path,
            },
            "models": [one.wire() for one in models],
            "hub": _hub(owner, models),
            "updates": {"enabled": True} if may_move(model) else None,
        },
    }


def _hub(owner: Owner, models: Sequence[CachedModelSpec]) -> Raw:
    """The engine's hub, where that has the files, and its proxies. Where it is not known, no other one is requested."""
    hub, unknown = engine_hub(owner.spec)
    if not any(model.of_hub for model in models):
        return {"proxy": hub.proxy.wire()}
    token = owner.spec.requested_model.token_secret
    return {
        "endpoint": hub.endpoint,
        "offline": True if unknown else None,
        "tokenSecret": token.wire() if token else None,
        "proxy": hub.proxy.wire(),
    }
