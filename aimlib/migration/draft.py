"""An endpoint that is being translated: what is known of it, and what became of each part of its origin."""

import re
from math import prod
from typing import Any, Literal, NamedTuple

from aimlib.api.formats import MODEL_ID, MODEL_SOURCE
from aimlib.api.meta import Raw
from aimlib.api.routing import MOST_ROUTED_NAMES
from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.engines.endpoint_settings import FOR_RECIPES, is_allowed
from aimlib.migration.shell import commands, is_unstated
from aimlib.printable import printable

Outcome = Literal["kept", "changed", "dropped", "needs you"]
LOST = frozenset({"dropped", "needs you"})
HUB_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?=[^/]+/[^/]+/?$)|(?<=\w)/+$")
"""What the address of a model's page has around its id."""
NO_SOURCE = "no model comes from"
RECIPE_NODES = "on how many nodes a replica is, is a recipe's (nodes)"
MODELS_ARE_PLACED = "the operator sets where models are"
FOLDERS_OF_SYSTEMS = {"kserve": "/mnt/models"}
"""Where a system mounts the model that its object names elsewhere."""
TOKEN_SECRET = "huggingface-token"  # noqa: S105 - the name of a Secret


class Answers(NamedTuple):
    """What the user states of a translation, which its origin may not."""

    model: str | None = None
    gpus: int | None = None
    name: str | None = None
    namespace: str | None = None


class Part(NamedTuple):
    """A part of the origin, and what became of it."""

    text: str
    outcome: Outcome
    why: str


class Translation(NamedTuple):
    """Objects to apply, and what became of each part of their origin."""

    objects: tuple[Raw, ...]
    parts: tuple[Part, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing was lost, and nothing is left to do."""
        return not any(part.outcome in LOST for part in self.parts)


class FoundAdapter(NamedTuple):
    """An adapter, and where its files are."""

    name: str
    id: str
    revision: str = ""
    source: str = ""

    @property
    def entry(self) -> Raw:
        """As an AIMCache lists it."""
        return {key: one for key, one in (("id", self.id), ("revision", self.revision), ("source", self.source)) if one}


class Draft:
    """An endpoint that is being translated."""

    def __init__(self, answers: Answers, system: str = "") -> None:
        self.answers = answers
        self.system = system
        """Whose object it is; empty for a command."""
        self.parts: list[Part] = []
        self.spec: Raw = {}
        self.name, self.namespace = "", answers.namespace or ""
        self.model, self.source = "", ""
        self.backend = ""
        self.other = ""
        """An engine that is not here, whose image it is."""
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self.words: list[str] = []
        self.names: list[str] = []
        self.quantized = False
        self.stated: dict[str, str] = {}  # variables by their names; none of them may be a secret
        self.images: Raw | None = None
        """How models of the registry are mounted, where they are images there."""
        self.adapters: list[FoundAdapter] = []
        self.adapter_lists: list[tuple[str, Any]] = []
        """Lists of adapters that are read when the model and its names are known, each with where it stands."""
        self.lora: dict[str, str] = {}
        """Flags about all adapters, with their values."""
        self.scale: dict[str, tuple[str, Any]] = {}
        """The metric that replicas follow, and its target, each with where it stands."""
        self.listed: tuple[int, str] | None = None
        """GPUs that the origin lists, and where."""
        self.degrees: dict[str, int] = {}
        """Degrees of parallelism by their kinds: together they are the GPUs of a replica."""
        self.workload = ""
        """The kind of what runs the pods, where somebody wrote that."""
        self.nodes = 1
        """Pods of one replica."""
        self.of_nodes: tuple[str, str] | None = None
        """On how many nodes the engine is told that it runs, and by which flag."""
        self.taken: dict[str, tuple[str, str]] = {}
        """Names that objects of before have, by kind, of which the endpoint makes one of its own name; and where."""
        self.mounts: dict[str, tuple[str, str]] = {}
        """Claims by the folders at which they are mounted: the folder on the claim, and where that stands."""
        self.templates: dict[str, Raw] = {}
        """By the same folders, what each replica's claim requests, where each has one of its own."""

    def add(self, text: str, outcome: Outcome, why: str) -> None:
        """Notes what became of a part; it has no value of a variable in it, which may be a secret."""
        self.parts.append(Part(hide_secrets(printable(text)), outcome, hide_secrets(printable(why))))

    def put(self, path: str, value: Any, text: str) -> None:  # noqa: ANN401 - JSON
        """Sets a field of the endpoint."""
        *above, last = path.split(".")
        place = self.spec
        for key in above:
            place = place.setdefault(key, {})
        if place.get(last, value) != value:
            self.replace(path, "changed", f"{path} is stated otherwise by {text}, which counts")
        place[last] = value
        self.add(text, "kept", path)

    def replace(self, field: str, outcome: Outcome, why: str) -> None:
        """Notes anew what became of the part that a field of the endpoint was kept from."""
        self.parts = [one._replace(outcome=outcome, why=why) if one.why == field else one for one in self.parts]

    def set_degree(self, kind: str, degree: int, text: str) -> None:
        """A degree of parallelism; a later one of the same kind counts."""
        self.degrees[kind] = degree
        self.spec["gpuCount"] = prod(self.degrees.values())
        self.add(text, "kept" if kind == "tensor" else "changed", "gpuCount")

    def set_backend(self, name: str, text: str) -> None:
        """The engine, by its name elsewhere."""
        backend = name.lower()
        if backend in {"vllm", "sglang"}:
            self.backend = backend
            self.put("backend", backend, text)
        elif backend == "auto":
            self.add(text, "changed", "the engine is selected")
        else:
            self.add(text, "dropped", f"the engines are vLLM and SGLang, not {name}")

    def set_token(self, reference: Raw, text: str) -> None:
        """A token of the hub in a Secret that is there."""
        self.put("model.tokenSecret", {key: str(one) for key, one in reference.items()}, text)

    def set_variable(self, name: str, value: str | None) -> None:
        """An environment variable of the engine. Values that may be secrets are neither kept nor shown."""
        value = None if value is not None and is_unstated(value) else value
        rows = load_data("migration")["variables"]
        row: Raw = next((one for one in rows if re.fullmatch(one["found"], name)), {})
        match row.get("to"):
            case "devices":
                self.list_devices(value or "", name)
            case "token":
                self.needs_token(name)
            case "model" if value:
                self.set_source(value, name)
            case "served" if value:
                self.serve_as([value], name)
            case "args" if value:
                self.words += [word for command in commands(value) for word in command]
                self.add(name, "kept", "each argument by itself")
            case "secret":
                self.add(name, "needs you", "put it into a Secret, and name that in spec.engine.env by secretKeyRef")
            case _ if "outcome" in row:
                self.add(name, row["outcome"], row["why"])
            case _ if is_allowed(name) and value is not None:
                self.spec.setdefault("engine", {}).setdefault("env", []).append({"name": name, "value": value})
                self.add(name, "kept", "engine.env")
            case _ if is_allowed(name):
                self.add(name, "needs you", "its value is not stated here: spec.engine.env")
            case _:
                self.add(name, "dropped", FOR_RECIPES)

    def needs_token(self, text: str) -> None:
        """A token of the hub, which becomes a Secret that is used where it is there."""
        self.add(text, "needs you", f"put it into the Secret {TOKEN_SECRET}, key token, of the namespace")

    def list_devices(self, value: str, text: str) -> None:
        """GPUs by number or by name, such as `0,1`."""
        found = [one for one in value.split(",") if one.strip()]
        if found:
            self.listed = (len(found), text)

    def set_source(self, uri: str, text: str) -> None:
        """Where a model's files are, as a URL or a repository of the hub."""
        folder = next((one for one in self.mounts if uri == one or uri.startswith(f"{one}/")), None)
        if folder:
            self.source = f"pvc://{self.mounts[folder][0]}{uri.removeprefix(folder)}".rstrip("/")
            self.add(text, "kept", "model.source")
            return
        placed = FOLDERS_OF_SYSTEMS.get(self.system)
        if placed and f"{uri}/".startswith(f"{placed}/"):
            self.add(text, "changed", MODELS_ARE_PLACED)
            return
        scheme, slashes, rest = HUB_PAGE.sub("", uri).partition("://")
        if not slashes or scheme == "hf":
            self.model = rest if slashes else scheme
            self.add(text, "kept", "modelId")
            model, colon, revision = self.model.replace("@", ":").partition(":")
            if slashes and colon:
                self.model = model
                self.put("model.revision", revision, f"{text} {revision}")
        elif scheme in {"oci", "oci+native"} and self.images is not None and MODEL_SOURCE.matches(f"oci://{rest}"):
            self.source = f"oci://{rest}"
            self.add(text, "kept", "model.source, mounted by model.imageVolume (Kubernetes 1.35 or later)")
        elif scheme in {"pvc", "s3", "oci"} and re.fullmatch(MODEL_SOURCE.pattern, uri):
            self.source = uri
            instead = "; for an image state model.source and model.imageVolume instead" if scheme == "oci" else ""
            self.add(text, "kept", "model.source" if scheme == "pvc" else f"a source of an AIMCache{instead}")
        else:
            self.add(text, "needs you", f"{NO_SOURCE} {scheme}://; copy it to a claim, a bucket or a registry")

    def serve_as(self, names: list[str], flag: str) -> None:
        """The names by which clients request the model, which go on to work beside its id."""
        usable = [name for name in names if MODEL_ID.matches(name)][:MOST_ROUTED_NAMES]
        self.names += usable
        if len(usable) == len(names):
            self.add(flag, "kept", "routing.names, beside the id of the model")
        else:
            self.add(flag, "needs you", f"a name {MODEL_ID.message}, and there are {MOST_ROUTED_NAMES} at most")
