"""What the site is made of: the pages of the repository with what they link to, and the order in which they stand."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from aimlib.schema.yaml_writer import yaml_text
from tests.docs.test_links import LINK, prose
from tests.kustomize import ROOT

STAGED, SITE = ROOT / "build" / "site", ROOT / "site"
TOP = ("README.md", "DESIGN.md", "CONTRIBUTING.md", "CHANGELOG.md")
INDEX = ROOT / "docs" / "README.md"
FOLDERS = {"recipes": "docs/use/models.md"}
"""Folders that pages link to, and the page with what is in them: a site has no lists of files."""
GROUP = re.compile(r"^\*\*(.+?)\.\*\* (.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
TITLED = re.compile(r"\[([^\]]+)\]\(([^)#]+\.md)\)")
LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*?\bsrc(?:set)?=\"?((?:https?:)?//[^\"\s>]+)")
KEPT = r"rel=\"?(?:stylesheet|preload|preconnect|icon)"
STYLED = re.compile(rf"<link\b(?=[^>]*{KEPT})[^>]*?href=\"?((?:https?:)?//[^\"\s>]+)")
IMPORTED = re.compile(r"(?:@import\s*|url\()[\"']?((?:https?:)?//[^\"')\s]+)")


def pages() -> list[Path]:
    """The pages, which stay where they are in the repository."""
    return [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]


def stage() -> None:
    """Copies the pages and the files that they link to below build/."""
    shutil.rmtree(STAGED, ignore_errors=True)
    for page in pages():
        text = page.read_text()
        for folder, instead in FOLDERS.items():
            text = text.replace(f"]({folder})", f"]({instead})")
        target = STAGED / "pages" / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        for linked in _files(page):
            copy = STAGED / "pages" / linked.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(linked, copy)


def _files(page: Path) -> Iterator[Path]:
    """The files of this repository that a page links to or shows."""
    for link in ("".join(groups).partition("#")[0] for groups in LINK.findall(prose(page))):
        target = (page.parent / link).resolve()
        if link and not re.match(r"[a-z]+:", link) and target.suffix != ".md" and target.is_file():
            yield target


def navigation() -> list[dict[str, object]]:
    """The groups of docs/README.md, with the titles that pages have there; the decisions are a group of their own."""
    groups: list[dict[str, object]] = [
        {"Start": ["README.md", {"Documentation": "docs/README.md"}, "docs/quickstart.md", "docs/compare.md"]},
    ]
    for name, text in GROUP.findall(INDEX.read_text()):
        found = [(title, (INDEX.parent / link).resolve().relative_to(ROOT)) for title, link in TITLED.findall(text)]
        groups.append({name: [{title[0].upper() + title[1:]: str(path)} for title, path in found]})
    decisions = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    groups.append({"Decisions": [str(path.relative_to(ROOT)) for path in decisions]})
    groups.append({"Changes": "CHANGELOG.md"})
    return groups


def with_navigation(settings: str) -> str:
    """The settings with the navigation."""
    return f"{settings}{yaml_text({'nav': navigation()})}"


def foreign(site: Path = SITE) -> Iterator[tuple[str, str]]:
    """What a browser would load from another host, by file; links that a reader follows are none of it."""
    for path in sorted(site.rglob("*")):
        forms = {".html": (LOADED, STYLED), ".css": (IMPORTED,)}.get(path.suffix, ())
        for form in forms:
            yield from ((str(path.relative_to(site)), one) for one in form.findall(path.read_text()))
