"""Resources as they were written for the earlier operator."""

import pytest

from tests.e2e.space import endpoint

pytestmark = pytest.mark.e2e

STORAGE = {"size": "500Gi", "storageClass": "fast-ssd", "accessMode": "ReadWriteMany", "mountPath": "/models"}
INSIDE = {"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}
RECIPE = """
apiVersion: aim.engine.amd.com/v1alpha1
kind: AIMRecipe
metadata:
  name: %(name)s
  namespace: %(namespace)s
spec:
  modelId: example/%(name)s
  hardware: MI300X
  precision: bfloat16
  backend: vllm
  configurations:
  - gpuCount: 1
    enabled: true
    args: ["--trust-remote-code", "true", "--max-model-len", "8192", "--dtype", "bfloat16"]
    env:
    - {name: HIP_VISIBLE_DEVICES, value: "0"}
    - {name: VLLM_ROCM_USE_AITER, value: "1"}
    resources:
      requests: {cpu: "8", memory: 64Gi}
      limits: {cpu: "16", memory: 128Gi, amd.com/gpu: "1"}
  - gpuCount: 2
    enabled: false
    args: []
  performance: {expectedTokensPerSecond: 2000, expectedLatencyMs: 40, maxBatchSize: 64}
"""


def test_a_recipe_with_a_namespace_and_separate_words_is_used(space):
    name = space.namespace
    space.kubectl("apply", "--filename=-", input=RECIPE % {"name": name, "namespace": name})
    space.wait("it to be Ready", lambda: space.get("aimrecipe", name)["status"]["phase"] == "Ready")
    custom = {"name": name, "namespace": name}
    space.apply(endpoint("earlier", model={"id": f"example/{name}"}, recipe={"customRecipe": custom}))
    space.ready("earlier")
    container = space.container("earlier")
    args = container["args"]
    assert "--trust-remote-code" in args
    assert "true" not in args
    assert args[args.index("--max-model-len") + 1] == "8192"
    names = [variable["name"] for variable in container["env"]]
    assert "VLLM_ROCM_USE_AITER" in names
    assert "HIP_VISIBLE_DEVICES" not in names
    assert container["resources"]["limits"] == {"amd.com/gpu": "1", "cpu": "16", "memory": "128Gi"}
    status = space.get("aimendpoint", "earlier")["status"]
    assert any("customRecipe.namespace has no effect" in warning for warning in status["warnings"])
    space.kubectl("delete", "aimrecipe", name)


def test_an_endpoint_with_the_earlier_fields_is_served(space):
    spec = {
        "model": {"id": "Qwen/Qwen3-32B", "version": "v1"},
        "recipe": {"autoSelect": False, "backend": "vllm", "precision": "bfloat16", "gpuCount": 1},
        "resources": {"gpuCount": 1, "cpu": "8", "memory": "64Gi", "cpuLimit": "16", "memoryLimit": "128Gi"},
        "scaling": {"minReplicas": 1, "maxReplicas": 1},
        "service": {"type": "LoadBalancer", "port": 8000, "targetPort": 8000, "annotations": INSIDE},
        "monitoring": {"enabled": True, "prometheus": {"enabled": True, "interval": "30s", "path": "/metrics"}},
        "cache": {
            "enabled": True,
            "storage": {
                "size": "500Gi",
                "storageClass": "fast-ssd",
                "accessMode": "ReadWriteMany",
                "mountPath": "/models",
            },
        },
        "security": {"podSecurityContext": {"runAsUser": 1000, "fsGroup": 1000}, "serviceAccount": {"create": False}},
        "deployment": {
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "canary": {"enabled": False, "trafficSplit": 10, "duration": 300},
        },
        "image": {"pullPolicy": "IfNotPresent", "pullSecrets": ["registry"]},
    }
    space.apply(endpoint("full", **spec))
    space.becomes("full", "AddressPending")
    space.give_address("full", "10.1.2.4")
    space.ready("full")
    claim = space.get("pvc", "full-cache")["spec"]
    assert claim["resources"]["requests"]["storage"] == "500Gi"
    assert (claim["storageClassName"], claim["accessModes"]) == ("fast-ssd", ["ReadWriteMany"])
    container = space.container("full")
    assert container["resources"]["requests"]["memory"] == "64Gi"
    assert {"name": "model-cache", "mountPath": "/models"} in container["volumeMounts"]
    deployment = space.deployment("full")["spec"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = deployment["template"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/version"] == "v1"
    assert pod["metadata"]["annotations"]["prometheus.io/interval"] == "30s"
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["securityContext"]["runAsUser"] == 1000
    service = space.get("service", "full")
    assert service["spec"]["type"] == "LoadBalancer"
    assert INSIDE.items() <= service["metadata"]["annotations"].items()


def test_no_gpus_ask_for_a_node_without_them(space):
    space.apply(endpoint("processors", modelId="Qwen/Qwen3-0.6B", gpuCount=0))
    space.ready("processors")
    status = space.get("aimendpoint", "processors")["status"]
    assert status["selectedRecipe"]["hardware"] == "CPU"
    assert not any(name.startswith("amd.com") for name in space.container("processors")["resources"]["limits"])
