"""Texts in commands, arguments and variables of containers, in which the kubelet expands `$(NAME)`.

The kubelet reads `$(NAME)` as a variable and `$$` as `$`; a `$` before any other ASCII character stays. Before a
character that is not ASCII it damages the text (source: expand.go in third_party/forked/golang/expansion of Kubernetes,
which converts a byte to a rune).
"""

import re

EXPANDED = re.compile(r"\$(?=[$(]|[^\x00-\x7f])")
"""Each `$` that the kubelet does not leave as it is."""


class Expandable(str):
    """A text with references that the kubelet is to expand: those of recipes, which administrators write, and ours."""

    __slots__ = ()


def escaped(text: str) -> str:
    """`text` so that the kubelet's expansion returns it unchanged; an Expandable stays as it is."""
    return str(text) if isinstance(text, Expandable) else EXPANDED.sub("$$", text)
