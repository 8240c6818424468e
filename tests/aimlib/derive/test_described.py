"""What AIMModels give an endpoint depends on the model, the namespace, and whether they can be read."""

import pytest

from aimlib.derive.described import NOTHING_DESCRIBED, described_models
from tests.aimlib.make import FACTS, MODEL


def model(name="m", **spec):
    return {"metadata": {"name": name}, "spec": {"modelId": MODEL, "facts": FACTS, **spec}}


def test_a_model_with_facts_is_a_checkpoint():
    found = described_models([model(source="acme/awq", facts={**FACTS, "quantization": "awq"})], MODEL, "team-a")
    [one] = found.checkpoints
    assert (one.model_id, one.repository, one.precision, one.origin) == (MODEL, "acme/awq", "int4", "AIMModel m")
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("spec", "remark"),
    [
        ({"facts": None}, "AIMModel m has no facts; aim model inspect prints them"),
        ({"allowedNamespaces": ["team-b"]}, "AIMModel m is for other namespaces (allowedNamespaces)"),
        ({"modelId": 3}, "AIMModel m cannot be read, as its status says"),
    ],
)
def test_what_gives_nothing_is_remarked(spec, remark):
    assert described_models([model(**spec)], MODEL, "team-a") == ((), (remark,))


def test_other_models_and_allowed_namespaces_need_no_remark():
    assert described_models([model(modelId="a/b")], MODEL, "team-a") == NOTHING_DESCRIBED
    assert len(described_models([model(allowedNamespaces=["team-a"])], MODEL, "team-a").checkpoints) == 1


def test_the_key_differs_where_what_is_given_differs():
    keys = [
        described_models(models, MODEL, "a").key
        for models in ([], [model()], [model("n")], [model(source="a/b")], [model(facts={**FACTS, "layers": 1})])
    ]
    assert len({*keys}) == len(keys)
