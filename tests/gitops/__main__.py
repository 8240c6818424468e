"""Writes manifests/gitops: `python -m tests.gitops`."""

from tests.gitops import health, pipelines

for path, text in {**health.files(), **pipelines.files()}.items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
