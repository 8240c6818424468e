"""An endpoint that is being translated: what is known of it, and what became of each part of its origin."""

import re
from typing import Any, Literal, NamedTuple

from aimlib.api import API_VERSION
from aimlib.api.formats import MODEL_ID, MODEL_SOURCE
from aimlib.api.meta import Raw
from aimlib.api.precision import PRECISION_SPELLINGS
from aimlib.api.routing import MOST_ROUTED_NAMES
from aimlib.data import load_data
from aimlib.diagnosis.secret_patterns import hide_secrets
from aimlib.engines.arguments import Argument, parse_args
from aimlib.engines.catalogue import engine
from aimlib.engines.endpoint_settings import FOR_RECIPES, allowed_flags, is_allowed
from aimlib.errors import InvalidInputError
from aimlib.migration.listed import unlisted
from aimlib.migration.shell import commands, is_unstated
from aimlib.naming import endpoint_name
from aimlib.printable import printable
from aimlib.schema.validation import validate_object

Outcome = Literal["kept", "changed", "dropped", "needs you"]
LOST = frozenset({"dropped", "needs you"})
QUANTIZED_ID = re.compile(r"awq|gptq|gguf|bnb|w\da\d|fp[48]|int[48]|[48]-?bit", re.IGNORECASE)
"""In the id of a model: its weights have another number format than the one that the engine computes in."""
HUB_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?=[^/]+/[^/]+/?$)|(?<=\w)/+$")
"""What the address of a model's page has around its id."""
NO_SOURCE = "no model comes from"
TOKEN_SECRET = "huggingface-token"  # noqa: S105 - the name of a Secret


class Answers(NamedTuple):
    """What the user states of a translation, which its origin may not."""

    model: str | None = None
    gpus: int | None = None
    name: str | None = None


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


class Draft:
    """An endpoint that is being translated."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.parts: list[Part] = []
        self.spec: Raw = {}
        self.name, self.namespace = "", ""
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
        self.scale: dict[str, tuple[str, Any]] = {}
        """The metric that replicas follow, and its target, each with where it stands."""
        self.listed: tuple[int, str] | None = None
        """GPUs that the origin lists, and where."""
        self.mounts: dict[str, tuple[str, str]] = {}
        """Claims by the folders at which they are mounted: the folder on the claim, and where that stands."""

    def add(self, text: str, outcome: Outcome, why: str) -> None:
        """Notes what became of a part; it has no value of a variable in it, which may be a secret."""
        self.parts.append(Part(hide_secrets(printable(text)), outcome, hide_secrets(printable(why))))

    def put(self, path: str, value: Any, text: str) -> None:  # noqa: ANN401 - JSON
        """Sets a field of the endpoint."""
        *above, last = path.split(".")
        place = self.spec
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
        self.add(text, "kept", path)

    def replace(self, field: str, outcome: Outcome, why: str) -> None:
        """Notes anew what became of the part that a field of the endpoint was kept from."""
        self.parts = [one._replace(outcome=outcome, why=why) if one.why == field else one for one in self.parts]

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
                self._serve_as([value], name)
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

    def finish(self) -> Translation:
        """The endpoint, with the cache that it needs. InvalidInputError where there is no model, or nothing valid."""
        self.read_arguments()
        model = self.answers.model or self.model
        if not model or not re.fullmatch(MODEL_ID.pattern, model):
            raise InvalidInputError(
                f"{self._without(model)}: state the id that clients request, such as --model Qwen/Qwen3-32B"
            )
        name = endpoint_name(self.answers.name or self.name or model)
        spec: Raw = {"modelId": model, **self._gpus(), **self.spec}
        if names := [name for name in dict.fromkeys(self.names) if name != model]:
            spec["routing"] = {"names": names}
        caches = []
        mounted = {"imageVolume": self.images} if self.source.startswith("oci://") and self.images is not None else {}
        if mounted or self.source.startswith("pvc://"):
            spec = {"model": {"id": spec.pop("modelId"), "source": self.source, **mounted}, **spec}
        elif self.source:
            caches = [self._object("AIMCache", f"{name}-files", {"models": [{"id": model, "source": self.source}]})]
            spec["cache"] = {"name": f"{name}-files"}
        objects = (*caches, self._object("AIMEndpoint", name, spec))
        findings = [f"{one['kind']}: {found}" for one in objects for found in validate_object(one, one["kind"])[1]]
        if findings:
            raise InvalidInputError("\n".join(findings))
        for field, why in unlisted(spec):
            self.add(field, "needs you", why)
        return Translation(objects, tuple(self.parts))

    def _without(self, model: str) -> str:
        """Why there is no id of a model."""
        if not model:
            other = f" ({self.other} is another engine)" if self.other else ""
            whys = dict.fromkeys(part.why for part in self.parts if NO_SOURCE in part.why or "--model" in part.why)
            return f"no model is named{other}{''.join(f' ({why})' for why in whys)}"
        if is_unstated(model):
            return f"{model} is a variable whose value is not stated here"
        if model.startswith(("/", "./", "../", "~")):
            return f"{model} is a path"
        return f"{model} is no id of a model on the hub"

    def _object(self, kind: str, name: str, spec: Raw) -> Raw:
        place = {"namespace": self.namespace} if self.namespace else {}
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **place}, "spec": spec}

    def _gpus(self) -> Raw:
        """GPUs per replica: those that the user states, the degree of the engine, or those that are listed."""
        if self.answers.gpus is not None:
            return {"gpuCount": self.answers.gpus}
        if "gpuCount" in self.spec:
            if self.listed:
                self.add(self.listed[1], "changed", "the degree of tensor parallelism decides")
            return {}
        if self.listed:
            self.add(self.listed[1], "kept", "gpuCount")
            return {"gpuCount": self.listed[0]}
        self.add("GPUs", "needs you", "nothing states how many: --gpus N; without it, the fewest that fit are selected")
        return {}

    def read_arguments(self) -> None:
        """Sorts the engine's arguments: what the API has fields for, what an endpoint may set, and the rest."""
        backend = self.backend or "vllm"
        parsed = parse_args(backend, [*map(self._present, self.words)])
        self.words = []
        degree = {"tensor": 1, "pipeline": 1}
        flags = engine(backend).flags
        self.quantized = any(one.flag == flags.quantization for one in parsed.arguments) or (
            QUANTIZED_ID.search(
                " ".join([self.model, *(one.text for one in parsed.arguments if one.flag == flags.model)])
            )
            is not None
        )
        for one in parsed.arguments:
            if one.flag in {flags.tensor_parallel, flags.pipeline_parallel}:
                degree["tensor" if one.flag == flags.tensor_parallel else "pipeline"] = int(one.text)
                self.spec["gpuCount"] = degree["tensor"] * degree["pipeline"]
                self.add(one.flag, "kept" if one.flag == flags.tensor_parallel else "changed", "gpuCount")
            elif row := load_data("migration")["elsewhere"].get(one.flag):
                self.add(one.name, row["outcome"], row["why"])
            elif one.flag != flags.model and any(map(is_unstated, one.texts)):
                self.add(one.name, "needs you", "its value is not stated here")
            else:
                self._read_argument(one, backend)
        for error in parsed.errors:
            self.add(error.split(" ", 1)[0].strip("'"), "needs you", error)

    def _serve_as(self, names: list[str], flag: str) -> None:
        """The names by which clients request the model, which go on to work beside its id."""
        usable = [name for name in names if MODEL_ID.matches(name)][:MOST_ROUTED_NAMES]
        self.names += usable
        if len(usable) == len(names):
            self.add(flag, "kept", "routing.names, beside the id of the model")
        else:
            self.add(flag, "needs you", f"a name {MODEL_ID.message}, and there are {MOST_ROUTED_NAMES} at most")

    def _present(self, word: str) -> str:
        """A word of the command with the present name of its flag."""
        name, equals, value = word.partition("=")
        present = load_data("migration")["flags"].get(name)
        if present and self.backend != "sglang":
            self.add(name, "changed", f"it is {present} now")
            return f"{present}{equals}{value}"
        return word

    def _read_argument(self, one: Argument, backend: str) -> None:
        flags = engine(backend).flags
        precision = PRECISION_SPELLINGS.get(one.text.lower())
        fixed = {
            flags.host: "the operator sets it",
            flags.port: "the engine's port is its own",
        }
        if one.flag == flags.model:
            self.set_source(one.text, one.flag)
        elif one.flag == flags.revision:
            self.put("model.revision", one.text, one.flag)
        elif one.flag == flags.served_model_name:
            self._serve_as(one.text.split(), one.flag)
        elif one.flag in fixed:
            self.add(one.flag, "changed", fixed[one.flag])
        elif one.flag == flags.dtype and (self.quantized or one.text == "auto"):
            why = "the weights are quantized; what the engine computes in is the recipe's"
            self.add(one.flag, "changed", why if self.quantized else "the precision is selected")
        elif one.flag in {flags.dtype, flags.quantization} and precision:
            self.put("precision", precision, one.flag)
        elif one.flag in allowed_flags(backend):
            self.spec.setdefault("engine", {}).setdefault("args", []).extend(one.render())
            self.add(one.name, "kept", "engine.args")
        else:
            self.add(one.name, "dropped", f"{FOR_RECIPES}; recipes of this model may have it")
