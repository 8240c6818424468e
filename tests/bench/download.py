"""The downloader beside `hf download` on the same server: bytes per second, and memory at its highest."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from tests.bench.measure import p50, turns
from tests.bench.report import Goal, Part, Row, Table
from tests.cluster.controlplane import ROOT
from tests.hub import Hub

MODEL = "bench/model"
FILES = 8
MIB = 1 << 20
MEMORY_MIB = 300
HUB_SECONDS = 60
NOTE = "whole processes; aim computes the hash of every byte and waits until it is on the disk, hf does neither"
NAMES = ("aim cache download", "hf download")


class Taken(NamedTuple):
    """One download by one program."""

    seconds: float
    rss: float
    """The most memory that it held, in MiB; what the bench holds itself at the least, from which it is forked."""
    cpu: float
    """Processor seconds."""


def serve(pipe: Connection, size: int) -> None:
    """A hub in this process, until the pipe is closed."""
    with Hub() as hub:
        weights = {f"model-{place}-of-{FILES}.safetensors": size for place in range(FILES)}
        hub.add(MODEL, {"config.json": b"{}", **weights})
        pipe.send(hub.url)
        pipe.poll(None)


@contextmanager
def serving(size: int) -> Iterator[str]:
    """The address of a hub in a process of its own, with a model of `FILES` files of so many bytes."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, size), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(HUB_SECONDS):
            raise RuntimeError(f"the hub did not start within {HUB_SECONDS} seconds")
        yield here.recv()
    finally:
        here.close()
        process.join(10)
        process.kill()


def commands(folder: Path) -> dict[str, tuple[str, list[str]]]:
    """What takes turns: the folder of its volume, and its command; each with as many workers."""
    workers = ("--max-workers", str(FILES))
    ours = (sys.executable, "-m", "hooks.cli.main", "cache", "download", str(folder / "aim"), "--model", MODEL)
    theirs = (str(Path(sys.executable).with_name("hf")), "download", MODEL, "--cache-dir", str(folder / "hf"))
    return dict(zip(NAMES, (("aim", [*ours, *workers]), ("hf", [*theirs, *workers])), strict=True))


def process(command: list[str], volume: Path, url: str) -> Taken:
    """Run it to its end on an empty volume; CalledProcessError if it fails."""
    environment = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"HF_HOME": str(volume.parent / "home"), "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
    environment |= {"PYTHONDONTWRITEBYTECODE": ""}  # as installed
    began = time.perf_counter()
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _, status, used = os.wait4(running.pid, 0)
    except BaseException:
        running.kill()
        running.wait()
        raise
    seconds = time.perf_counter() - began
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    shutil.rmtree(volume)
    return Taken(seconds, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)


def run(folder: Path, seconds: float, size: int) -> Part:
    """Both take turns for `seconds`, with files of `size` bytes."""
    folder.mkdir()
    with serving(size) as url:
        tasks = {
            name: lambda _, command=command, volume=folder / volume: process(command, volume, url)
            for name, (volume, command) in commands(folder).items()
        }
        found = turns(tasks, seconds)
    table = Table(f"{FILES} files of {size / MIB:.0f} MiB each, on loopback", [*_rows(found, FILES * size)], NOTE)
    ours, theirs = (found[name] for name in NAMES)
    # Turn by turn: whatever else the machine does falls on both of a turn alike.
    ratio = p50([one.seconds / other.seconds for one, other in zip(ours, theirs, strict=True)])
    memory = max(one.rss for one in ours)
    goals = [
        Goal("time of aim cache download by that of hf download", ratio, 1, ""),
        Goal("memory of aim cache download", memory, MEMORY_MIB, "MiB"),
    ]
    return Part("download", [table], goals)


def _rows(found: dict[str, list[Taken]], total: int) -> Iterator[Row]:
    for name, samples in found.items():
        yield {
            "program": name,
            "turns": len(samples),
            "MB/s p50": total / p50([one.seconds for one in samples]) / 1e6,
            "most MB/s": total / min(one.seconds for one in samples) / 1e6,
            "CPU s p50": p50([one.cpu for one in samples]),
            "most MiB": max(one.rss for one in samples),
        }
