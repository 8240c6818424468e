"""What an object may name beyond itself: parameters of the policies, an object that names it, and what is refused."""

from aimlib.api import API_VERSION
from tests.e2e.admission_cases import MODEL, SHIPPED, service
from tests.e2e.space import Raw, endpoint

CONFIG = "ConfigMap aim-system/aim-admission"
MALFORMED = f"{CONFIG} is malformed, and nothing new is let in before it is mended: {{}}"


def listed(key: str, **parameters: str) -> str:
    """The lines of a parameter, as sentences have them."""
    return ", ".join({**SHIPPED, **parameters}[key].split())


def unlisted(field: str, value: str, key: str, **parameters: str) -> str:
    """The sentence about a name that no line has."""
    allowed = listed(key, **parameters)
    return f"{field} {value} is not allowed in this cluster, which allows {allowed} ({key} of {CONFIG})"


def noted(annotations: str, **parameters: str) -> str:
    """The sentence about annotations that no line has."""
    return (
        f"service.annotations {annotations} are not allowed in this cluster, which allows "
        f"{listed('serviceAnnotations', **parameters)} (serviceAnnotations of {CONFIG})"
    )


def cache(**spec: Raw) -> Raw:
    """An AIMCache of one model."""
    return {"apiVersion": API_VERSION, "kind": "AIMCache", "metadata": {"name": "asked"}, "spec": {**MODEL, **spec}}


def gated(secret: str, key: str = "token") -> Raw:
    """An endpoint whose model needs a token."""
    return endpoint("asked", model={"id": MODEL["modelId"], "tokenSecret": {"name": secret, "key": key}})


def mirrored(secret: str) -> Raw:
    """A cache whose hub needs a token."""
    return cache(hub={"endpoint": "https://hub.example.com", "tokenSecret": {"name": secret}})


def described(secret: str) -> Raw:
    """An AIMModel whose hub needs a token."""
    hub = {"endpoint": "https://hub.example.com", "tokenSecret": {"name": secret}}
    return {"apiVersion": API_VERSION, "kind": "AIMModel", "metadata": {"name": "asked"}, "spec": {**MODEL, "hub": hub}}


def at_gateway(keys: str = "model-keys", certificate: str | None = None) -> Raw:
    """An AIMGateway with Secrets of its namespace."""
    spec = {"clients": {"secretName": keys}, **({"tls": {"secretName": certificate}} if certificate else {})}
    return {"apiVersion": API_VERSION, "kind": "AIMGateway", "metadata": {"name": "asked"}, "spec": spec}


def filled(claim: str) -> Raw:
    """A cache on a claim that is there."""
    return cache(storage={"existingClaim": claim})


def sourced(source: str, access: Raw | None = None) -> Raw:
    """A cache with a model of another source than the hub."""
    return cache(models=[{"id": "acme/chat", "source": source, **({"access": access} if access else {})}])


def loaded(source: str, access: Raw | None = None) -> Raw:
    """An endpoint of a model of another source than the hub."""
    return endpoint("asked", model={"id": "acme/chat", "source": source, **({"access": access} if access else {})})


def described_at(secret: str) -> Raw:
    """An AIMModel whose files are in a bucket that needs keys."""
    spec = {**MODEL, "source": "s3://models/chat", "access": {"secret": secret}}
    return {"apiVersion": API_VERSION, "kind": "AIMModel", "metadata": {"name": "asked"}, "spec": spec}


def account(**fields: object) -> Raw:
    """An endpoint with an account of the cluster."""
    return endpoint("asked", **MODEL, security={"serviceAccount": fields})


def annotated(**annotations: str) -> Raw:
    """An endpoint with annotations of its Service, by the last part of their names."""
    return service(annotations={NAMES[name]: value for name, value in annotations.items()})


def pods(**fields: object) -> Raw:
    """An endpoint with fields of its pods."""
    return endpoint("asked", **MODEL, **fields)


def variables(*env: Raw) -> Raw:
    """An endpoint with variables of its engine."""
    return pods(engine={"env": [*env]})


def secret_variable(secret: str) -> Raw:
    """The same, from a Secret."""
    return variables({"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": secret, "key": "key"}}})


IN_VARIABLES = (
    "engine.env has VLLM_API_KEY by value, for everybody to read who may see the endpoint; keep it in a Secret, and "
    "refer to it by valueFrom.secretKeyRef"
)
NAMES = {
    "expose": "tailscale.com/expose",
    "hostname": "external-dns.alpha.kubernetes.io/hostname",
    "applied": "metacontroller.k8s.io/last-applied-configuration",
    "scheme": "service.beta.kubernetes.io/aws-load-balancer-scheme",
    "mine": "example.com/team.name",
}
SECRET, CLAIM = "hub.tokenSecret.name", "storage.existingClaim"
ACCOUNT = "security.serviceAccount.name"
NO_TOKENS = {**SHIPPED, "tokenSecrets": ""}
TEAM = {
    **SHIPPED,
    "serviceAnnotations": "example.com/team.name\nexternal-dns.alpha.kubernetes.io/hostname=*.ml.example.com",
}

MODELS = {**SHIPPED, "modelPrefixes": "Qwen\nRedHatAI/Qwen3-*\ngoogle/gemma-4-31B-it\nacme/"}
UNLISTED_MODEL = (
    "model {} is below none of the allowed prefixes Qwen, RedHatAI/Qwen3-*, google/gemma-4-31B-it, acme/ "
    f"(modelPrefixes of {CONFIG})"
)
OF_SOURCES = ("acme", "Qwen", "s3://models", "s3://data/chat", "oci://r.example/llm/*", "https://minio.example/models")
UNLISTED_SOURCE = (
    f"model {{}} is below none of the allowed prefixes {', '.join(OF_SOURCES)} (modelPrefixes of {CONFIG})"
)


def serving(model: str, **more: object) -> Raw:
    """An endpoint of a model, by its short spelling."""
    return endpoint("asked", modelId=model, **more)


def caching(*models: str) -> Raw:
    """A cache of models."""
    return cache(models=[{"id": one} for one in models])


REACH = {
    **{
        f"a model of the list: {one}": (MODELS, serving(one), None)
        for one in (*("Qwen/Qwen3-32B", "Qwen", "RedHatAI/Qwen3-32B-FP8-dynamic", "google/gemma-4-31B-it", "acme/x"),)
    },
    **{
        f"a model that only begins alike: {one}": (MODELS, serving(one), UNLISTED_MODEL.format(one))
        for one in (
            *("QwenX/Qwen3-32B", "qwen/Qwen3-32B", "RedHatAI/Llama", "google/gemma-4-31B-it-2", "acme", "x/Qwen/y"),
        )
    },
    "a model in its long spelling": (
        MODELS,
        endpoint("asked", model={"id": "evil/x", "revision": "main"}),
        UNLISTED_MODEL.format("evil/x"),
    ),
    "a model by the name of a recipe": (
        MODELS,
        serving("evil/x", recipe={"customRecipe": {"name": "evil"}}),
        UNLISTED_MODEL.format("evil/x"),
    ),
    "any model where none is listed": (SHIPPED, serving("evil/x"), None),
    **{
        f"what {who} loads instead: {source} of {server}": (
            {**MODELS, "modelPrefixes": "\n".join(OF_SOURCES)},
            asked(source, {"endpoint": server} if server else None),
            None if shown is None else UNLISTED_SOURCE.format(shown),
        )
        for who, asked in (("a cache", sourced), ("an endpoint", loaded))
        for source, server, shown in (
            ("hf://acme/other@main", "", None),
            ("hf://evil/other@main", "", "evil/other"),
            ("s3://models/chat", "", None),
            ("s3://models-evil/chat", "", "s3://models-evil/chat"),
            ("s3://models/chat", "https://minio.example", None),
            ("s3://models/chat", "https://evil.example", "https://evil.example/models/chat"),
            ("oci://r.example/llm/chat:v1", "", None),
            ("oci://r.example/chat:v1", "", "oci://r.example/chat:v1"),
            ("oci://r.example/llm/chat@sha256:" + "a" * 64, "", None),
            ("s3://models/chat@v1", "", None),
            ("s3://data/chat/v1@2", "", None),
            ("s3://data/chat@evil/x", "", "s3://data/chat@evil/x"),
            ("oci://r.example/models/chat:v1", "https://minio.example", None),
            ("oci://r.example/models/chat@sha256:" + "a" * 64, "https://minio.example", None),
            ("mlflow://chat@champion", "https://minio.example/models", None),
            ("mlflow://models/3", "https://minio.example", None),
            ("mlflow://chat@x", "https://minio.example", "https://minio.example/chat"),
            ("oci://models/evil/chat:v1", "https://minio.example", "https://minio.example/evil/chat:v1"),
        )
    },
    "models in a cache": (MODELS, caching("acme/x", "Qwen/y"), None),
    "a cache's models that no prefix has": (
        MODELS,
        caching("evil/x", "acme/x", "evil/y"),
        UNLISTED_MODEL.format("evil/x, evil/y"),
    ),
    "any model in a cache where none is listed": (SHIPPED, caching("evil/x"), None),
    "a Secret of others": (
        SHIPPED,
        gated("postgres", "password"),
        unlisted("model.tokenSecret.name", "postgres", "tokenSecrets"),
    ),
    "a Secret whose name only ends alike": (
        SHIPPED,
        gated("not-hf-token"),
        unlisted("model.tokenSecret.name", "not-hf-token", "tokenSecrets"),
    ),
    "a Secret where none is allowed": (
        NO_TOKENS,
        gated("huggingface-token"),
        unlisted("model.tokenSecret.name", "huggingface-token", "tokenSecrets", tokenSecrets=""),
    ),
    "a dot stands for itself": (
        {**SHIPPED, "tokenSecrets": "a.b"},
        gated("axb"),
        unlisted("model.tokenSecret.name", "axb", "tokenSecrets", tokenSecrets="a.b"),
    ),
    "the usual Secret": (SHIPPED, gated("huggingface-token"), None),
    "a Secret of the pattern": (SHIPPED, gated("hf-token-team-a", "read"), None),
    "any Secret": ({**SHIPPED, "tokenSecrets": "*"}, gated("postgres"), None),
    "a Secret of others for a hub": (SHIPPED, mirrored("postgres"), unlisted(SECRET, "postgres", "tokenSecrets")),
    "the usual Secret for a hub": (SHIPPED, mirrored("hf-token"), None),
    "no Secret for a hub": (NO_TOKENS, cache(), None),
    "a Secret of the operator for a model's hub": (SHIPPED, described("hf-token"), None),
    "another Secret of the operator": (
        SHIPPED,
        described("aim-hooks-tls"),
        unlisted(SECRET, "aim-hooks-tls", "tokenSecrets"),
    ),
    "a claim of others": (SHIPPED, filled("data-postgres-0"), unlisted(CLAIM, "data-postgres-0", "existingClaims")),
    "a claim with models": (SHIPPED, filled("shared-models"), None),
    "keys of others for a bucket": (
        SHIPPED,
        sourced("s3://models/chat", {"secret": "postgres"}),
        unlisted("access.secret", "postgres", "tokenSecrets"),
    ),
    "the usual keys for a bucket": (SHIPPED, sourced("s3://models/chat", {"secret": "hf-token-s3"}), None),
    "keys of others for an endpoint's bucket": (
        SHIPPED,
        loaded("s3://models/chat", {"secret": "postgres"}),
        unlisted("model.access.secret", "postgres", "tokenSecrets"),
    ),
    "the usual keys for an endpoint's bucket": (SHIPPED, loaded("s3://models/chat", {"secret": "hf-token-s3"}), None),
    "a bucket by the name of somebody's claim": (SHIPPED, loaded("s3://data-postgres-0/chat"), None),
    "keys of the operator for a model's bucket": (SHIPPED, described_at("hf-token-s3"), None),
    "another Secret of the operator for a model's bucket": (
        SHIPPED,
        described_at("aim-hooks-tls"),
        unlisted("access.secret", "aim-hooks-tls", "tokenSecrets"),
    ),
    "a claim of others as a source": (
        SHIPPED,
        sourced("pvc://data-postgres-0/chat"),
        unlisted("source", "pvc://data-postgres-0", "existingClaims"),
    ),
    "a claim of others to serve from": (
        SHIPPED,
        endpoint("asked", model={"id": "acme/chat", "source": "pvc://data-postgres-0/chat"}),
        unlisted("model.source", "pvc://data-postgres-0", "existingClaims"),
    ),
    "a claim with models to serve from": (
        SHIPPED,
        endpoint("asked", model={"id": "acme/chat", "source": "pvc://shared-models/chat"}),
        None,
    ),
    "an image of models elsewhere, whatever its digest is asked for at": (
        {**SHIPPED, "modelPrefixes": "acme\nhttps://minio.example/models"},
        endpoint(
            "asked",
            model={
                "id": "acme/chat",
                "source": "oci://r.example/models/chat:v1",
                "imageVolume": {},
                "access": {"endpoint": "https://minio.example"},
            },
        ),
        (
            "model oci://r.example/models/chat:v1 is below none of the allowed prefixes acme, "
            f"https://minio.example/models (modelPrefixes of {CONFIG})"
        ),
    ),
    "a claim with models as a source": (SHIPPED, sourced("pvc://shared-models"), None),
    "an account of others": (
        SHIPPED,
        account(name="deployer"),
        unlisted(ACCOUNT, "deployer", "serviceAccounts"),
    ),
    "an account of others that is to be made": (
        SHIPPED,
        account(name="deployer", create=True),
        unlisted(ACCOUNT, "deployer", "serviceAccounts"),
    ),
    "an account of its own name that is not to be made": (
        SHIPPED,
        account(name="asked"),
        unlisted(ACCOUNT, "asked", "serviceAccounts"),
    ),
    "an account of its own": (SHIPPED, account(create=True), None),
    "an account of its own by name": (SHIPPED, account(create=True, name="asked"), None),
    "the usual account": (SHIPPED, account(name="default"), None),
    "an account of the list": ({**SHIPPED, "serviceAccounts": "default\nmodels-*"}, account(name="models-a"), None),
    "a Service that joins another network": (SHIPPED, annotated(expose="true"), noted("tailscale.com/expose=true")),
    "a Service with a name in the DNS": (
        SHIPPED,
        annotated(hostname="www.example.com"),
        noted("external-dns.alpha.kubernetes.io/hostname=www.example.com"),
    ),
    "a Service that states what was applied": (
        SHIPPED,
        annotated(applied="{}"),
        noted("metacontroller.k8s.io/last-applied-configuration={}"),
    ),
    "a Service that leaves the cloud's network": (
        SHIPPED,
        annotated(scheme="internet-facing"),
        noted("service.beta.kubernetes.io/aws-load-balancer-scheme=internet-facing"),
    ),
    "a Service that stays inside": (SHIPPED, annotated(scheme="internal"), None),
    "any value of an annotation": (TEAM, annotated(mine="a\nb, c"), None),
    "a value of a pattern": (TEAM, annotated(hostname="a.ml.example.com"), None),
    "a value that only looks like the pattern": (
        TEAM,
        annotated(hostname="a.mlxexample.com", mine=""),
        noted("external-dns.alpha.kubernetes.io/hostname=a.mlxexample.com", **TEAM),
    ),
    "several in one value": (
        TEAM,
        annotated(hostname="www.example.com,a.ml.example.com"),
        noted("external-dns.alpha.kubernetes.io/hostname=www.example.com,a.ml.example.com", **TEAM),
    ),
    "several lines in one value": (
        TEAM,
        annotated(hostname="www.example.com\na.ml.example.com"),
        "service.annotations are not allowed",
    ),
    "a value that passes for the end of a name": (
        {**SHIPPED, "serviceAnnotations": "example.com/*=internal"},
        annotated(mine="public=internal"),
        noted("example.com/team.name=public=internal", serviceAnnotations="example.com/*=internal"),
    ),
    "a load balancer of another network": (
        SHIPPED,
        service(type="LoadBalancer", loadBalancerClass="tailscale"),
        unlisted("service.loadBalancerClass", "tailscale", "loadBalancerClasses"),
    ),
    "an address of the internet": (
        SHIPPED,
        service(type="LoadBalancer", loadBalancerIP="8.8.8.8"),
        unlisted("service.loadBalancerIP", "8.8.8.8", "loadBalancerIPs"),
    ),
    "an address that only looks alike": (
        SHIPPED,
        service(type="LoadBalancer", loadBalancerIP="100.1.1.1"),
        unlisted("service.loadBalancerIP", "100.1.1.1", "loadBalancerIPs"),
    ),
    **{
        f"what begins like an address: {text}": (
            {**SHIPPED, "loadBalancerIPs": "10.*\nfd00:*"},
            service(type="LoadBalancer", loadBalancerIP=text),
            unlisted("service.loadBalancerIP", text, "loadBalancerIPs", loadBalancerIPs="10.*\nfd00:*"),
        )
        for text in ("10.example.com", "10.0.0.1.example.com", "10.1", "10.0.0.1/0", "fd00:evil", "10.::1")
    },
    "any address of a list with everything": (
        {**SHIPPED, "loadBalancerIPs": "*"},
        service(type="LoadBalancer", loadBalancerIP="8.8.8.8"),
        None,
    ),
    "an address of the sixth version": (
        {**SHIPPED, "loadBalancerIPs": "fd00:*"},
        service(type="LoadBalancer", loadBalancerIP="fd00::1"),
        None,
    ),
    "an address where none is listed": (
        {"rootUser": "Refuse"},
        service(type="LoadBalancer", loadBalancerIP="10.0.0.1"),
        unlisted("service.loadBalancerIP", "10.0.0.1", "loadBalancerIPs", loadBalancerIPs=""),
    ),
    "a load balancer inside": (
        SHIPPED,
        service(type="LoadBalancer", loadBalancerIP="10.1.1.1", loadBalancerClass="example.com/internal"),
        None,
    ),
    "a node of a list": (
        {**SHIPPED, "nodeSelectors": "pool=gold*\ntopology.kubernetes.io/zone"},
        pods(nodeSelector={"pool": "gold-1", "topology.kubernetes.io/zone": "a"}),
        None,
    ),
    "a node of no list": (
        {**SHIPPED, "nodeSelectors": "pool=gold"},
        pods(nodeSelector={"pool": "silver"}),
        unlisted("nodeSelector", "pool=silver", "nodeSelectors", nodeSelectors="pool=gold"),
    ),
    "any node": (SHIPPED, pods(nodeSelector={"pool": "gold"}), None),
    "the vendor's taint": (SHIPPED, pods(tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}]), None),
    "the taint of the control plane": (
        SHIPPED,
        pods(tolerations=[{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]),
        unlisted("tolerations", "node-role.kubernetes.io/control-plane=*", "tolerations"),
    ),
    "any value of a taint of which one is listed": (
        {**SHIPPED, "tolerations": "team=a"},
        pods(tolerations=[{"key": "team", "operator": "Exists"}]),
        unlisted("tolerations", "team=*", "tolerations", tolerations="team=a"),
    ),
    "the value of a taint that is listed": (
        {**SHIPPED, "tolerations": "team=a"},
        pods(tolerations=[{"key": "team", "value": "a", "effect": "NoSchedule"}]),
        None,
    ),
    "keys that are none": (
        SHIPPED,
        pods(nodeSelector={"pool of mine": "a"}, labels={"team/": "a", "ok": "b"}, annotations={"karpenter.sh/": "x"}),
        "; ".join(
            f"{field} has {key}, which must be a key such as example.com/pool"
            for field, key in (("nodeSelector", "pool of mine"), ("labels", "team/"), ("annotations", "karpenter.sh/"))
        ),
    ),
    "a variable with a secret by value where nothing is stated": (
        {**SHIPPED, "literalSecrets": ""},
        variables({"name": "VLLM_API_KEY", "value": "abc"}),
        IN_VARIABLES,
    ),
    "a label of a pod": (SHIPPED, pods(labels={"team": "a"}), None),
    "an annotation that gives a pod a role": (
        SHIPPED,
        pods(annotations={"iam.amazonaws.com/role": "admin"}),
        unlisted("annotations", "iam.amazonaws.com/role=admin", "podAnnotations"),
    ),
    "an annotation that keeps a pod": (SHIPPED, pods(annotations={"karpenter.sh/do-not-disrupt": "true"}), None),
    "the runtime of k3s": (SHIPPED, pods(runtimeClassName="nvidia"), None),
    "another runtime": (SHIPPED, pods(runtimeClassName="runc"), unlisted("runtimeClassName", "runc", "runtimeClasses")),
    "a priority of the cluster": (
        SHIPPED,
        pods(priorityClassName="system-node-critical"),
        unlisted("priorityClassName", "system-node-critical", "priorityClasses"),
    ),
    "a priority of the list": (SHIPPED, pods(priorityClassName="model-serving-high"), None),
    "another scheduler": (SHIPPED, pods(schedulerName="mine"), unlisted("schedulerName", "mine", "schedulers")),
    "the usual scheduler": (SHIPPED, pods(schedulerName="default-scheduler"), None),
    "another ConfigMap": (
        SHIPPED,
        pods(caBundle={"configMap": "mine"}),
        unlisted("caBundle.configMap", "mine", "caBundles"),
    ),
    "a ConfigMap with authorities": (SHIPPED, pods(caBundle={"configMap": "company-ca"}), None),
    "a variable from a Secret of others": (
        SHIPPED,
        secret_variable("postgres"),
        unlisted("engine.env: Secret", "postgres", "tokenSecrets"),
    ),
    "a variable from a Secret of the pattern": (SHIPPED, secret_variable("hf-token-chat"), None),
    "a variable with a secret by value": (
        SHIPPED,
        variables({"name": "VLLM_API_KEY", "value": "abc"}),
        IN_VARIABLES,
    ),
    "a variable with a secret by value where that is allowed": (
        {**SHIPPED, "literalSecrets": "Allow"},
        variables({"name": "VLLM_API_KEY", "value": "abc"}),
        None,
    ),
    "a Secret of others as the keys of clients": (
        SHIPPED,
        at_gateway("postgres"),
        unlisted("clients.secretName", "postgres", "clientSecrets"),
    ),
    "a Secret of others as a certificate": (
        SHIPPED,
        at_gateway(certificate="postgres"),
        unlisted("tls.secretName", "postgres", "tlsSecrets"),
    ),
    "keys and a certificate of the patterns": (SHIPPED, at_gateway("team-a-keys", "models-tls"), None),
    "keys whose name only contains the pattern": (
        SHIPPED,
        at_gateway("model-keys-old"),
        unlisted("clients.secretName", "model-keys-old", "clientSecrets"),
    ),
    "keys by a list of one's own": ({**SHIPPED, "clientSecrets": "clients\n"}, at_gateway("clients"), None),
    "keys where no Secret is allowed": (
        {**SHIPPED, "clientSecrets": ""},
        at_gateway(),
        unlisted("clients.secretName", "model-keys", "clientSecrets", clientSecrets=""),
    ),
    "a variable without a secret": (SHIPPED, variables({"name": "NCCL_DEBUG", "value": "INFO"}), None),
}
"""Parameters, an object, and what is said about it."""

PARAMETERS = {
    "two prefixes in a line": ({"modelPrefixes": "Qwen, acme"}, "modelPrefixes: Qwen, acme"),
    "a pattern inside a prefix": ({"modelPrefixes": "Qwen/*-FP8"}, "modelPrefixes: Qwen/*-FP8"),
    "several names in a line": ({"tokenSecrets": "a, b"}, "tokenSecrets: a, b"),
    "a regular expression": ({"serviceAccounts": "a\n(b|c)"}, "serviceAccounts: (b|c)"),
    "an annotation with a blank": ({"serviceAnnotations": "a: b"}, "serviceAnnotations: a: b"),
    "a class in brackets": ({"loadBalancerClasses": "[a]"}, "loadBalancerClasses: [a]"),
    "two networks in a line": ({"loadBalancerIPs": "10.* 11.*"}, "loadBalancerIPs: 10.* 11.*"),
    "a type that there is not": ({"serviceTypes": "clusterIP"}, "serviceTypes: clusterIP"),
    "a prefix with a pattern": ({"imagePrefixes": "ghcr.io/*"}, "imagePrefixes: ghcr.io/*"),
    "a host with a pattern inside": ({"routeHostnames": "a.*.com"}, "routeHostnames: a.*.com"),
    "a word that is neither": ({"rootUser": "allow"}, "rootUser: allow"),
    "another word that is neither": ({"literalSecrets": "no"}, "literalSecrets: no"),
    "a key that nothing reads": ({"imagePrefix": "ghcr.io/acme"}, "imagePrefix is no key of it"),
    "two taints in a line": ({"tolerations": "a b"}, "tolerations: a b"),
    "several lists of pods": ({"podLabels": "a,b", "schedulers": "(x)"}, "podLabels: a,b; schedulers: (x)"),
    "several at once": ({"serviceTypes": "Any", "rootUser": "yes"}, "serviceTypes: Any; rootUser: yes"),
}
"""Parameters that are malformed, and what is said of them."""
