"""Writes every generated page: `python -m tests.docs`."""

from tests.docs.pages import PAGES
from tests.kustomize import ROOT

for name, text in PAGES.items():
    ROOT.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    ROOT.joinpath(name).write_text(text())
    print(name)
