"""The release that runs, as it was installed."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The version of the installed package; `unknown` where it runs from its sources."""
    try:
        return version("aim-engine-operator")
    except PackageNotFoundError:
        return "unknown"
