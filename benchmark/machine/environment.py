"""What an experiment ran on: code version, library versions, hardware."""

import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmark.machine.place import available_cores

LIBRARIES = ("torch", "torch_geometric", "numpy", "pandas", "hydra-core", "wandb")
GIT_SECONDS = 10


def environment(threads: int) -> dict[str, Any]:
    """Commit, versions and hardware of this machine, whose name is left out.

    ``threads`` is the number of each process.
    """
    return {
        "commit": commit(),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": available_cores(),
        "threads_per_process": threads,
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def commit() -> str | None:
    """The commit of the code, or None where there is no git."""
    return _git("rev-parse", "HEAD")


def source_checksum() -> str:
    """Equal on machines that have the same code, committed or not."""
    root, summed = Path(__file__).parents[1], hashlib.sha256()
    for folder, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(name for name in files if name.endswith((".py", ".yaml"))):
            summed.update(f"{name}\0".encode() + Path(folder, name).read_bytes())
    return summed.hexdigest()


def _git(*arguments: str) -> str | None:
    """The output of a git command in the folder of the code, or None where there is no git."""
    folder = Path(__file__).parent
    try:
        run = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
