"""The site has every page once, with what it links to, and what a browser would load from elsewhere is found."""

from collections import Counter

import yaml

from tests.kustomize import ROOT
from tests.site.pages import STAGED, foreign, navigation, pages, stage, with_navigation


def listed(value):
    """The paths in a navigation."""
    if isinstance(value, str):
        return [value]
    return [path for one in (value.values() if isinstance(value, dict) else value) for path in listed(one)]


def test_every_page_is_in_the_navigation_once():
    counts = Counter(listed(navigation()))
    assert {path: count for path, count in counts.items() if count > 1} == {}
    assert {*counts} == {str(page.relative_to(ROOT)) for page in pages()}


def test_the_navigation_follows_the_index():
    names = [name for group in navigation() for name in group]
    assert names[:3] == ["Start", "Use it", "Operate it"]
    assert {"Web page": "docs/operate/web-page.md"} in navigation()[2]["Operate it"]
    assert yaml.safe_load(with_navigation("site_name: x\n"))["nav"] == navigation()


def test_pages_are_staged_with_what_they_link_to():
    stage()
    assert (STAGED / "pages" / "docs" / "operate" / "web-page" / "fleet.png").is_file()
    assert (STAGED / "pages" / "manifests" / "examples" / "endpoint-full.yaml").is_file()
    assert "](docs/use/models.md)" in (STAGED / "pages" / "README.md").read_text()


def test_what_is_loaded_from_elsewhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://a.example">read</a><link rel="canonical" href="https://b.example">'
        '<script src="https://c.example/x.js"></script><img alt="" src="//d.example/x.png"><img src="x.png">'
        '<link href="https://e.example/x.css" rel="stylesheet"><link rel=preconnect href=https://f.example>'
    )
    styles = "@import 'https://g.example/x.css'; b{background:url(https://h.example/i)} c{src:url(x)}"
    (tmp_path / "a.css").write_text(styles)
    hosts = {address.split("//")[1].split("/")[0] for _, address in foreign(tmp_path)}
    assert hosts == {f"{letter}.example" for letter in "cdefgh"}
