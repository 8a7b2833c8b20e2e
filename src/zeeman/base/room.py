"""Room for what is to come: memory and disk, asked before the work begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["available_memory", "check_room", "free_disk", "physical_memory", "said_bytes"]


def available_memory() -> int | None:
    """Bytes that a program may take without swapping, all that there are where only that is known; else None."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        pass
    return physical_memory()


def physical_memory() -> int | None:
    """Bytes that the machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def free_disk(path: str | os.PathLike[str]) -> int:
    """Bytes free where `path` is or will be made."""
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def check_room(path: str | os.PathLike[str], disk: int, memory: int, remedies: tuple[str, str]) -> None:
    """ValueError if `disk` bytes at `path` or `memory` bytes are more than there is, each with its remedy."""
    free = free_disk(path)
    if disk > free:
        raise ValueError(
            f"{path} would take up to {said_bytes(disk)} of disk, and {said_bytes(free)} are free there: {remedies[0]}"
        )
    available = available_memory()
    if available is not None and memory > available:
        raise ValueError(
            f"this takes about {said_bytes(memory)} of memory, and {said_bytes(available)} are available: {remedies[1]}"
        )


def said_bytes(n: int) -> str:
    """For people, in powers of 1000: 3.8 GB."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if n >= size:
            return f"{n / size:.1f} {unit}"
    return f"{n / 1e3:.1f} kB"
