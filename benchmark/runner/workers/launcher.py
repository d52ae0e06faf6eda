"""Starts the processes of one experiment on this machine and says how they ended.

``python -m benchmark.runner.workers.launcher RUN_FOLDER NUM_PROCESSES`` is what the runner starts;
where there are several machines, followed by ``MACHINE MACHINES HOST:PORT``.

The workers are forks of the launcher, which has imported what they need: before it has a thread.
They find each other as those of torch's elastic launcher do, in a store of the first machine's.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import NoReturn

from torch.distributed import TCPStore

from benchmark.errors import one_sentence
from benchmark.machine.process_tree import PARENT, end_with_parent, how_killed
from benchmark.records.run_folder import RunFolder
from benchmark.runner.workers.fork_server import become, leave

LAUNCHER = -1  # in the place of a rank
GRACE_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.5  # what one has failed of may be about to be noted by another
LOOK_SECONDS = 0.02
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class SignalledError(Exception):
    """The launcher itself is to end."""


def main(
    path: str,
    num_processes: str,
    machine: str = "0",
    machines: str = "1",
    endpoint: str = "127.0.0.1:0",  # a port that the kernel picks: runs never collide
) -> int:
    """Run the worker module in every process; the exit code is 0 if all went well."""
    end_with_parent()
    os.environ[PARENT] = str(os.getpid())
    folder = RunFolder(path)
    running: dict[int, int] = {}  # ranks by process
    try:
        host, port, listener = _listen(endpoint, leads=machine == "0")
        first, size = int(machine) * int(num_processes), int(num_processes)
        for rank in range(first, first + size):
            place = _place(rank, size, machine, machines) | {"MASTER_ADDR": host}
            running[_fork(path, place | {"MASTER_PORT": str(port)}, listener)] = rank
        for number in ENDING:
            signal.signal(number, _interrupt)
        store = listener and TCPStore(
            host, port, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach()
        )
        codes, forced = _wait(running)
        del store
    except OSError as error:
        _end(running)
        folder.note_failure(LAUNCHER, f"the launcher: {one_sentence(error)}")
        return 1
    except SignalledError as error:
        _end(running)
        folder.note_failure(LAUNCHER, f"the launcher {error}", "killed")
        return 1
    with contextlib.suppress(OSError, ValueError):  # of a disk that is full: what can be told is
        _note_silent_deaths(folder, codes, forced)
    return int(any(codes.values()))


def _listen(endpoint: str, leads: bool) -> tuple[str, int, socket.socket | None]:
    """Where the workers find each other, and on the first machine what listens there already."""
    host, _, port = endpoint.rpartition(":")
    if not leads:
        return host, int(port), None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, int(port)), family=family, backlog=socket.SOMAXCONN)
    return host, listener.getsockname()[1], listener


def _place(rank: int, size: int, machine: str, machines: str) -> dict[str, str]:
    """What torch's elastic launcher tells a worker of its place, and of the store."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(size * int(machines)),
        "LOCAL_RANK": str(rank % size),
        "LOCAL_WORLD_SIZE": str(size),
        "GROUP_RANK": machine,
        "GROUP_WORLD_SIZE": machines,
        "TORCHELASTIC_USE_AGENT_STORE": str(True),
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCH_NCCL_ASYNC_ERROR_HANDLING": os.environ.get("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1"),
    }


def _fork(path: str, place: Mapping[str, str], listener: socket.socket | None) -> int:
    """A worker, and its number."""
    if process := os.fork():
        return process
    if listener is not None:
        listener.close()
    words = ["benchmark.runner.workers.worker", path]
    become(os.dup(1), words, {**os.environ, **place}, os.getcwd())


def _interrupt(number: int, frame: object) -> NoReturn:
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise SignalledError(f"was ended by {signal.Signals(number).name}")


def _wait(running: dict[int, int]) -> tuple[dict[int, int], set[int]]:
    """Wait for the workers, and when one has failed end the others, as ``_end`` does.

    Returns the exit codes by rank, a signal's number negative, and who had to be killed.
    """
    codes: dict[int, int] = {}
    while running and not any(codes.values()):
        process, status = os.wait()
        codes[running.pop(process)] = os.waitstatus_to_exitcode(status)
    codes |= _ended_within(LAST_WORDS_SECONDS, running)
    ended, forced = _end(running)
    return codes | ended, forced


def _end(running: dict[int, int]) -> tuple[dict[int, int], set[int]]:
    """SIGTERM for what still runs, and SIGKILL after a while; exit codes, and who needed that."""
    codes: dict[int, int] = {}
    forced: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process, rank in running.items():
            forced |= {rank} if number == signal.SIGKILL else set()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, number)  # of its session: with what it has started
        codes |= _ended_within(GRACE_SECONDS, running)
    return codes, forced


def _ended_within(seconds: float, running: dict[int, int]) -> dict[int, int]:
    """The exit codes of those that end by then, which are taken out of ``running``."""
    codes = {}
    deadline = time.monotonic() + seconds
    while running and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        for process in list(running):
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                codes[running.pop(process)] = os.waitstatus_to_exitcode(status)
    return codes


def _note_silent_deaths(folder: RunFolder, codes: Mapping[int, int], forced: set[int]) -> None:
    """Give a reason for the workers that could not say it themselves.

    Those that were ended because another had failed are no cause.
    """
    noted = {failure["rank"] for failure in folder.failures()}
    for rank, code in codes.items():
        if code == 0 or rank in noted:
            continue
        if code < 0:
            cause = "ended" if code == -signal.SIGTERM or rank in forced else "killed"
            folder.note_failure(rank, f"rank {rank} {how_killed(-code)}", cause)
        else:
            folder.note_failure(rank, f"rank {rank} ended with exit code {code}")


if __name__ == "__main__":
    leave(main(*sys.argv[1:]))
