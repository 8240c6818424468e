"""Makes the site: `python -m tests.site`.

Fails where a link or an anchor leads nowhere, a page is in no group, or a browser would load something from elsewhere.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.kustomize import ROOT
from tests.site.pages import SITE, STAGED, foreign, stage, with_navigation
from tests.web.installation import virtual_environment

FOLDER = Path(__file__).parent
QUIET = {"NO_MKDOCS_2_WARNING": "1"}
"""Without it each run advertises the theme's successor."""


def main() -> int:
    """Install, stage the pages, and build; 1 where something is wrong."""
    place, new = virtual_environment("site", FOLDER / "requirements.lock")
    if new:
        (place / ".installed").touch()
    stage()
    settings = STAGED / "mkdocs.yml"
    settings.write_text(with_navigation((FOLDER / "mkdocs.yml").read_text()))
    command = [place / "bin" / "mkdocs", "build", "--strict", f"--config-file={settings}"]
    if code := subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, **QUIET}).returncode:
        return code
    found = list(foreign())
    for name, address in found:
        print(f"{name}: loads {address}", file=sys.stderr)
    print(f"{SITE.relative_to(ROOT)}/index.html and {sum(1 for _ in SITE.rglob('*.html')) - 1} other pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
