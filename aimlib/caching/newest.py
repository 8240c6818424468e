"""Which models of a cache have a newer version at their source, and how it is taken."""

from aimlib.api.cache import CachedModelSpec
from aimlib.api.source import ModelSource, parse_source
from aimlib.caching.job_reports import DEFAULT_REVISION, ModelReport, NewestReport, Reports
from aimlib.caching.volume_index import COMMIT
from aimlib.kube.timestamp import parse_time
from aimlib.printable import printable

MAX_VERSION = 128
"""Most characters of a version in a message."""


def may_move(model: CachedModelSpec) -> bool:
    """Whether what a model names may be another version later: a branch, tag, alias or bucket, not a pinned one."""
    source = _source(model)
    pinned = {
        "hf": bool(COMMIT.fullmatch(source.revision or "")),
        "oci": (source.revision or "").startswith("sha256:"),
        "mlflow": bool(source.path),
        "pvc": True,
    }
    return not pinned.get(source.kind, False)


def newer_version(model: CachedModelSpec, report: ModelReport, reports: Reports) -> str | None:
    """The version that the source has now; None where it is the one on the volume, or nobody looked since."""
    found = reports.newest_of(model.id, model.revision or DEFAULT_REVISION)
    imported = model.source is None and report.verified is not None
    if found is None or imported or not (found.commit and report.commit) or found.source != model.source:
        return None
    cached, checked = parse_time(report.cached_at), parse_time(found.checked_at)
    if cached and checked and checked <= cached:
        return None
    now, before = (found.resolved, report.resolved) if _both(found, report) else (found.commit, report.commit)
    return printable(now or "", MAX_VERSION) if now != before else None


def _both(found: NewestReport, report: ModelReport) -> bool:
    return bool(found.resolved and report.resolved)


def _how_to_take(model: CachedModelSpec, version: str) -> str:
    """What to state in the spec, so that a version is downloaded."""
    source = _source(model)
    pinned = {"hf": f"hf://{source.name}@{version}", "oci": f"oci://{source.name}@{version}"} | {
        "mlflow": f"mlflow://{source.name}/{version}"
    }
    return f"source: {pinned[source.kind]}" if model.source else f"revision: {version}"


def newer_message(model: CachedModelSpec, report: ModelReport, version: str) -> str:
    """That a model has a newer version, and how to take it."""
    if model.source and parse_source(model.source).kind == "s3":
        return (
            f"the files of {model.id} at {model.source} are others now than those on the volume, which stay: to take "
            "them, put them into a folder of their own, and state that"
        )
    named = model.source or f"revision {model.revision or DEFAULT_REVISION}"
    here = report.resolved or report.commit
    return (
        f"{named} of {model.id} is {version} now, and {here} is on the volume: it stays until the spec states "
        f"{_how_to_take(model, version)}"
    )


def _source(model: CachedModelSpec) -> ModelSource:
    return parse_source(model.source) if model.source else ModelSource("hf", model.id, revision=model.revision)
