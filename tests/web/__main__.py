"""`python -m tests.web [OPTION...]`: the web page in a browser, with these options of pytest.

`--screenshots` draws it and the dashboards for the documentation instead.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.web.installation import ensure

PICTURES = ("tests.web.screenshots", "tests.dashboards.screenshots")
"""What draws."""


def main(options: Sequence[str]) -> int:
    """Install, and run the tests; their exit code."""
    environment = {**os.environ, "AIM_BROWSER": str(ensure().browser.parents[1])}
    tests = [sys.executable, "-m", "pytest", "-m", "browser", "--verbose", "tests/web", *options]
    pictures = [[sys.executable, "-m", module] for module in PICTURES]
    commands = pictures if list(options) == ["--screenshots"] else [tests]
    codes = (subprocess.run(command, check=False, env=environment).returncode for command in commands)
    return next(filter(None, codes), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
