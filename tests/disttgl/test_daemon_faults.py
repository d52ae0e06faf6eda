"""Whatever dies or hangs around a memory daemon: the others say what it was, nothing stays."""

import contextlib
import gc
import multiprocessing
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
import torch

from benchmark.disttgl.memory import server_link
from benchmark.disttgl.memory.backend import Turn
from benchmark.disttgl.memory.daemon import DaemonMemory
from benchmark.training.processes import Processes
from tests.disttgl.daemons import NUM_NODES, TIMEOUT, daemon_memory, on_ranks, schedule_of


def server_of(memory: DaemonMemory, copy: int = 0) -> psutil.Process:
    return psutil.Process(memory.servers[copy].process.pid)


def stop(process: psutil.Process) -> None:
    """Send SIGSTOP and wait until it is obeyed."""
    process.suspend()
    while process.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)


def left_behind() -> list[str]:
    """What this process could leave: shared memory with and without a name, sockets, servers."""
    gc.collect()
    found = [name for name in os.listdir("/dev/shm") if "node-memory" in name]
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    found += [line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()]
    wanted = ("/dev/shm", "node-memory", "socket:")
    servers = [p.pid for p in psutil.Process().children() if "memory.server" in str(p.cmdline())]
    return sorted(name for name in found if any(part in name for part in wanted)) + servers


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    before = left_behind()
    yield
    assert left_behind() == before


def touch(memory: DaemonMemory, turn: Turn = Turn(0, 0)) -> None:  # noqa: B008 - immutable
    """A reset, a write and a read."""
    memory.start(schedule_of("1x1x1"), 0)
    memory.reset(0)
    memory.request(turn, [torch.arange(NUM_NODES)])
    memory.write(turn, torch.tensor([1]), memory.empty.rows(torch.tensor([1])))
    memory.receive(turn)


class TestServer:
    def test_ends_with_its_memory(self) -> None:
        memory = daemon_memory("1x1x1")
        server = server_of(memory)
        touch(memory)
        memory.close()
        assert not server.is_running()
        assert memory.servers[0].process.returncode == 0
        memory.close()

    def test_ends_when_its_memory_is_forgotten(self) -> None:
        memory = daemon_memory("1x1x1")
        server = server_of(memory)
        del memory
        gc.collect()
        assert not server.is_running()

    def test_killed_is_named_where_rows_are_awaited(self) -> None:
        memory = daemon_memory("1x1x2")
        memory.start(schedule_of("1x1x2"), 0)
        for copy in range(2):
            memory.reset(copy)
        memory.request(Turn(1, 1), [torch.arange(NUM_NODES)])
        server = server_of(memory, 1)
        server.kill()
        with pytest.raises(RuntimeError) as error:
            memory.receive(Turn(1, 1))
        assert str(error.value) == (
            f"the memory daemon of copy 1 (pid {server.pid}) died: signal 9 (SIGKILL)"
        )
        memory.close()

    def test_killed_is_named_at_the_end_of_the_iteration(self) -> None:
        memory = daemon_memory("1x1x1")
        touch(memory)
        server_of(memory).kill()
        memory.servers[0].process.wait()
        memory.request(Turn(0, 0), [torch.arange(2)])  # in the background, where nobody looks
        with pytest.raises(RuntimeError, match=r"copy 0 \(pid \d+\) died: signal 9"):
            memory.commit()
        memory.close()

    def test_that_could_not_start_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.executable", "/bin/false")
        with pytest.raises(RuntimeError, match=r"copy 0 \(pid \d+\) ended with exit code 1"):
            daemon_memory("1x1x1")

    def test_that_is_stopped_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_link, "GRACE_SECONDS", 0.1)
        memory = daemon_memory("1x1x1")
        memory.links[0].patience = 0.25  # from now on: starting may take longer
        stop(server_of(memory))
        with pytest.raises(RuntimeError) as error:
            memory.start(schedule_of("1x1x1"), 0)
        said = r"the memory daemon of copy 0 \(pid \d+\) is stopped and has not answered for (.*) s"
        match = re.fullmatch(said, str(error.value))
        assert match is not None, error.value
        assert float(match[1]) >= 0.2  # more than half of what a trainer is given
        memory.close()

    def test_of_another_run_is_not_touched(self) -> None:
        one, other = daemon_memory("1x1x1"), daemon_memory("1x1x1")
        touch(one)
        server_of(one).kill()
        touch(other)
        other.close()
        one.close()


def hold(parallelism: str, pipe: Connection) -> None:
    """A trainer's process."""
    memory = daemon_memory(parallelism)
    memory.start(schedule_of(parallelism), 0)
    pipe.send([server.process.pid for server in memory.servers.values()])
    signal.pause()


class TestTrainer:
    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
    def test_that_is_ended_takes_its_servers_along(self, end: signal.Signals) -> None:
        """Also one that is stopped."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        receiver, sender = context.Pipe(duplex=False)
        trainer = context.Process(target=hold, args=("1x1x2", sender))
        trainer.start()
        sender.close()
        with receiver:
            servers = [psutil.Process(pid) for pid in receiver.recv()]
        assert len(servers) == 2
        servers[0].suspend()
        psutil.Process(trainer.pid).send_signal(end)
        trainer.join(TIMEOUT)
        assert trainer.exitcode == -end
        assert psutil.wait_procs(servers, timeout=TIMEOUT)[1] == []


class TestRanks:
    """Two ranks that share a copy; one of them is in trouble."""

    def test_the_death_of_a_rank_is_named(self) -> None:
        def die(memory: DaemonMemory) -> None:
            memory.links[0].connection.close()

        assert self.complaint(die) == f"has ended: rank 1 (pid {os.getpid()}) died"

    def test_a_rank_that_leaves_too_early_is_named(self) -> None:
        leave = DaemonMemory.close
        assert self.complaint(leave) == f"has ended: rank 1 (pid {os.getpid()}) has left"

    def test_a_rank_that_hangs_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_link, "OTHERS_PATIENCE", 0)
        monkeypatch.setattr(server_link, "LOOK_SECONDS", 0.2)
        said = self.complaint(lambda memory: None)
        assert re.fullmatch(r"has waited \d+ s for rank 1 to reset in iteration 0", said)

    def test_the_end_of_a_server_with_its_owner_is_told_as_such(self) -> None:
        def work(processes: Processes) -> None:
            memory = daemon_memory("2x1x1", processes)
            memory.start(schedule_of("2x1x1"), 0)
            processes.barrier()
            if processes.rank == 0:
                server_of(memory).kill()
                memory.servers[0].process.wait()
            processes.barrier()
            link = memory.links[0]
            link.address = replace(link.address, owner=ended_process())
            try:
                memory.commit()
            finally:
                memory.close()

        errors = [str(future.exception()) for future in on_ranks(2, work)]
        assert re.fullmatch(r".*copy 0 \(pid \d+\) died: signal 9 \(SIGKILL\)", errors[0])
        assert re.fullmatch(r".* ended with rank 0 \(pid \d+\), which had started it", errors[1])

    def complaint(self, trouble: Callable[[DaemonMemory], None]) -> str:
        """What rank 0 says, after who says it, when ``trouble`` comes over rank 1."""

        def work(processes: Processes) -> None:
            memory = daemon_memory("2x1x1", processes)
            memory.start(schedule_of("2x1x1"), 0)
            try:
                if processes.rank == 1:
                    trouble(memory)
                else:
                    memory.reset(0)
                    memory.release(0)
            finally:
                processes.barrier()
                memory.close()

        first, second = on_ranks(2, work)
        assert second.exception() is None
        said = re.fullmatch(r"the memory daemon of copy 0 \(pid \d+\) (.*)", str(first.exception()))
        assert said is not None, first.exception()
        return said[1]


def ended_process() -> int:
    """A process that is no more."""
    with subprocess.Popen(["true"]) as process:
        return process.pid
