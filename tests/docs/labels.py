"""The page of labels and annotations, from labels.yaml; a test compares the keys with those in the source."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.docs.markdown import code, page, table
from tests.kustomize import ROOT

LABELS = Path(__file__).parent / "labels.yaml"
GROUP = "aim.engine.amd.com"
INTRO = """
Keys of the group `aim.engine.amd.com`, and those of others that the operator sets for them. A value that is longer
than 63 characters, or has other characters than labels may have, is shortened and ends in a digest: `Qwen/Qwen3-32B`
becomes `Qwen_Qwen3-32B` and a digest. Children also carry `app.kubernetes.io/name`, `app.kubernetes.io/instance` and
`app.kubernetes.io/managed-by: aim-engine`.
"""


def labels() -> str:
    """A table of those that users set, and one of those that the operator sets."""
    titles = ("key", "kind", "on", "what it does")
    parts = []
    for by, heading in (("you", "## Set by you"), ("operator", "## Set by the operator")):
        rows = (
            (code(row["key"]), row["kind"], row["object"], row["meaning"]) for row in rows_of_table() if row["by"] == by
        )
        parts += [heading, table(titles, rows)]
    return page("Labels and annotations", "`tests/docs/labels.yaml`, which is compared with the source", INTRO, *parts)


def rows_of_table() -> list[dict[str, Any]]:
    """The rows of the table."""
    return yaml.safe_load(LABELS.read_text())


def keys_of_the_source() -> set[str]:
    """The keys of our group that code and manifests use."""
    paths = [path for root in ("aimlib", "hooks", "manifests", "metacontroller") for path in (ROOT / root).rglob("*")]
    texts = [path.read_text() for path in paths if path.suffix in {".py", ".yaml"}]
    group = rf"(?:{re.escape(GROUP)}|\{{GROUP\}})/([a-z][a-z-]+)(?![\w.])"
    return {f"{GROUP}/{name}" for text in texts for name in re.findall(group, text)}
