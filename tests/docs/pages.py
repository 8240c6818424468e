"""The pages and pictures that are generated, by the path of each."""

from functools import partial

from tests.docs.api import api
from tests.docs.cli import cli
from tests.docs.labels import labels
from tests.docs.models import models
from tests.docs.picture import PALETTES, picture
from tests.docs.reasons import conditions, troubleshooting
from tests.docs.settings import settings

PAGES = {
    "docs/reference/api.md": api,
    "docs/reference/cli.md": cli,
    "docs/reference/conditions.md": conditions,
    "docs/reference/labels-and-annotations.md": labels,
    "docs/operate/settings.md": settings,
    "docs/operate/troubleshooting.md": troubleshooting,
    "docs/use/models.md": models,
    **{f"docs/architecture{mode}.svg": partial(picture, mode) for mode in PALETTES},
}
