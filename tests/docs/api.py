"""The reference of the API, from the CRDs in crds/."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.docs.markdown import code, page, table
from tests.kustomize import ROOT

KINDS = ("aimendpoints", "aimrecipes", "aimmodels", "aimcaches", "aimgateways", "aimnodes", "aiminventories")
Schema = dict[str, Any]


def api() -> str:
    """Every kind with every field."""
    listed = ", ".join(f"[{name}](#{name.lower()})" for name in map(_name, KINDS))
    intro = (
        "`kubectl explain KIND.spec` prints the same texts. Fields that have two spellings name their twin. "
        f"The group is `aim.engine.amd.com`, the version `v1alpha1`. Kinds: {listed}."
    )
    return page("API", "`crds/`, which is generated from `aimlib/api`", intro, *map(_kind, KINDS))


def _crd(plural: str) -> Schema:
    return yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())["spec"]


def _name(plural: str) -> str:
    return _crd(plural)["names"]["kind"]


def _kind(plural: str) -> str:
    spec = _crd(plural)
    names, schema = spec["names"], spec["versions"][0]["schema"]["openAPIV3Schema"]
    facts = f"{spec['scope']}; `kubectl get {plural}`, or short `{names['shortNames'][0]}`."
    parts = [f"## {names['kind']}", schema["description"], facts]
    for part in ("spec", "status"):
        if part in schema["properties"]:
            parts += [f"### {names['kind']} {part}", *_rules(schema["properties"][part]), _fields(schema, part)]
    return "\n\n".join(parts)


def _fields(schema: Schema, part: str) -> str:
    rows = _walk(schema["properties"][part], part)
    return table(("field", "type", "what it is"), rows)


def _walk(schema: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    """A row for each field, those inside it below it."""
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        inner = field.get("items", field.get("additionalProperties", field))
        more = "[]" if "items" in field else ".*" if "additionalProperties" in field else ""
        inner = inner if isinstance(inner, dict) else {}
        here = f"{path}.{name}{more}"
        text = field.get("description", "")
        notes = [rule["message"] for rule in field.get("x-kubernetes-validations", ())]
        yield code(here), _type(field), " ".join((text, "Required." * (name in required), *map(_sentence, notes)))
        yield from _walk(inner, here)


def _type(field: Schema) -> str:
    """Type, choices, bounds and default, in a few signs."""
    inner = field.get("items", field)
    kind = field.get("type") or ("integer or string" if field.get("x-kubernetes-int-or-string") else "any")
    named = f"list of {inner.get('type', 'any')}" if kind == "array" else kind
    choices = " or ".join(code(one) for one in inner.get("enum", ()))
    least, most = inner.get("minimum"), inner.get("maximum")
    bounds = (
        f"{'' if least is None else least} … {'' if most is None else most}" if (least, most) != (None, None) else ""
    )
    usual = f"default {code(_literal(field['default']))}" if field.get("default") not in (None, {}, []) else ""
    return "; ".join(filter(None, (choices or named, bounds.strip(), usual)))


def _literal(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


TWINS = "are the same setting and have different values; keep one"


def _rules(schema: Schema) -> list[str]:
    """The rules between fields of one part; that of two spellings is one, whichever fields have two."""
    messages = [rule["message"] for rule in schema.get("x-kubernetes-validations", ())]
    rules = [one for one in messages if not one.endswith(TWINS)]
    twins = [one.removesuffix(TWINS).strip().split(" and ") for one in messages if one.endswith(TWINS)]
    pairs = ", ".join(f"{code(short)} = {code(long)}" for short, long in twins)
    rules += [f"two spellings of one setting may not have different values: {pairs}"] if pairs else []
    return (
        ["The API server refuses what breaks one of these rules:", "\n".join(f"- {one}" for one in rules)]
        if rules
        else []
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
