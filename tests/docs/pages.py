"""The pages and pictures that are generated, by the path of each."""

from functools import partial

from tests.autoscalers.picture import picture as replayed
from tests.docs.api import api
from tests.docs.cli import cli
from tests.docs.coverage import coverage
from tests.docs.labels import labels
from tests.docs.models import models
from tests.docs.moving import SOURCES, forms, moving
from tests.docs.picture import PALETTES, picture
from tests.docs.reasons import conditions, troubleshooting
from tests.docs.settings import settings
from tests.docs.transcripts import transcripts

PAGES = {
    "docs/reference/api.md": api,
    "docs/reference/cli.md": cli,
    "docs/reference/conditions.md": conditions,
    "docs/reference/labels-and-annotations.md": labels,
    "docs/reference/transcripts.md": transcripts,
    "docs/reference/migration-forms.md": forms,
    **{f"docs/use/moving/{source}.md": partial(moving, source) for source in SOURCES},
    "docs/operate/settings.md": settings,
    "docs/operate/troubleshooting.md": troubleshooting,
    "docs/use/coverage.md": coverage,
    "docs/use/models.md": models,
    **{f"docs/architecture{mode}.svg": partial(picture, mode) for mode in PALETTES},
    **{f"docs/use/replayed-traffic{mode}.svg": partial(replayed, mode) for mode in PALETTES},
}
