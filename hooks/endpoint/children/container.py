"""The engine's container: command, environment, resources, probes."""

from enum import Enum

from aimlib.api.endpoint_status import UsedCache
from aimlib.api.meta import Raw
from aimlib.api.recipe import EnvVar
from aimlib.engines.draft_arguments import draft_arguments
from aimlib.kube.expansion import Expandable
from aimlib.naming import ENGINE_CONTAINER
from aimlib.selection.container_resources import container_resources
from hooks.endpoint.children.compile_cache import compile_mounts, compile_variables, started_with
from hooks.endpoint.children.device_claims import container_claims
from hooks.endpoint.children.owner import Owner
from hooks.objects.authorities import ca_mounts, ca_variables
from hooks.objects.container import literal_container
from hooks.objects.hub_token import hub_token

CACHE_VOLUME = "model-cache"
MODEL_VOLUME, MODEL_MOUNT = "source", "/source"
"""The volume of a model that is a folder on a claim or in an image, and where it is mounted."""
PROBE_SECONDS = 10
HOMES_SINCE = 2
HOMES = {
    "HOME": "/tmp",  # noqa: S108 - every user may write there
    "USER": "aim",
    "XDG_CACHE_HOME": "/tmp/.cache",  # noqa: S108
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/.cache/torchinductor",  # noqa: S108
    "TRITON_CACHE_DIR": "/tmp/.cache/triton",  # noqa: S108
}
"""Variables by which engines find their folders (vLLM: vllm/envs.py; torch: _inductor/runtime/cache_dir_utils.py)."""


class PodPart(Enum):
    """What of a replica a pod has."""

    WHOLE = "all of it"
    LEADER = "the first of several nodes, which answers requests"
    WORKER = "another one"


def container(owner: Owner, part: PodPart = PodPart.WHOLE) -> Raw:
    """The one container of a pod."""
    made = _container(owner, part)
    if part is PodPart.WORKER:  # it answers no requests: the leader's probes are for all of them
        made = {key: value for key, value in made.items() if key not in OF_A_SERVER}
    return literal_container(made)


OF_A_SERVER = {"ports", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe"}
"""Fields of a container that answers requests."""


def _container(owner: Owner, part: PodPart) -> Raw:
    return {
        "name": ENGINE_CONTAINER,
        "image": _image(owner),
        "imagePullPolicy": owner.spec.image.pull_policy or "IfNotPresent",
        "command": started_with(owner, _image(owner), owner.engine.start(_model(owner))),
        "args": [*_args(owner), *_group(owner, part)],
        "env": _env(owner),
        "ports": [{"name": "http", "containerPort": owner.port, "protocol": "TCP"}],
        "resources": _resources(owner),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "lifecycle": owner.since(2, _drain(owner)),
        "startupProbe": _probe(owner, failures=owner.config.startup_seconds // PROBE_SECONDS),
        "readinessProbe": _probe(owner, failures=3),
        "livenessProbe": _probe(owner, failures=6),
        "volumeMounts": [
            {"name": "dshm", "mountPath": "/dev/shm"},  # noqa: S108 - the ranks' shared memory
            _files(owner),
            *(
                [{"name": MODEL_VOLUME, "mountPath": MODEL_MOUNT, "readOnly": True}]
                if owner.loaded_folder is not None
                else []
            ),
            *compile_mounts(owner),
            *ca_mounts(owner.ca_bundle),
        ],
    }


def _model(owner: Owner) -> str:
    """What the engine loads: a repository, which it finds in a cache or at the hub, or a folder."""
    folder = owner.loaded_folder
    return owner.resolved.checkpoint if folder is None else "/".join(filter(None, (MODEL_MOUNT, folder)))


def _image(owner: Owner) -> str:
    """The resolved image, unless the endpoint names another repository, tag or digest."""
    stated, resolved = owner.spec.image, owner.resolved.image
    if not (stated.repository or stated.tag or stated.digest):
        return resolved
    named, _, _ = resolved.partition("@")
    repository, _, tag = named.rpartition(":")
    if stated.repository:
        repository, tag = stated.repository, "" if stated.digest else "latest"
    tag = stated.tag or tag
    return repository + f":{tag}" * bool(tag) + f"@{stated.digest}" * bool(stated.digest)


def _args(owner: Owner) -> list[str]:
    """Where to listen and what to call the model, and then the recipe's own arguments."""
    flags, resolved = owner.engine.flags, owner.resolved
    revision = owner.revision or (owner.cache.revision if owner.cache else None)
    return [
        *(flags.served_model_name, *(owner.names if owner.engine.several_names else (resolved.model_id,))),
        *(flags.host, owner.config.listen),
        *(flags.port, str(owner.port)),
        *((flags.revision, revision) if revision else ()),
        *_adapters(owner),
        *((flags.device, "cpu") if flags.device and resolved.vendor == "cpu" else ()),
        *((flags.metrics,) if flags.metrics and flags.metrics not in resolved.args else ()),
        *(draft_arguments(owner.engine.name, resolved.draft, owner.draft_revision) if resolved.draft else ()),
        *map(Expandable, resolved.args),
    ]


def _group(owner: Owner, part: PodPart) -> tuple[str, ...]:
    """How the processes of a replica on several nodes find each other; LeaderWorkerSet sets both variables."""
    flags = owner.engine.flags.group
    if owner.resolved.nodes is None:
        return ()
    port = f":{flags.port}" if flags.port else ""
    return (
        *(flags.nodes, str(owner.resolved.nodes)),
        *(flags.rank, Expandable("$(LWS_WORKER_INDEX)")),
        *(flags.address, Expandable(f"$(LWS_LEADER_ADDRESS){port}")),
        *((flags.worker,) if flags.worker and part is PodPart.WORKER else ()),
    )


def _adapters(owner: Owner) -> tuple[str, ...]:
    """Each adapter by its name and folder; what room they have is among the resolved arguments."""
    flags, cache = owner.engine.flags.adapters, owner.cache
    if flags is None or cache is None or not owner.adapters:
        return ()
    return (flags.paths, *(f"{one.name}={one.folder(cache.mount_path)}" for one in owner.adapters))


def _files(owner: Owner) -> Raw:
    """Where the model's files are; those of a shared cache are not the engine's to change."""
    if owner.cache:
        return {"name": CACHE_VOLUME, "mountPath": owner.cache.mount_path, "readOnly": True}
    return {"name": CACHE_VOLUME, "mountPath": owner.spec.cache.mount_path}


def _env(owner: Owner) -> list[Raw]:
    """Where the model's files come from; the recipe's variables win over these by name."""
    mounted = owner.loaded_folder is not None
    variables = _cached(owner.cache) if owner.cache else _reading(owner) if mounted else _downloading(owner)
    variables |= _home(owner) | compile_variables(owner)
    variables |= {one["name"]: one for one in ca_variables(owner.ca_bundle)}
    variables |= {variable.name: _stated(variable) for variable in owner.resolved.env}
    return list(variables.values())


def _home(owner: Owner) -> dict[str, Raw]:
    """A home, a name and folders for caches: images have them for root alone, and clusters choose other user ids.

    Python finds no name of a uid that /etc/passwd does not have, and then torch names no folder for its caches.
    """
    if owner.template_version >= HOMES_SINCE:
        return {name: {"name": name, "value": value} for name, value in HOMES.items()}
    if owner.spec.security.pod_security_context.run_as_user:
        return {"HOME": {"name": "HOME", "value": HOMES["HOME"]}}
    return {}


def _drain(owner: Owner) -> Raw | None:
    """The replica serves on, and the endpoint's traffic goes elsewhere, before the engine is told to end.

    What an engine does with requests under way when it is told depends on its version and its arguments.
    """
    seconds = owner.config.drain_seconds
    return {"preStop": {"sleep": {"seconds": seconds}}} if seconds else None


def _stated(variable: EnvVar) -> Raw:
    """A variable of the recipe, which may refer to others."""
    return variable.wire() | ({"value": Expandable(variable.value)} if variable.value else {})


def _cached(cache: UsedCache) -> dict[str, Raw]:
    """Only files of the cache are read.

    HF_HOME stays what it is in the image: transformers writes the code of models below it, and the cache is read-only.
    """
    places = {"HF_HUB_CACHE": f"{cache.mount_path.rstrip('/')}/hub", "HF_HUB_OFFLINE": "1"}
    return {name: {"name": name, "value": value} for name, value in places.items()}


def _reading(owner: Owner) -> dict[str, Raw]:
    """The place for what an engine makes of the files, and nothing to download with."""
    places = {"HF_HOME": owner.spec.cache.mount_path, "HF_HUB_OFFLINE": "1"}
    return {name: {"name": name, "value": value} for name, value in places.items()}


def _downloading(owner: Owner) -> dict[str, Raw]:
    """The place to download to, and the token."""
    return {
        "HF_HOME": {"name": "HF_HOME", "value": owner.spec.cache.mount_path},
        "HF_TOKEN": hub_token(owner.spec.requested_model.token_secret, owner.config.token_secret),
    }


def _resources(owner: Owner) -> Raw:
    """What of the node, and the GPUs themselves."""
    resolved = owner.resolved
    host = container_resources(owner.spec.resources, resolved.resources, resolved.gpus_per_node, owner.config)
    gpus = {resolved.resource: str(resolved.gpus_per_node)} if resolved.resource else {}
    claims = container_claims(owner)
    return {"requests": {**host.requests, **gpus}, "limits": {**host.limits, **gpus}, "claims": claims}


def _probe(owner: Owner, failures: int) -> Raw:
    """The engine answers on its health path once the model is loaded."""
    return {
        "httpGet": {"path": owner.engine.paths.health, "port": "http"},
        "periodSeconds": PROBE_SECONDS,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
