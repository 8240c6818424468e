"""The operator's settings, as every program reads them: the file of its ConfigMap over the defaults."""

from pathlib import Path

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from aimlib.config import Config, ConfigError
from aimlib.schema.error_messages import validation_messages
from aimlib.schema.manifests import InvalidManifestError, parse_yaml


def read_config(path: str | None, **images: str | None) -> Config:
    """The settings in a file, the defaults without one; ConfigError, with its path, for what cannot be used.

    `images` are those of the release, by the names of their settings; the file may name others.
    """
    try:
        content = Path(path).read_bytes() if path else b""
    except OSError as error:
        raise ConfigError(f"{path}: {error}") from error
    return parse_config(content, str(path), **images)


def parse_config(content: bytes, title: str, **images: str | None) -> Config:
    """The settings in a text, the defaults where it is empty. ConfigError, with the title of the text."""
    defaults = {to_camel(name): image for name, image in images.items() if image}
    try:
        stated, *more = [{} if raw is None else raw for raw, _ in parse_yaml(title, content)] or [{}]
        if more:
            raise ConfigError(f"{title}: settings are one document, and there are {len(more) + 1}")
        return Config.model_validate({**defaults, **stated} if isinstance(stated, dict) else stated)
    except ValidationError as error:
        found = validation_messages(error, "settings")
        raise ConfigError("\n".join(f"{title}: {sentence}" for sentence in found)) from error
    except InvalidManifestError as error:
        raise ConfigError(str(error)) from error
