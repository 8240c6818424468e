"""For every rule between fields one object that breaks it and nothing else, by the rule's message."""

from collections.abc import Iterator

import yaml

from tests.cluster.plane import ROOT
from tests.e2e.space import Raw

MODEL = {"modelId": "Qwen/Qwen3-32B"}
RECIPE = {"modelId": "Qwen/Qwen3-32B", "hardware": "MI300X", "precision": "bf16", "backend": "vllm"}
CHOSEN = {"gpuCount": 1, "precision": "bf16"}
HEADS = {"attentionHeads": 8, "keyValueHeads": 8, "headDim": 64}
FACTS = {"weightsGiB": 1, "layers": 8, "maxContext": 4096}

ENDPOINTS: dict[str, Raw] = {
    "state which model to serve: modelId or model.id": {"gpuCount": 1},
    "autoSelect: false selects nothing by itself: state gpuCount and precision (backend is vllm unless stated), "
    "or recipe.customRecipe": MODEL | {"autoSelect": False, "gpuCount": 1},
    "deployment.canary: state either steps, or trafficSplit and duration": (
        MODEL | {"deployment": {"canary": {"steps": [{"weight": 5}], "trafficSplit": 10}}}
    ),
    "a source has its own revision, such as hf://org/name@v1: leave out revision": {
        "model": {"id": "acme/chat", "source": "pvc://models/chat", "revision": "v1"}
    },
    "tokenSecret is for the hub, which only a source hf:// is at: leave it out; keys for a server are in "
    "access.secret": {"model": {"id": "acme/chat", "source": "s3://models/chat", "tokenSecret": {"name": "hf-token"}}},
    "access is how a server is reached: it goes with a source such as s3://bucket/folder, oci://registry/repository or "
    "mlflow://name@alias": {"model": {"id": "acme/chat", "source": "hf://acme/chat", "access": {"secret": "keys"}}},
    "a model in MLflow needs access.endpoint, the URL of the tracking server": {
        "model": {"id": "acme/chat", "source": "mlflow://chat@champion", "access": {"secret": "keys"}}
    },
    "imageVolume mounts an image of a registry: it goes with a source such as oci://registry/repository:tag": {
        "model": {"id": "acme/chat", "source": "s3://models/chat", "imageVolume": {}}
    },
    "a folder on a claim, or an image volume, is loaded where it is: leave out cache.name and cache.enabled": {
        "model": {"id": "acme/chat", "source": "pvc://models/chat"},
        "cache": {"enabled": True},
    },
    "what model.source names is downloaded to an AIMCache that the endpoint makes: leave out cache.name and "
    "cache.enabled: false": {
        "model": {"id": "acme/chat", "source": "s3://models/chat"},
        "cache": {"enabled": False},
    },
    "adapters: a name is served once, so an adapter has neither the id of the model, nor a name of routing.names, nor "
    "another adapter's: rename it": (
        MODEL | {"adapters": [{"name": "chat", "source": {"repository": "a/b"}}], "routing": {"names": ["chat"]}}
    ),
    "adapters are loaded from an AIMCache that lists them beside the model: leave out model.source and cache.enabled, "
    "and list all of them in spec.models of a cache": (
        MODEL | {"adapters": [{"name": "sql", "source": {"repository": "a/b"}}], "cache": {"enabled": True}}
    ),
    "a share of a GPU is given out by a ResourceClaim: leave out allocation: DevicePlugin, or gpuShare": (
        MODEL | {"accelerators": {"gpuShare": "40Gi", "allocation": "DevicePlugin"}}
    ),
    "size must be above 0, such as 10Gi": MODEL | {"engine": {"compileCache": {"size": "0"}}},
    "gpuShare must be at least 1Gi, such as 40Gi": MODEL | {"accelerators": {"gpuShare": "500Mi"}},
    "cpu must not exceed cpuLimit": MODEL | {"resources": {"cpu": "16", "cpuLimit": "8500m"}},
    "memory must not exceed memoryLimit": MODEL | {"resources": {"memory": "64Gi", "memoryLimit": "65G"}},
    "availability.spread needs engine.compileCache.accessMode: ReadWriteMany, since a ReadWriteOnce claim keeps all "
    "replicas on one node": MODEL | {"engine": {"compileCache": {}}, "availability": {"spread": "Zone"}},
    "maxSurge and maxUnavailable cannot both be 0: an update could not replace anything": (
        MODEL | {"deployment": {"strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": 0}}}}
    ),
    "minReplicas must not exceed maxReplicas": MODEL | {"scaling": {"minReplicas": 3, "maxReplicas": 2}},
    "minReplicas of a schedule must not exceed maxReplicas, which is 1 when left out": (
        MODEL | {"scaling": {"schedule": [{"cron": "@daily", "duration": "8h", "minReplicas": 2}]}}
    ),
    "min must not exceed max": MODEL | {"scaling": {"vertical": {"cpu": {"min": "2", "max": "1500m"}}}},
    "cache.name names an AIMCache to use, and cache.enabled: false turns caching off; keep one of them": (
        MODEL | {"cache": {"name": "models", "enabled": False}}
    ),
    "parentRefs must differ in name, whatever namespace and kind: leave out sectionName for all listeners": (
        MODEL | {"service": {"route": {"parentRefs": [{"name": "edge"}, {"name": "edge", "sectionName": "https"}]}}}
    ),
    "draft.revision is of a repository: state draft.repository, too": (
        MODEL | {"recipe": {"draft": {"revision": "v1"}}}
    ),
    "a fallback states what to request instead: gpuCount, precision, backend or hardware": (
        MODEL | {"recipe": {"fallback": [{}]}}
    ),
    "a toleration with operator Exists has no value": (
        MODEL | {"tolerations": [{"key": "sku", "operator": "Exists", "value": "gpu"}]}
    ),
    "tolerationSeconds goes with the effect NoExecute": (
        MODEL | {"tolerations": [{"key": "sku", "effect": "NoSchedule", "tolerationSeconds": 1}]}
    ),
    "valueFrom is either secretKeyRef or configMapKeyRef": (
        MODEL | {"engine": {"env": [{"name": "TZ", "valueFrom": {}}]}}
    ),
    "a variable has either value or valueFrom": (
        MODEL
        | {
            "engine": {
                "env": [
                    {"name": "TZ", "value": "UTC", "valueFrom": {"configMapKeyRef": {"name": "zone", "key": "name"}}},
                ]
            }
        }
    ),
    "engine.env may not have a variable twice": (
        MODEL | {"engine": {"env": [{"name": "TZ", "value": "UTC"}, {"name": "TZ", "value": "CET"}]}}
    ),
    "labels may not have a key of the operator's or the cluster's: app.kubernetes.io/name, "
    "app.kubernetes.io/instance, app.kubernetes.io/managed-by, app.kubernetes.io/version, pod-template-hash, "
    "aim.engine.amd.com/, cache.aim.engine.amd.com/, metacontroller.k8s.io/, leaderworkerset.sigs.k8s.io/": (
        MODEL | {"labels": {"aim.engine.amd.com/endpoint": "other"}}
    ),
    "annotations may not have a key of the operator's or the cluster's: aim.engine.amd.com/, "
    "cache.aim.engine.amd.com/, metacontroller.k8s.io/, leaderworkerset.sigs.k8s.io/, "
    "container.apparmor.security.beta.kubernetes.io/, seccomp.security.alpha.kubernetes.io/": MODEL
    | {"annotations": {"metacontroller.k8s.io/x": "y"}},
}
RECIPES: dict[str, Raw] = {
    "facts need either keyValueHeads and headDim, or latentAttention": (
        RECIPE | {"facts": FACTS | {"attentionHeads": 8, "headDim": 64}}
    ),
    "facts.slidingWindow.layers are some of facts.layers, so they cannot be more": (
        RECIPE | {"facts": FACTS | HEADS | {"slidingWindow": {"layers": 9, "tokens": 128}}}
    ),
    "a configuration has as many GPUs on each of its nodes: gpuCount is a multiple of nodes": (
        RECIPE | {"configurations": [{"gpuCount": 9, "nodes": 2}]}
    ),
    "configurations must differ in gpuCount": RECIPE | {"configurations": [{"gpuCount": 1}, {"gpuCount": 1}]},
}
MODELS: dict[str, Raw] = {
    **{message: {"modelId": "a/b", "facts": spec["facts"]} for message, spec in RECIPES.items() if "facts" in spec},
    "access is how a server is reached: it goes with a source such as s3://bucket/folder, oci://registry/repository or "
    "mlflow://name@alias": {"modelId": "a/b", "source": "a/b-AWQ", "access": {"secret": "keys"}},
    "a model in MLflow needs access.endpoint, the URL of the tracking server": {
        "modelId": "a/b",
        "source": "mlflow://chat/3",
    },
}
CACHES: dict[str, Raw] = {
    "state which models to keep (modelId or models), or how large the cache is (size or storage.size)": {"models": []},
    "a model is listed twice: modelId is short for an entry of models, and a model has one entry": {
        "modelId": "a/b",
        "models": [{"id": "a/b"}],
    },
    "storage.existingClaim is used as it is: leave out size and storage.storageClass": {
        "size": "1Gi",
        "storage": {"existingClaim": "models"},
    },
    "a ReadOnlyMany volume cannot be downloaded to: it needs storage.existingClaim, which holds the models, and "
    "hub.offline: true": {"modelId": "a/b", "storage": {"accessMode": "ReadOnlyMany"}},
    "a source has its own revision, such as hf://org/name@v1: leave out revision": {
        "models": [{"id": "a/b", "source": "hf://a/b@v1", "revision": "v2"}]
    },
    "access is how a server is reached: it goes with a source such as s3://bucket/folder, oci://registry/repository or "
    "mlflow://name@alias": {"models": [{"id": "a/b", "access": {"secret": "keys"}}]},
    "a model in MLflow needs access.endpoint, the URL of the tracking server": {
        "models": [{"id": "a/b", "source": "mlflow://chat@champion"}]
    },
    "schedule is not in cron format: minute, hour, day of the month, month and day of the week, such as 0 2 * * *, "
    "or a name such as @daily": {"modelId": "a/b", "cleanup": {"schedule": "0 25 * * *"}},
}

GATEWAYS: dict[str, Raw] = {
    "state either clients.secretName, whose keys are the clients, or clients.anonymous: true": {
        "clients": {"secretName": "keys", "anonymous": True}
    },
    "clients.limits has a client more than once": {
        "clients": {"secretName": "keys", "limits": [{"client": "red"}, {"client": "red"}]}
    },
    "with clients.anonymous: true no request has a client: clients.limits can have the row * alone": {
        "clients": {"anonymous": True, "limits": [{"client": "*"}, {"client": "red"}]}
    },
    "maxRequestBytes must be from 1Ki to 1Gi": {"clients": {"anonymous": True}, "maxRequestBytes": "2Gi"},
    "parentRefs must differ in name, whatever namespace and kind: leave out sectionName for all listeners": {
        "clients": {"anonymous": True},
        "parentRefs": [{"name": "edge"}, {"name": "edge", "sectionName": "https"}],
    },
    "hostnames are those of an HTTPRoute: state parentRefs, too": {
        "clients": {"anonymous": True},
        "hostnames": ["models.example.com"],
    },
}

TWICE: dict[str, dict[tuple[str, str], Raw]] = {
    "AIMEndpoint": {
        ("modelId", "model.id"): MODEL | {"model": {"id": "other/model"}},
        ("gpuCount", "recipe.gpuCount"): MODEL | {"gpuCount": 1, "recipe": {"gpuCount": 2}},
        ("gpuCount", "resources.gpuCount"): MODEL | {"gpuCount": 1, "resources": {"gpuCount": 2}},
        ("resources.gpuCount", "recipe.gpuCount"): (MODEL | {"resources": {"gpuCount": 1}, "recipe": {"gpuCount": 2}}),
        ("precision", "recipe.precision"): MODEL | {"precision": "bf16", "recipe": {"precision": "fp8"}},
        ("backend", "recipe.backend"): MODEL | {"backend": "vllm", "recipe": {"backend": "sglang"}},
        ("autoSelect", "recipe.autoSelect"): MODEL | {"autoSelect": True, "recipe": {"autoSelect": False} | CHOSEN},
        ("cache.storage.size", "cache.size"): MODEL | {"cache": {"size": "1Gi", "storage": {"size": "2Gi"}}},
        ("cache.storage.storageClass", "cache.storageClass"): (
            MODEL | {"cache": {"storageClass": "a", "storage": {"storageClass": "b"}}}
        ),
        ("cache.storage.accessMode", "cache.accessMode"): (
            MODEL | {"cache": {"accessMode": "ReadWriteOnce", "storage": {"accessMode": "ReadWriteMany"}}}
        ),
        ("cache.storage.mountPath", "cache.mountPath"): (
            MODEL | {"cache": {"mountPath": "/a", "storage": {"mountPath": "/b"}}}
        ),
    },
    "AIMCache": {
        ("cachePath", "storage.mountPath"): {"size": "1Gi", "cachePath": "/a", "storage": {"mountPath": "/b"}},
        ("size", "storage.size"): {"size": "1Gi", "storage": {"size": "2Gi"}},
    },
}
"""For every pair of spellings an object that gives both, with different values."""


def twice(left: str, right: str) -> str:
    """What is said about two spellings that differ."""
    return f"{left} and {right} are the same setting and have different values; keep one"


CASES: dict[tuple[str, str], Raw] = {
    **{("AIMEndpoint", message): spec for message, spec in ENDPOINTS.items()},
    **{("AIMRecipe", message): spec for message, spec in RECIPES.items()},
    **{("AIMModel", message): spec for message, spec in MODELS.items()},
    **{("AIMGateway", message): spec for message, spec in GATEWAYS.items()},
    **{("AIMCache", message): spec for message, spec in CACHES.items()},
    **{(kind, twice(*pair)): spec for kind, pairs in TWICE.items() for pair, spec in pairs.items()},
}


def rules() -> set[tuple[str, str]]:
    """Kind and message of every rule between fields in the CRDs; those that compare with the object before are not."""
    found = (yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("aim*.yaml"))
    return {(one["spec"]["names"]["kind"], message) for one in found for message in _messages(one)}


def _messages(part: object) -> Iterator[str]:
    parts = part if isinstance(part, list) else []
    if isinstance(part, dict):
        stated = part.get("x-kubernetes-validations", ())
        yield from (one["message"] for one in stated if "oldSelf" not in one["rule"])
        parts = [*part.values()]
    for one in parts:
        yield from _messages(one)
