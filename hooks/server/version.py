"""The installed version."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The version of the installed package; `unknown` where it is not installed."""
    try:
        return version("aim-engine-operator")
    except PackageNotFoundError:
        return "unknown"
