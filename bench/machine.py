"""What the figures were measured on."""

import os
import platform
import subprocess
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent


def describe() -> dict[str, object]:
    """The machine and the state of the code, for the report and the table's footer."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{psutil.virtual_memory().total / (1 << 30):.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _commit(),
        "started": time.strftime("%Y-%m-%d %H:%M"),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _cpu() -> str:
    """The model's name; hypervisors like to shorten it, so its numbers too."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    named = facts.get("model name", platform.machine())
    return f"{named} (family {facts.get('cpu family', '?')}, model {facts.get('model', '?')})"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
