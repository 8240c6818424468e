"""For every rule of the admission policies what breaks it, with the sentence, and what only nearly does."""

import yaml

from tests.cluster.plane import ROOT
from tests.e2e.space import endpoint, recipe

MODEL = {"modelId": "Qwen/Qwen3-32B"}
SHIPPED = yaml.safe_load((ROOT / "manifests/components/admission-policies/parameters.yaml").read_text())["data"]
"""The parameters of the security policies."""

ANY_NOTE = {**SHIPPED, "serviceAnnotations": "*"}

TOO_MANY = "gpuCount 16 is more than any node has: 4 (MI210)"
NO_FP8 = "precision fp8 is served by no GPU of the cluster: MI210 serves bf16, fp16, int8, int4, fp4"
HARDWARE = {
    "the short spelling": ({"gpuCount": 16}, TOO_MANY),
    "the long spelling": ({"recipe": {"gpuCount": 16}}, TOO_MANY),
    "the spelling of resources": ({"resources": {"gpuCount": 16}}, TOO_MANY),
    "two spellings": ({"gpuCount": 16, "resources": {"gpuCount": 16}}, TOO_MANY),
    "fallbacks that are too many as well": (
        {"recipe": {"gpuCount": 16, "fallback": [{"gpuCount": 12}, {"precision": "bf16"}]}},
        "gpuCount 16 or 12 is more than any node has: 4 (MI210)",
    ),
    "as many as a node has": ({"gpuCount": 4}, None),
    "a fallback that a node has": ({"recipe": {"gpuCount": 16, "fallback": [{"gpuCount": 4}]}}, None),
    "processors": ({"gpuCount": 0, "precision": "fp8"}, None),
    "nothing stated": ({}, None),
    "fallbacks of what is free": ({"recipe": {"fallback": [{"gpuCount": 16, "precision": "fp8"}]}}, None),
    "a precision": ({"precision": "fp8"}, NO_FP8),
    "a precision in the long spelling": ({"recipe": {"precision": "fp8"}}, NO_FP8),
    "a precision with a fallback": ({"recipe": {"precision": "fp8", "fallback": [{"precision": "half"}]}}, None),
    "a precision with a fallback to anything": (
        {"recipe": {"precision": "fp8", "fallback": [{"precision": "auto"}]}},
        None,
    ),
    "any precision": ({"precision": "auto"}, None),
    "a precision that is only stored": ({"gpuCount": 1, "precision": "mxfp4"}, None),
}
"""What an endpoint states, and what is said about it where the GPUs are MI210, four on a node."""

IMAGES = {"imagePrefixes": "registry.example.com/models\nghcr.io/acme/\n"}
ELSEWHERE = (
    "image.repository {} is below none of the allowed prefixes registry.example.com/models, ghcr.io/acme/ "
    "(imagePrefixes of ConfigMap aim-system/aim-admission)"
)
ELSEWHERE_MOUNTED = (
    "the image of model.imageVolume, {}, is below none of the allowed prefixes registry.example.com/models, "
    "ghcr.io/acme/ (imagePrefixes of ConfigMap aim-system/aim-admission)"
)
TAG = (
    "image.tag v1 stands without image.repository; state both, with a repository below one of the allowed prefixes "
    "registry.example.com/models, ghcr.io/acme/ (imagePrefixes of ConfigMap aim-system/aim-admission)"
)
TYPE = (
    "service.type {} is not allowed in this cluster, which allows {} "
    "(serviceTypes of ConfigMap aim-system/aim-admission)"
)
HOSTS = {"routeHostnames": "chat.example.com\n*.ml.example.com\n"}
HOST = (
    "service.route.hostnames {} are not all allowed in this cluster, which allows chat.example.com, *.ml.example.com "
    "(routeHostnames of ConfigMap aim-system/aim-admission)"
)
ROOT_USER = (
    "security.podSecurityContext.runAsUser 0 asks for root, which is not allowed; leave it out, or give another user "
    "(rootUser of ConfigMap aim-system/aim-admission)"
)
NOTED = (
    "service.annotations have {} by value, for everybody to read who may see the endpoint or its Service; keep it in a "
    "Secret of its reader"
)
IN_ENV = (
    "env has {} by value, for everybody to read who may see the recipe; keep it in a Secret, and refer to it by "
    "valueFrom.secretKeyRef"
)
IN_ARGS = (
    "args have the value of {}, for everybody to read who may see the recipe; keep it in a Secret, refer to it in env "
    "by valueFrom.secretKeyRef, and write $(NAME) with the name of that variable"
)


def mounted(name):
    """An endpoint whose pods mount the image of its model."""
    return endpoint("asked", model={"id": "acme/chat", "source": f"oci://{name}", "imageVolume": {}})


def image(repository, kind=endpoint, tag="v1"):
    more = {"tag": tag} if kind is recipe else {}
    return kind("asked", **MODEL, image={"repository": repository, **more})


def service(**fields):
    return endpoint("asked", **MODEL, service=fields)


def routed(*hostnames):
    stated = {} if hostnames == (None,) else {"hostnames": list(hostnames)}
    return service(route={"parentRefs": [{"name": "edge"}], **stated})


def variable(name, **source):
    return recipe("asked", **MODEL, configurations=[{"gpuCount": 1, "env": [{"name": name, **source}]}])


def arguments(*args):
    return recipe("asked", **MODEL, configurations=[{"gpuCount": 1, "args": ["--seed=1", *args]}])


def user(number):
    return endpoint("asked", **MODEL, security={"podSecurityContext": {"runAsUser": number}})


SECURITY = {
    "an image from elsewhere": (IMAGES, image("docker.io/evil/x"), ELSEWHERE.format("docker.io/evil/x")),
    "an image that only begins alike": (
        IMAGES,
        image("registry.example.com/models-of-mine/x"),
        ELSEWHERE.format("registry.example.com/models-of-mine/x"),
    ),
    "a recipe's image from elsewhere": (IMAGES, image("evil/x", recipe), ELSEWHERE.format("evil/x")),
    "a mounted image from elsewhere": (
        IMAGES,
        mounted("docker.io/evil/x:v1"),
        ELSEWHERE_MOUNTED.format("docker.io/evil/x"),
    ),
    "a mounted image of another port": (
        IMAGES,
        mounted("ghcr.io:5000/acme/x:v1"),
        ELSEWHERE_MOUNTED.format("ghcr.io:5000/acme/x"),
    ),
    "a mounted image of the list": (IMAGES, mounted(f"ghcr.io/acme/x:v1@sha256:{'a' * 64}"), None),
    "a mounted image that is the prefix": (IMAGES, mounted("registry.example.com/models:v1"), None),
    "an image of the list": (IMAGES, image("registry.example.com/models/vllm"), None),
    "an image that is the prefix": (IMAGES, image("registry.example.com/models"), None),
    "a recipe's image of the list": (IMAGES, image("ghcr.io/acme/vllm", recipe), None),
    "a recipe's image on another port": (
        {"imagePrefixes": "registry.example.com"},
        image("registry.example.com", recipe, "5000/evil/x"),
        "image.repository registry.example.com and image.tag 5000/evil/x are not the name of an image",
    ),
    "a recipe's image without a repository": (
        IMAGES,
        image("", recipe, "evil.io/x"),
        "image.repository  and image.tag evil.io/x are not the name of an image",
    ),
    "a tag alone": (
        IMAGES,
        endpoint("asked", **MODEL, image={"tag": "v1"}),
        TAG,
    ),
    "a tag alone where no list is": (SHIPPED, endpoint("asked", **MODEL, image={"tag": "v1"}), None),
    "a policy of pulling alone": (IMAGES, endpoint("asked", **MODEL, image={"pullPolicy": "Always"}), None),
    "no image": (IMAGES, endpoint("asked", **MODEL), None),
    "a recipe without an image": (IMAGES, recipe("asked", **MODEL), None),
    "any image where no list is": (SHIPPED, image("evil/x"), None),
    "a type of Service": (
        {"serviceTypes": "ClusterIP\nLoadBalancer"},
        service(type="NodePort"),
        TYPE.format("NodePort", "ClusterIP, LoadBalancer"),
    ),
    "a type of Service of the list": ({"serviceTypes": "ClusterIP\nNodePort"}, service(type="NodePort"), None),
    "a host that is not listed": (
        HOSTS,
        routed("chat.example.com", "x.example.com"),
        HOST.format("chat.example.com, x.example.com"),
    ),
    "a host that only ends alike": (HOSTS, routed("evilml.example.com"), HOST.format("evilml.example.com")),
    "the domain above a listed wildcard": (HOSTS, routed("ml.example.com"), HOST.format("ml.example.com")),
    "any host where hosts are listed": (HOSTS, routed(None), HOST.format("*")),
    "an empty list where hosts are listed": (HOSTS, routed(), HOST.format("*")),
    "hosts that are listed": (HOSTS, routed("chat.example.com", "a.b.ml.example.com", "*.ml.example.com"), None),
    "any host where none is listed": ({}, routed(None), None),
    "the usual type of Service": ({"serviceTypes": "ClusterIP"}, endpoint("asked", **MODEL), None),
    "the usual type where only another is allowed": (
        {"serviceTypes": "LoadBalancer"},
        endpoint("asked", **MODEL),
        TYPE.format("ClusterIP", "LoadBalancer"),
    ),
    "root": (SHIPPED, user(0), ROOT_USER),
    "another user": (SHIPPED, user(1000), None),
    "root where it is allowed": ({"rootUser": "Allow"}, user(0), None),
    "an annotation with a token": (
        ANY_NOTE,
        service(annotations={"example.com/api-token": "hf_1", "example.com/class": "a"}),
        NOTED.format("example.com/api-token"),
    ),
    "an annotation that names a secret": (ANY_NOTE, service(annotations={"example.com/tls-secret": "edge"}), None),
    "a token by value": (SHIPPED, variable("HF_TOKEN", value="hf_1"), IN_ENV.format("HF_TOKEN")),
    "a key by value": (SHIPPED, variable("aws_access_key", value="AK"), IN_ENV.format("aws_access_key")),
    "a password by value": (SHIPPED, variable("DB_PASSWORD", value="x$(Y)"), IN_ENV.format("DB_PASSWORD")),
    "a secret by value": (SHIPPED, variable("S3_SECRET", value="x"), IN_ENV.format("S3_SECRET")),
    "a token of a Secret": (
        SHIPPED,
        variable("HF_TOKEN", valueFrom={"secretKeyRef": {"name": "huggingface-token", "key": "token"}}),
        None,
    ),
    "a token that is another variable": (SHIPPED, variable("API_TOKEN", value="$(HF_TOKEN)"), None),
    "a token that is empty": (SHIPPED, variable("HF_TOKEN", value=""), None),
    "a variable that counts tokens": (SHIPPED, variable("MAX_TOKENS", value="3"), None),
    "a token by value where it is allowed": ({"literalSecrets": "Allow"}, variable("HF_TOKEN", value="x"), None),
    "a key among the arguments": (SHIPPED, arguments("--api-key=sk-1"), IN_ARGS.format("--api-key")),
    "keys in the next argument": (
        SHIPPED,
        arguments("--admin-api-key", "sk-1", "--hf_token", "x"),
        IN_ARGS.format("--admin-api-key, --hf_token"),
    ),
    "arguments that refer to variables": (SHIPPED, arguments("--api-key=$(KEY)", "--hf-token", "$(HF_TOKEN)"), None),
    "arguments that count tokens": (SHIPPED, arguments("--max-num-batched-tokens=8192"), None),
    "root where nothing is stated": ({}, user(0), ROOT_USER),
    "root where the word is empty": ({"rootUser": " ", "literalSecrets": "Allow"}, user(0), ROOT_USER),
    "an annotation with a token where nothing is stated": (
        {"serviceAnnotations": "*"},
        service(annotations={"example.com/api-token": "hf_1"}),
        NOTED.format("example.com/api-token"),
    ),
    "an annotation with a token where it is allowed": (
        {"serviceAnnotations": "*", "literalSecrets": "Allow"},
        service(annotations={"example.com/api-token": "hf_1"}),
        None,
    ),
    "a token by value where nothing is stated": ({}, variable("HF_TOKEN", value="x"), IN_ENV.format("HF_TOKEN")),
    "a token by value where only root is allowed": (
        {"rootUser": "Allow", "literalSecrets": ""},
        variable("HF_TOKEN", value="x"),
        IN_ENV.format("HF_TOKEN"),
    ),
    "a key among the arguments where nothing is stated": ({}, arguments("--api-key=sk-1"), IN_ARGS.format("--api-key")),
    "what asks for nothing where nothing is stated": ({}, user(1000), None),
}
"""Parameters, an object, and what is said about it."""
