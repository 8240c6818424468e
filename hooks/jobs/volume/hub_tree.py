"""The tree of a commit at a hub: files with the sizes and hashes that some mirrors leave out of their list of a model.

Of the link to the next page only the query counts: a mirror may pass on the address of the hub that it mirrors (source:
https://github.com/raids-lab/crater/pull/496), and the token is for none but the mirror.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NEXT_PAGE = re.compile(r"<[^<>?]{0,2000}\?(?P<query>[!-~]{1,2000})>\s{0,9};\s{0,9}rel=\"?next\"?")
"""The link to the next page in the header Link (RFC 8288)."""
TREE_PAGES = 200
"""Most pages of a tree, each of which has up to a thousand files."""


def next_query(headers: Mapping[str, str]) -> str | None:
    """The query of the next page; None at the last one."""
    found = NEXT_PAGE.search(headers.get("Link", ""))
    return found["query"] if found else None


def has_names_alone(siblings: Sequence[object]) -> bool:
    """Whether a list of files has no hash of any of them (source: olah, src/olah/mirror/repos.py, get_meta)."""
    return bool(siblings) and not any(isinstance(one, dict) and {"blobId", "lfs"} & one.keys() for one in siblings)


def siblings(rows: Sequence[object]) -> Iterator[dict[str, Any]]:
    """The files of a page, in the form of the list of a model."""
    for row in rows:
        if isinstance(row, dict) and row.get("type") == "file":
            lfs = row.get("lfs")
            content = {"lfs": {"size": lfs.get("size"), "sha256": lfs.get("oid")}} if isinstance(lfs, dict) else {}
            yield {"rfilename": row.get("path"), "size": row.get("size"), "blobId": row.get("oid"), **content}
