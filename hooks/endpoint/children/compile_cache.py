"""What an engine compiles while it starts, kept on a claim of the endpoint's own (engine.compileCache).

The engine finds its folders below a link, which leads to the claim, or is a folder of the container itself where the
claim is of no use: a volume that is full or cannot be written to makes a start slower, and stops none.
"""

from aimlib.api.compile_cache import CompileCache
from aimlib.api.meta import Raw
from aimlib.naming import child_name, full_digest
from hooks.endpoint.children.labels import INSTANCE_LABEL, NAME_LABEL
from hooks.endpoint.children.owner import Owner
from hooks.objects.shared_volume import HOST, ONE_NODE
from hooks.objects.volume_claim import volume_claim

VOLUME, MOUNT = "compile-cache", "/compile-cache"
LINK = "/tmp/.cache/compiled"  # noqa: S108 - every user may write there
STARTS_FILE = "/dev/shm/aim-starts"  # noqa: S108 - a volume that outlives the container and ends with the pod
MOST_FOLDERS = 4
"""Folders that a volume has at most: of the version that runs, of one that is tried, and of those before."""

SCRIPT = """\
cache=$1 link=$2 starts=$3 name=$4-$(id -u) kept=$5
shift 5
short() {
  df -Pk . | { read -r _; read -r _ size _ free _; [ $((free * 4)) -lt "$size" ]; }
}
prepare() {
  cd "$cache" || return
  before=$(wc -l <"$starts")
  if [ "${before:-0}" -ge 2 ]; then echo "the engine has ended with it twice" >&2; return 1; fi
  if [ "${before:-0}" -eq 1 ]; then touch "$(cat "$starts")/.ended" 2>&-; fi
  at=0
  while [ -e "$name-$at/.ended" ]; do at=$((at + 1)); done
  name=$name-$at
  set -- $(ls -1tr */.used 2>&- | grep -v "^$name/")
  for one; do
    if [ $# -lt "$kept" ] && ! short; then break; fi
    rm -rf -- "${one%/.used}"
    shift
  done
  if short; then echo "less than a quarter of it is free" >&2; return 1; fi
  mkdir -p "$name" && touch "$name/.used" && echo "$name" >>"$starts"
}
touch "$starts"
if (prepare); then mkdir -p "${link%/*}" && ln -sfn "$cache/$(tail -n 1 "$starts")" "$link"
else echo "the compile cache is not used" >&2
fi
exec "$@"
"""
"""Prepares the folder for what is compiled, and becomes the engine; its words are those of `started_with`.

A container that ended once in its pod marks its folder, since what it had read may be damaged: it and all that start
later use another one, and who runs with it keeps it. One that ended twice does without the volume. The folders that
were not used for the longest go where there are too many, or where less than a quarter of the volume is free, which
may be too little for what is compiled now.
"""


def compile_cache(owner: Owner) -> CompileCache | None:
    """What is stated of the claim; None for a replica on several nodes.

    Its pods are made anew when one of them ends, so no start would know that the one before it ended, by what it read.
    """
    return None if owner.resolved.nodes else owner.spec.engine.compile_cache


def compiled_in(owner: Owner) -> str:
    """The name of the claim."""
    return child_name(owner.name, "-compiled")


def compile_claim(owner: Owner) -> Raw | None:
    """The PersistentVolumeClaim. It is never updated: most of its fields are immutable."""
    stated = compile_cache(owner)
    if stated is None:
        return None
    metadata = owner.metadata(compiled_in(owner))
    return volume_claim(metadata, stated.size, [stated.access_mode], stated.storage_class)


def compile_volumes(owner: Owner) -> list[Raw]:
    """The volume of the pods."""
    if not compile_cache(owner):
        return []
    return [{"name": VOLUME, "persistentVolumeClaim": {"claimName": compiled_in(owner)}}]


def compile_mounts(owner: Owner) -> list[Raw]:
    """Where the engine's container has it."""
    return [{"name": VOLUME, "mountPath": MOUNT}] if compile_cache(owner) else []


def compile_variables(owner: Owner) -> dict[str, Raw]:
    """The variables by which the engine finds its folders."""
    if not compile_cache(owner):
        return {}
    folders = owner.engine.compile_caches.items()
    return {name: {"name": name, "value": f"{LINK}/{folder}"} for name, folder in folders}


def started_with(owner: Owner, image: str, command: tuple[str, ...]) -> list[str]:
    """The command of the engine, with what prepares its folder before it."""
    if not compile_cache(owner):
        return [*command]
    return ["sh", "-c", SCRIPT, "sh", MOUNT, LINK, STARTS_FILE, folder_name(owner, image), str(MOST_FOLDERS), *command]


def folder_name(owner: Owner, image: str) -> str:
    """The digest of what decides whether one replica can use what another has compiled; engines look at more."""
    resolved = owner.resolved
    devices = (resolved.product, resolved.partition, resolved.gpu_count, sorted(resolved.node_products))
    models = (resolved.checkpoint, resolved.draft.wire() if resolved.draft else None)
    variables = [one.wire() for one in resolved.env]
    return full_digest([resolved.backend, image, devices, models, resolved.args, variables])[:16]


def beside_others(owner: Owner) -> list[Raw]:
    """The affinity term to the endpoint's other pods where the volume is on one node at a time."""
    stated = compile_cache(owner)
    if stated is None or stated.access_mode not in ONE_NODE:
        return []
    selector = {name: owner.labels[name] for name in (NAME_LABEL, INSTANCE_LABEL)}
    return [{"labelSelector": {"matchLabels": selector}, "topologyKey": HOST}]
