"""The page of the operator's settings, from `aimlib/config.py`, and of the environment, from environment.yaml."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from aimlib.config import Config
from aimlib.schema.descriptions import DescribedSchema
from tests.docs.markdown import code, page, table
from tests.kustomize import ROOT

ENVIRONMENT = Path(__file__).parent / "environment.yaml"
INTRO = """
The settings are the file `config.yaml` in the ConfigMap `aim-config` of the namespace `aim-system`, made from
`manifests/base/config.yaml`. Everything has a default: an empty mapping is a complete file.

- A change rolls out the hook server anew, because the ConfigMap's name follows its content.
- What is part of a model server's pod (`tokenSecret`, `sharedMemory`, `startupSeconds`, `drainSeconds`, `listen`,
  `nodeSelector`, `runtimeClassNames`, `caBundle`, the requests) then rolls out the endpoints that use it; `images`,
  `imageRegistry` and `toleratedTaints` are for new decisions alone, the registry of gateways and downloads excepted.
- A file that cannot be used stops the rollout: the new hook server prints what is wrong with it, the old ones go on. So
  does a key that nothing reads, such as `imagse` or `vllm/amdd`; the message names the nearest one that there is.

To change settings, write an overlay of your own:

```yaml
# kustomization.yaml
resources: [../../manifests/overlays/default]
configMapGenerator:
- name: aim-config
  namespace: aim-system
  behavior: replace
  files: [config.yaml]
```

```yaml
# config.yaml
admission: enforce
startupSeconds: 7200
images:
  vllm/gfx942: registry.example.com/vllm-rocm:1.2.3
```

`aim plan --config config.yaml -f endpoint.yaml` shows what they change.

## Pools at zero nodes

An autoscaler adds a node for a pod that waits for one, but only what is there is selected, and a pool at zero nodes is
not. `hardwareMayCome` lists such pools:

```yaml
# config.yaml
hardwareMayCome:
- product: MI300X
  gpusPerNode: 8
  labels: {eks.amazonaws.com/nodegroup: mi300x}   # by which pods choose the pool
  cpus: 190                                       # as much as pods can have; not checked when left out
  memoryGiB: 2000
  taints: [{key: amd.com/gpu, effect: NoSchedule}]
```

It is used where nothing fits on the nodes that are there. The pods then require the labels that stand here and no
others, because a template of a node that is not there lacks what labellers set; take labels that the autoscaler knows,
such as the pool's own. Nothing restarts when the node has come. The inventory, `status.resolved` and `aim explain` mark
such hardware.

A replica that waits for a node tells in its message (Unschedulable, WaitingForNode) what would help: the devices, and
the labels as `kubectl get nodes -l` takes them. A pool at zero nodes comes for it where its template states them: a
NodePool of Karpenter in `spec.template.metadata.labels`, an Auto Scaling group of the cluster autoscaler by tags
`k8s.io/cluster-autoscaler/node-template/label/KEY` and `…/resources/amd.com/gpu`, Cluster API by the annotation
`capacity.cluster-autoscaler.kubernetes.io/labels`. What labellers set once a node is there no template has by itself.
"""


def settings() -> str:
    """Settings and environment variables."""
    schema = Config.model_json_schema(by_alias=True, schema_generator=DescribedSchema)
    shown = Config().model_dump(mode="json", by_alias=True)
    rows = (
        (code(name), code(_flow(shown[name])), field.get("description", ""))
        for name, field in schema["properties"].items()
    )
    variables = ((code(one["name"]), one["program"], one["shipped"], one["meaning"]) for one in environment())
    return page(
        "Settings",
        "`aimlib/config.py` and `tests/docs/environment.yaml`",
        INTRO,
        "## Settings in config.yaml",
        table(("setting", "default", "what it is"), rows),
        "## Environment variables",
        "The manifests set them; to change one, patch the Deployment in your overlay.",
        table(("variable", "of", "as shipped", "what it is"), variables),
    )


def environment() -> list[dict[str, Any]]:
    """The rows of the table of environment variables."""
    return yaml.safe_load(ENVIRONMENT.read_text())


def variables_of_the_source() -> Iterator[str]:
    """The variables of ours that programs read."""
    for path in sorted((ROOT / "hooks").rglob("*.py")):
        yield from re.findall(r"(?<![\w_])AIM_[A-Z]+(?:_[A-Z]+)*\b", path.read_text())


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000, sort_keys=False)
    return text.removesuffix("...\n").strip()
