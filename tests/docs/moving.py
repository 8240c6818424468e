"""The pages about moving here: one for each source, side by side, and the forms that are translated, partly or not."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from aimlib.data import load_data
from aimlib.errors import InvalidInputError
from aimlib.migration.draft import Translation
from aimlib.schema.yaml_writer import Dumper
from tests.aimlib.migration.test_migration import CASES, translated
from tests.docs.markdown import code, page, table

TEXTS: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
SOURCES = tuple(name for name in TEXTS if not name.startswith("refused"))
ORIGINS = ("docker", "compose", "helm", *(name for name in SOURCES if name not in {"docker", "helm"}))
"""The keys of a case that have its origin."""
TITLES = {
    "workload": "what runs pods",
    "pods": "pods",
    "chart": "the earlier chart's values",
    "stack": "the production stack's values",
    "llm-d": "the values of llm-d's modelservice",
}
TARGETS = {
    "data parallelism": "`engine.args`, and a factor of `gpuCount`",
    "disruptions": "`availability.minReady`, where it states how many stay",
    "expert parallelism": "`engine.args`",
    "group size": "a factor of `gpuCount`; on how many nodes a replica is, is a recipe's",
    "http route": "`service.route`, where it leads one path to one Service",
    "hub": "`modelId`, with `model.revision` and the Secret of its token",
    "ingress": "needs you; its hosts are named",
    "pipeline": "a factor of `gpuCount`",
    "taken": "`metadata.name`; another than that of an object of before",
    "tensor": "a factor of `gpuCount`",
    "adapters": "`adapters`, and an AIMCache that has the model and them",
    "args": "`engine.args`; what an administrator's recipe has to have is named",
    "autoscaled": "whether there is `scaling`",
    "access modes": "`cache.accessMode`",
    "cached": "a cache, which downloads the model",
    "command": "what the container runs, read as for docker",
    "devices": "`gpuCount`, unless the degree of tensor parallelism states it",
    "env": "`engine.env`; of secrets the table has the name alone",
    "flag": "`engine.args`",
    "flag instead": "`engine.args`, before the same of `vllm_args`",
    "framework": "the recipe's engine; frameworks other than vLLM and SGLang need you",
    "goal": "`recipe.goal`",
    "gpus": "`gpuCount`",
    "hardware": "`recipe.hardware`",
    "image": "the recipe's image; `image` replaces it",
    "metric": "a target of `scaling` on requests, CPU or memory, where both mean the same",
    "model": "`modelId`",
    "mount": "`model.source` of the claim that has the model; `cache` for a folder of models",
    "name": "`metadata.name`",
    "namespace": "`metadata.namespace`",
    "node label": "`nodeSelector`",
    "nodes": "one node for each replica",
    "tool choice": "`engine.args`",
    "words": "what the container runs, read as for docker",
    "own name": "`metadata.name`, by `--name` where the Deployment stays beside it",
    "preset": "`modelId`, by `--model`",
    "profile": "`gpuCount`; hardware is selected",
    "pull secrets": "`image.pullSecrets`",
    "recipe": "`recipe.customRecipe`",
    "resource gpus": "`gpuCount`; other resources are named",
    "scale": "`scaling.targetRequests` for concurrency, `targetCPUUtilization` for cpu",
    "scraped": "`monitoring.enabled`",
    "served": "`modelId`",
    "source": "`modelId` of the hub, `model.source` of a claim or an image, else an AIMCache for a bucket or registry",
    "token": "the Secret `huggingface-token`",
    "token secret": "the Secret `huggingface-token`",
    "trigger": "a target of `scaling` on requests, CPU or memory, where both mean the same",
    "volume": "`cache.size`, and `cache.enabled`",
    "variable": "`engine.env`; of secrets the table has the name alone",
}
"""What the targets of the table of fields are that are no path in a spec."""
COMMANDS = """Objects go to standard output, the table of what became of each part to standard error, and exit code 3
says that something was lost. [All commands and answers](../moving-here.md)."""
BESIDE = """The endpoint runs beside what there was, under another name where both would have one (`--name`), and needs
its own GPUs meanwhile: `aim explain -f endpoint.yaml --live` shows whether there is room. `aim wait NAME`,
`aim chat NAME` and `aim bench NAME` tell when it is as good."""
FORMS = """Each form below is translated by a test, to what a person would write, and the result is applied to a real
API server. Translated: nothing is lost. Partly: the parts that are named are dropped or need you. Refused: exit
code 2."""
ROUTE = """Where clients come through a Gateway, an HTTPRoute leads a tenth of the requests to the endpoint, then half,
then all:

```yaml
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: llm
spec:
  parentRefs: [{{name: edge}}]
  rules:
  - backendRefs:
    - {{name: {name}, port: {port}, weight: 90}} # {of}
    - {{name: llm-endpoint, port: 8000, weight: 10}}
```
"""
ANY_SERVICE = {"name": "llm", "port": 80, "of": "the Service of before"}


def moving(source: str) -> str:
    """The page of one source."""
    texts = TEXTS[source]
    case = next(one for one in CASES if one["case"] == texts["case"])
    found = translated(case)
    service = texts.get("service") or ANY_SERVICE
    fields = {system: load_data("migration")["fields"].get(system) for system in texts.get("fields", [source])}
    fields |= _parts_of(fields.values())
    return page(
        texts["title"],
        "tests/docs/moving.yaml and the tables of aimlib/data/migration.yaml",
        f"```sh\n{texts['from'].strip()}\n```",
        COMMANDS,
        f"## Side by side\n\nThere:\n\n{_origin(case)}",
        f"Here:\n\n```yaml\n{_yaml(*found.objects)}```",
        table(("part", "outcome", "why"), [(code(part.text), part.outcome, part.why) for part in found.parts]),
        f"## What is better\n\n{_items(texts['better'])}",
        f"## What is missing\n\n{_items(texts['missing'])}",
        f"## Without downtime\n\n{BESIDE}",
        *filter(None, (texts.get("moving"),)),
        ROUTE.format(**service),
        *(
            f"## Each field of {TITLES.get(name, 'its objects')}\n\n{_fields(rows)}"
            for name, rows in fields.items()
            if rows
        ),
    )


def _parts_of(tables: Iterable[Mapping[str, Mapping[str, str]] | None]) -> dict[str, Any]:
    """The rows of parts that rows of these tables have below them, and those below these."""
    parts = load_data("migration")["parts"]
    named = dict.fromkeys(row["rows"] for rows in tables if rows for row in rows.values() if "rows" in row)
    found = {name: parts[name] for name in named}
    return found | _parts_of(found.values()) if found else {}


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _origin(case: Mapping[str, Any]) -> str:
    [key] = [name for name in ORIGINS if name in case]
    if key == "docker":
        return f"```text\n{case[key].strip()}\n```"
    text = (
        case[key] if isinstance(case[key], str) else _yaml(*(case[key] if isinstance(case[key], list) else [case[key]]))
    )
    return f"```yaml\n{text}```"


def _yaml(*objects: Mapping[str, Any]) -> str:
    return "---\n".join(yaml.dump(one, Dumper=Dumper, sort_keys=False, width=120) for one in objects)


def _fields(rows: Mapping[str, Mapping[str, str]]) -> str:
    return table(
        ("there", "here", "why"), [(code(path), _target(row), row.get("why", "")) for path, row in rows.items()]
    )


def _target(row: Mapping[str, str]) -> str:
    if "rows" in row:
        return f"each field of {TITLES[row['rows']]}, below"
    if "to" not in row:
        return row["outcome"]
    return TARGETS.get(row["to"], code(row["to"]))


def forms() -> str:
    """The page with every form that the tests hold, and what becomes of it."""
    rows = [_form(case, translated(case)) for case in CASES]
    refused = [
        *((code(text), "refused", _refusal({"docker": text})) for text in TEXTS["refused"]),
        *((case["case"], "refused", _refusal(case)) for case in TEXTS["refused_objects"]),
    ]
    return page(
        "What can be moved here",
        "tests/testdata/migration.yaml and tests/docs/moving.yaml",
        FORMS,
        table(("form", "outcome", "what is lost, and why"), [*rows, *refused]),
    )


def _form(case: Mapping[str, Any], found: Translation) -> tuple[str, str, str]:
    lost = [f"{code(part.text)}: {part.why}" for part in found.parts if part.outcome in {"dropped", "needs you"}]
    return case["case"], "translated" if found.complete else "partly", "; ".join(lost)


def _refusal(case: Mapping[str, Any]) -> str:
    try:
        translated(case)
    except InvalidInputError as error:
        return str(error)
    raise AssertionError(f"{case} is translated")
