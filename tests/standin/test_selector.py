"""Label selectors."""

import pytest

from tests.cluster.standin.selector import InvalidSelectorError, compile_selector


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        (None, {"a": "1"}, True),
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        ({"matchLabels": {"a": "1"}} | expression("b", "Exists"), {"a": "1"}, False),
        (expression("a", "In", "1", "2"), {"a": "2"}, True),
        (expression("a", "In", "1"), {}, False),
        (expression("a", "NotIn", "1"), {"a": "1"}, False),
        (expression("a", "NotIn", "1"), {}, True),
        (expression("a", "Exists"), {"a": ""}, True),
        (expression("a", "Exists"), {}, False),
        (expression("a", "DoesNotExist"), {"a": ""}, False),
        (expression("a", "DoesNotExist"), {"b": "1"}, True),
    ],
)
def test_selects(selector, labels, matches):
    assert compile_selector(selector)(labels) is matches


@pytest.mark.parametrize(
    "selector", [expression("a", "Gt", "1"), expression("a", "In"), expression("a", "Exists", "1")]
)
def test_an_illegal_expression_is_an_error(selector):
    with pytest.raises(InvalidSelectorError):
        compile_selector(selector)
