"""Forms that are another form of an object: the object that it stands for."""

from collections.abc import Iterator
from contextlib import contextmanager

from aimlib.api.meta import Raw
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.errors import InvalidInputError

OTHER_FORM = "its value has another form than is known"
ODD = (ValueError, TypeError, AttributeError, KeyError, ArithmeticError)
"""What reading a part fails with that has another form."""
SET_BY_SERVERS = frozenset(
    {
        "creationTimestamp",
        "finalizers",
        "generation",
        "managedFields",
        "ownerReferences",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Fields of `metadata` that nobody writes: the API server and controllers set them."""
KUBECTL_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@contextmanager
def known_form(what: str = "a part of it") -> Iterator[None]:
    """Within it, what has another form than is known is an InvalidInputError that tells so."""
    try:
        yield
    except InvalidInputError:
        raise
    except ODD as error:
        raise InvalidInputError(f"{what} has another form than is known") from error


def refusal_text(error: InvalidInputError) -> str:
    """Why something cannot be translated, without possible secrets: it quotes commands and values as they are."""
    return "\n".join(map(hide_secrets, str(error).splitlines()))


def as_written(found: Raw) -> Raw:
    """An object without what servers add to it, as `kubectl get -o yaml` prints it."""
    metadata = found.get("metadata")
    if not isinstance(metadata, dict):
        return found
    kept = {key: value for key, value in metadata.items() if key not in SET_BY_SERVERS}
    if isinstance(annotations := kept.get("annotations"), dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key != KUBECTL_APPLIED}
        kept = {key: value for key, value in kept.items() if key != "annotations" or value}
    return {**found, "metadata": kept}


def as_workspace(found: Raw) -> Raw:
    """An InferenceSet of KAITO as the Workspace that each replica of it is."""
    spec = found.get("spec")
    if found["kind"] != "InferenceSet" or not isinstance(spec, dict):
        return found
    template = spec.get("template")
    rest = {key: value for key, value in spec.items() if key not in {"template", "replicas", "labelSelector"}}
    resource = {"labelSelector": spec.get("labelSelector")}
    stated = template if isinstance(template, dict) else {"template": template}
    merged = {**stated, "resource": {**resource, **(stated.get("resource") or {})}}
    return {
        **{key: one for key, one in found.items() if key != "spec"},
        **merged,
        **rest,
        "replicas": spec.get("replicas"),
    }


def as_model(name: str, entry: Raw) -> Raw:
    """The Model that KubeAI's chart makes of an entry."""
    spec = {key: value for key, value in entry.items() if key != "enabled"}
    return {"metadata": {"name": name}, "spec": spec}


def as_modelservice(values: Raw) -> Raw:
    """Values of llm-d's modelservice with what its templates make of them; prefill is left out where there is none."""
    artifacts, decode = dict(values["modelArtifacts"]), dict(values.get("decode") or {})
    if "{{" in str(artifacts.get("uri", "{{")):
        artifacts["uri"] = f"hf://{artifacts['name']}"
    if secret := artifacts.pop("authSecretName", ""):
        artifacts["authSecret"] = {"name": secret, "key": "HF_TOKEN"}
    decode["containers"] = [_with_words(one) for one in decode.get("containers") or ()]
    prefill = values.get("prefill") or {}
    used = prefill.get("create", True) and prefill.get("replicas", 0)
    name = values.get("fullnameOverride")
    return {
        **{key: one for key, one in values.items() if key not in {"fullnameOverride", "enabled", "common", "prefill"}},
        **({"metadata": {"name": name}} if name else {}),
        **({"prefill": prefill} if used else {}),
        "modelArtifacts": artifacts,
        "decode": decode,
    }


def _with_words(container: Raw) -> Raw:
    """A container whose arguments follow a command of its own, where it has one, and else the engine's."""
    if not container.get("command"):
        return container
    return {**{key: one for key, one in container.items() if key != "args"}, "words": container.get("args") or []}
