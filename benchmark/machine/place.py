"""Where a process stands among those of a run and its machine, and what that machine has for it."""

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
NETWORK = Path("/proc/self/ns/net")
NUMBA_CACHE = "NUMBA_CACHE_DIR"
PACKAGE = Path(__file__).parents[1]
LAYERS = PACKAGE / "models" / "layers"  # whose compiled loops call those of other files
WISHED = os.environ.get(NUMBA_CACHE)


@dataclass(frozen=True)
class Place:
    """Process ``rank`` of ``world_size``, of which every machine hosts an equal, contiguous block.

    Raises:
        ValueError: If the processes do not spread evenly over the machines.
    """

    rank: int = 0
    world_size: int = 1
    machines: int = 1

    def __post_init__(self) -> None:
        if self.machines < 1 or self.world_size % self.machines:
            raise ValueError(
                f"{self.world_size} processes do not spread evenly over {self.machines} machines."
            )

    @classmethod
    def of_this_process(cls, environment: Mapping[str, str] = os.environ) -> "Place":
        """As the launcher, and torch's elastic one, tell their processes; else the only one."""
        names = ("RANK", "0"), ("WORLD_SIZE", "1"), ("GROUP_WORLD_SIZE", "1")
        return cls(*(int(environment.get(name, alone)) for name, alone in names))

    @property
    def local_size(self) -> int:
        """The number of processes on each machine."""
        return self.world_size // self.machines

    @property
    def local_rank(self) -> int:
        """The number of this process among those of its machine."""
        return self.rank % self.local_size

    @property
    def machine(self) -> int:
        """The number of this process's machine."""
        return self.rank // self.local_size


def machine_identity() -> str:
    """Equal for processes that can share memory: one start of one kernel, one network namespace.

    A host's name tells neither: containers may have the same one.
    """
    if BOOT.exists() and NETWORK.exists():
        return f"{BOOT.read_text().strip()} {os.stat(NETWORK).st_ino}"
    return str(uuid.getnode())


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def num_devices(device: str) -> int:
    """How many processes can have a GPU, or where ``device`` means the CPU a core, of their own."""
    if device != "cpu":
        from torch.cuda import device_count  # noqa: PLC0415 - seconds, and only needed here

        if device_count() > 0:
            return device_count()
    return available_cores()


def numba_cache(cache: Path) -> dict[str, str]:
    """The variable that has numba compile into ``cache``, where it cannot keep it by the code."""
    return {} if WISHED or os.access(PACKAGE, os.W_OK) else {NUMBA_CACHE: str(cache / "numba")}


def let_numba_be_imported() -> None:
    """Name a folder that goes with this process, where numba would find none and refuse.

    Processes that compile are given a lasting one by ``numba_cache``.
    """
    if WISHED or any(os.access(place, os.W_OK) for place in (PACKAGE, os.path.expanduser("~"))):
        return
    os.environ[NUMBA_CACHE] = folder = tempfile.mkdtemp(prefix="disttgl-benchmark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def forget_old_loops() -> None:
    """Have numba compile again, beside the code, what calls loops of a file that has changed.

    Numba itself looks at the file of a loop only.
    """
    found = hashlib.sha256()
    for source in sorted(LAYERS.glob("*.py")):
        found.update(source.read_bytes())
    folder = LAYERS / "__pycache__"
    noted = folder / "compiled-from"
    with contextlib.suppress(OSError):
        if noted.exists() and noted.read_text() == found.hexdigest():
            return
        for index in folder.glob("*.nbi"):
            index.unlink(missing_ok=True)
        folder.mkdir(exist_ok=True)
        noted.write_text(found.hexdigest())
