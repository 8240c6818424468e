"""Any text arrives in a container as it stands, though the kubelet expands `$(NAME)` in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlib.kube.expansion import Expandable, escaped
from tests.expansion import expand

SECRET = {"HF_TOKEN": "hf_secret", "": "nothing", "A": "$(HF_TOKEN)"}
texts = st.lists(st.sampled_from(["$", "$$", "(", ")", "$(HF_TOKEN)", "$(A)", "HF_TOKEN", "x", " ", "é", "€"])).map(
    "".join
)


@given(texts | st.text(st.characters(exclude_categories=["Cs"])))
def test_the_kubelet_returns_an_escaped_text_unchanged(text):
    assert expand(escaped(text), SECRET) == text


@given(texts)
def test_a_text_that_the_kubelet_would_not_change_is_not_changed(text):
    if expand(text, SECRET) == text and "$(" not in text:
        assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("$(HF_TOKEN)", "$$(HF_TOKEN)"),
        ("$$(HF_TOKEN)", "$$$$(HF_TOKEN)"),
        ("costs 5$", "costs 5$"),
        ("$HOME", "$HOME"),
        ("$é", "$$é"),
    ],
)
def test_only_what_would_be_changed_is_escaped(text, written):
    assert escaped(text) == written


def test_what_is_marked_is_expanded():
    assert expand(escaped(Expandable("--token=$(HF_TOKEN)")), SECRET) == "--token=hf_secret"


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(HF_TOKEN)", "hf_secret"),
        ("$(OTHER)", "$(OTHER)"),
        ("$(HF_TOKEN", "$(HF_TOKEN"),
        ("$$(HF_TOKEN)", "$(HF_TOKEN)"),
        ("$$$(HF_TOKEN)", "$hf_secret"),
        ("$", "$"),
        ("$x$", "$x$"),
        ("$(A)", "$(HF_TOKEN)"),
    ],
)
def test_the_expansion_of_these_tests_is_that_of_the_kubelet(text, expanded):
    """Rows of expand_test.go, and of its documentation."""
    assert expand(text, SECRET) == expanded
