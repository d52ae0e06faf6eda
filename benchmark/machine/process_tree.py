"""No process of a run outlives the one that started it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

PARENT = "BENCHMARK_PARENT_PID"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_SECONDS = 1.0


def child_environment() -> dict[str, str]:
    """This process's environment for a child that calls ``end_with_parent``."""
    return {**os.environ, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends."""
    parent = int(os.environ.get(PARENT, "0"))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if parent and os.getppid() != parent:  # it ended before the call
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def is_alive(process: int) -> bool:
    """Whether a process runs, or is stopped and may go on."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    return False


class ProcessTree:
    """A started process and all that descend from it, also in sessions of their own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.members = {psutil.Process(process.pid)}

    def look(self) -> None:
        """Take note of new descendants: once its parent has ended, one cannot be found any more."""
        self._add_descendants_of(psutil.Process(self.process.pid))

    def end(self, grace_seconds: float) -> None:
        """End every member that still runs: SIGTERM, and SIGKILL after ``grace_seconds``."""
        for stop in (psutil.Process.terminate, psutil.Process.kill):
            for member in list(self.members):
                self._add_descendants_of(member)
            for member in self.members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    stop(member)
            psutil.wait_procs(self.members, timeout=grace_seconds)

    def _add_descendants_of(self, member: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.members.update(member.children(recursive=True))
