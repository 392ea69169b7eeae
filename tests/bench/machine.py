"""What the figures were found on."""

import os
import pathlib
import platform
import subprocess
import time

import processes
import servers


def _first(path, prefix):
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith(prefix):
            return line.partition(":")[2].strip()
    return ""


def _file_system(folder):
    """The type of the file system that the folder lies on."""
    best = ("", "unknown")
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split()
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def _versions(names):
    """Debian's versions of the peers of those names."""
    packages = sorted({servers.RECIPES[name].package for name in names} - {""})
    if not packages:
        return {}
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages]
    output = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return dict(line.split() for line in output.splitlines() if " " in line)


def load():
    """How many threads wanted a processor, on average of the last minute."""
    return os.getloadavg()[0]


def describe(scratch, names):
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "processors": processes.cpu_count(),
        "kernel": platform.release(),
        "file_system": _file_system(str(scratch)),
        "versions": _versions(names),
        "load_before": load(),
    }


def as_text(machine):
    lines = [
        f"{machine['when']}, {machine['processors']} x {machine['processor']}, "
        f"Linux {machine['kernel']}, data on {machine['file_system']}",
        f"load average {machine['load_before']:.1f} before and {machine['load_after']:.1f} after "
        "the run, which makes load of its own",
    ]
    if machine["versions"]:
        lines.append(", ".join(" ".join(one) for one in machine["versions"].items()))
    return "\n".join(lines) + "\n"
