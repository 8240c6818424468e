"""Every relative link in the documentation leads to a file, and every anchor to a heading."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.kustomize import ROOT

LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
)
PAGES = [ROOT / name for name in LISTED.stdout.split() if (ROOT / name).exists()]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"|<source[^>]* srcset=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in HEADING.findall(prose(path)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        again = sum(one == slug or re.fullmatch(rf"{re.escape(slug)}-\d+", one) is not None for one in found)
        found.append(f"{slug}-{again}" if again else slug)
    return {*found, *re.findall(r'<a (?:id|name)="([^"]+)"', path.read_text())}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere in this repository."""
    found = []
    for link in ("".join(groups) for groups in LINK.findall(prose(page))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if (
            not target.exists()
            or not target.is_relative_to(ROOT)
            or (anchor and (target.suffix != ".md" or anchor not in anchors(target)))
        ):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found():
    page = ROOT / "docs" / "operate" / "a-page-that-is-not-there.md"
    page.write_text("# A\n\n[a](monitoring.md#alerts) [b](#a) [c](#b) [d](gone.md) [e](https://example.com)\n")
    try:
        assert broken(page) == ["#b", "gone.md"]
    finally:
        page.unlink()


def test_every_page_of_the_docs_is_reached_from_the_index():
    index = ROOT / "docs" / "README.md"
    seen, pending = {index}, [index]
    while pending:
        page = pending.pop()
        links = {"".join(groups).partition("#")[0] for groups in LINK.findall(prose(page))}
        for target in {(page.parent / link).resolve() for link in links if link.endswith(".md") and ":" not in link}:
            if target not in seen and target.exists():
                seen.add(target)
                pending.append(target)
    assert [page for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in seen] == []


def test_the_index_lists_every_page_but_the_decisions():
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / "".join(groups).partition("#")[0]).resolve() for groups in LINK.findall(prose(index))}
    pages = {page for page in PAGES if page.is_relative_to(index.parent) and page.parent.name != "decisions"}
    assert pages - listed - {index} == set()


NAMED = re.compile(r"(?:(?<![\w/-])|(?<=/aim-engine-operator/blob/main/))docs/[\w/-]+\.md(?:#[\w-]+)?")
ELSEWHERE = {"docs/dev-docker/README.md", "docs/deploy_guidance.md", "docs/configuration/metricslist.md"}
"""Pages of other projects, which sources of facts name."""


def test_every_page_that_code_and_manifests_name_is_there():
    folders = ("aimlib", "hooks", "crds", "manifests", "recipes", "tests/testdata/alerts")
    texts = [
        path.read_text() for name in folders for path in (ROOT / name).rglob("*") if path.suffix in {".py", ".yaml"}
    ]
    named = {one for text in texts for one in NAMED.findall(text)} - ELSEWHERE
    assert len(named) > 20  # every alert has a section
    for one in named:
        name, _, anchor = one.partition("#")
        assert (ROOT / name).exists(), one
        assert not anchor or anchor in anchors(ROOT / name), one
