"""No process of a run outlives the one that started it."""

import contextlib
import ctypes
import os
import select
import signal
import sys
import threading
import time
from typing import Any, Protocol

import psutil

PARENT = "BENCHMARK_PARENT_PID"
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LOOK_SECONDS = 1.0
ENDED_LOOK_SECONDS = 0.02


def child_environment() -> dict[str, str]:
    """This process's environment for a child that calls ``end_with_parent``."""
    return {**os.environ, PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends.

    Nothing where it was started in another way than with ``child_environment``.
    """
    parent = int(os.environ.get(PARENT, "0"))
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


class Process(Protocol):
    """What is used of ``subprocess.Popen``."""

    pid: int
    returncode: Any

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def how_killed(number: int) -> str:
    """What a signal has done to a process, in words."""
    name = signal.Signals(number).name
    if number == signal.SIGTERM:
        return f"was ended by {name}"
    memory = " (perhaps the machine ran out of memory)" if number == signal.SIGKILL else ""
    return f"was killed by {name}{memory}"


def is_alive(process: int) -> bool:
    """Whether a process runs, or is stopped and may go on."""
    with contextlib.suppress(psutil.Error, OSError):
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    return False


class Member:
    """A process known by more than its number, which the system gives again: also to threads."""

    def __init__(self, process: psutil.Process) -> None:
        self.process = process
        self.descriptor: int | None = None
        if sys.platform == "linux":
            self.descriptor = os.pidfd_open(process.pid)
            if not process.is_running():  # it is another's by now
                self.close()
                raise psutil.NoSuchProcess(process.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing where it has ended."""
        if self.ended():
            return
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if self.descriptor is None:
                self.process.send_signal(number)
            else:
                signal.pidfd_send_signal(self.descriptor, number)

    def ended(self) -> bool:
        """Whether it has ended; its parent may not have noticed yet."""
        if self.descriptor is None:
            return not (self.process.is_running() and is_alive(self.process.pid))
        watch = select.poll()
        watch.register(self.descriptor, select.POLLIN)
        return bool(watch.poll(0))

    def is_stopped(self) -> bool:
        """Whether a signal has stopped it, and none has made it go on."""
        with contextlib.suppress(psutil.Error, OSError):
            return not self.ended() and self.process.status() == psutil.STATUS_STOPPED
        return False

    def spent(self) -> float:
        """What it has done so far: seconds of CPU time, and MiB that it had the disk read or write.

        0 where it has ended.
        """
        with contextlib.suppress(psutil.Error, OSError):
            times = self.process.cpu_times()
            moved = self.process.io_counters() if hasattr(self.process, "io_counters") else None
            mebibytes = (moved.read_bytes + moved.write_bytes) / 2**20 if moved else 0.0
            return float(times.user + times.system + mebibytes)
        return 0.0

    def name(self) -> str:
        """What it is for: the module that it runs, or its parent did, and its number."""
        words = []
        with contextlib.suppress(psutil.Error, OSError):
            words = self.process.cmdline()
        module = words[words.index("-m") + 1] if "-m" in words[:-1] else " ".join(words[:2])
        return f"{module or 'a process'} (pid {self.process.pid})"

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class ProcessTree:
    """A started process and all that descend from it, also in sessions of their own."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.members: dict[psutil.Process, Member] = {}
        self.root: psutil.Process | None = None  # it may have ended, and another has waited for it
        with contextlib.suppress(psutil.NoSuchProcess):
            self.root = psutil.Process(process.pid)
            self._add(self.root)

    def look(self) -> None:
        """Take note of new descendants: once its parent has ended, one cannot be found any more."""
        if self.root is not None:
            self._add_descendants_of(self.root)

    def end(self, grace_seconds: float) -> list[str]:
        """End every member that still runs: SIGTERM, and SIGKILL after ``grace_seconds``.

        Returns what could not be ended, one sentence each; raises nothing.
        """
        problems = []
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in list(self.members):
                self._add_descendants_of(process)
            for member in self.members.values():
                try:
                    member.send(number)
                except (psutil.Error, OSError) as error:
                    problems.append(f"process {member.process.pid} cannot be ended: {error}")
            self._wait(grace_seconds)
        problems += [f"process {m.process.pid} does not end" for m in self._running()]
        for member in self.members.values():
            member.close()
        self.members.clear()
        self.process.poll()
        return list(dict.fromkeys(problems))

    def _add(self, process: psutil.Process) -> None:
        if process not in self.members:
            with contextlib.suppress(psutil.Error, OSError):
                self.members[process] = Member(process)

    def _add_descendants_of(self, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error, OSError):
            for descendant in process.children(recursive=True):
                self._add(descendant)

    def _running(self) -> list[Member]:
        return [member for member in self.members.values() if not member.ended()]

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._running() and time.monotonic() < deadline:
            time.sleep(ENDED_LOOK_SECONDS)
