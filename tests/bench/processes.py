"""What processes use, read from /proc: processor seconds and memory of a program and all it started."""

import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat counted from the state, which follows the name in parentheses (proc(5)).
GROUP, USER_TICKS, SYSTEM_TICKS = 2, 11, 12


class Memory(NamedTuple):
    """MiB of one or several processes."""

    rss: float
    """Resident, pages that processes share counted in each."""
    pss: float
    """Resident, shared pages counted in parts."""


def _stat(pid: int) -> list[str]:
    """The fields from the state on; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def members(group: int) -> list[int]:
    """The processes of a process group."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sorted(pid for pid in pids if (fields := _stat(pid)) and int(fields[GROUP]) == group)


def cpu_seconds(group: int) -> float:
    """Processor time that a process group has used."""
    found = [fields for pid in members(group) if (fields := _stat(pid))]
    return sum(int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS]) for fields in found) / TICKS


def memory_of_group(group: int) -> Memory:
    """What a process group holds now."""
    return memory(*members(group))


def memory(*pids: int) -> Memory:
    """What these processes hold together now."""
    total = {"Rss": 0.0, "Pss": 0.0}
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in total:
                total[name] += int(rest.split()[0]) / 1024
    return Memory(total["Rss"], total["Pss"])
