"""A past for simulated servers: what Prometheus would have scraped of them, as blocks that it finds when it starts."""

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.monitoring.pages import Fixed, PageServer
from tests.monitoring.targets import RULES, Target

STEP = 15
"""Seconds between two scrapes of the past."""
SELDOM = 240
"""The same for pages that do not move: within the five minutes that Prometheus looks back."""
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")


def lived(promtool: Path, targets: Sequence[tuple[Target, PageServer]], seconds: int, folder: Path) -> None:
    """Let every server live through that many seconds up to now, and write what was scraped into Prometheus' folder."""
    now, clock = int(time.time()), time.monotonic()
    text = folder.parent / "history.txt"
    moments = range(now - seconds, now - 1, STEP)
    with text.open("w") as file:
        for moment in moments:
            for target, server in targets:
                # What does not move is seldom looked at: as often as Prometheus needs to know that it is there.
                if not isinstance(server.source, Fixed) or (moment - moments[0]) % SELDOM == 0:
                    file.writelines(f"{line} {moment}\n" for line in _scraped(target, server))
        file.write("# EOF\n")
    for _, server in targets:
        server.scraped = clock - (now - moments[-1])  # the first real scrape makes up for what this took
    _promtool(promtool, "create-blocks-from", "openmetrics", str(text), str(folder))


def _scraped(target: Target, server: PageServer) -> Iterator[str]:
    server.source.advance(STEP)
    added = {**target.labels, "job": target.job, "instance": f"127.0.0.1:{server.port}"}
    yield f"up{{{_labels(added)}}} 1"
    for line in server.source.page().decode().splitlines():
        if found := SAMPLE.match(line):
            name, labels, value = found.groups()
            yield f"{name}{{{_joined(labels or '', added, honoured=target.job == 'aim-state-metrics')}}} {value}"


def _joined(labels: str, added: Mapping[str, str], *, honoured: bool) -> str:
    """The labels of a page with those of its target; where both have one, that of the page is renamed or wins."""
    own = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
    named = own if honoured else {f"exported_{name}" if name in added else name: value for name, value in own.items()}
    return _labels({**added, **named})


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items() if value)


def recorded(promtool: Path, url: str, seconds: int, folder: Path) -> None:
    """Evaluate the recording rules for that past; the blocks are found at the next start."""
    now = int(time.time())
    span = (f"--start={now - seconds + 60}", f"--end={now - 2}", f"--eval-interval={STEP}s")
    _promtool(promtool, "create-blocks-from", "rules", f"--url={url}", *span, f"--output-dir={folder}", str(RULES[0]))


def _promtool(promtool: Path, *arguments: str) -> None:
    done = subprocess.run([promtool, "tsdb", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"promtool tsdb {' '.join(arguments)}: {done.stderr or done.stdout}"
